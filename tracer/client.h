/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The conversation with tracingd (protocol/handshake.h), run by the helper
 * thread: connect, register, send definitions, apply views, reconnect.
 */

#include <stdint.h>

struct client_callbacks {
        void (*applied)(uint32_t version); /* objects_version() of the definitions that are in force */
};

/*
 * Talks to the socket at path until nobody is there any more or *quit is set.
 * wake_signal, blocked and sent to this thread, makes it look at *quit,
 * *want_locked and objects_version(). Where nobody is there any more, all events
 * are off when it returns; after *quit they stay as they are.
 */
void client_run(const char *path, int wake_signal, const uint32_t *quit, const uint32_t *want_locked,
                const struct client_callbacks *callbacks);

/* Held while anything but waiting is done. */
void client_lock(void);
void client_unlock(void);

/* In a child of fork(), where the lock was taken before: forgets everything. */
void client_reset(void);
