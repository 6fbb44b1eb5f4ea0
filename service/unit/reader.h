/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The unit that reads the kernel's rings for a session's owner who may see his own processes alone: the consumer's
 * program, as a pair of units like its own, but of the service's user. It is not started again: its successor could not
 * know what it had seen of threads. Main loop only.
 */

#include "service/unit/unit-starter.h"

#define READER_USER "tracectl"

struct reader;

struct reader_handlers {
        /* The connection is the callee's. */
        void (*connected)(int fd, void *userdata);
        /* It is not there, or gone. Called once; reason: a clause. */
        void (*failed)(const char *reason, void *userdata);
        void *userdata;
};

/* Nobody is called before it has returned. owner: of the session, whose reader it must not be. */
int reader_new(struct unit_starter *u, uid_t owner, const struct reader_handlers *handlers, struct reader **ret);

/* Its units go when it has written what it has, which it does when the connection ends. */
struct reader *reader_free(struct reader *r);
