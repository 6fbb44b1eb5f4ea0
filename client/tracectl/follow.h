/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The live stream of a session, batch after batch, for the verbs that show what
 * happens while it does. Used by one thread; the verb owns it.
 */

#include <stdbool.h>
#include <stdint.h>

#include "client/libtracectl-read/tracectl-read.h"
#include "client/libtracectl/tracectl.h"

struct follow {
        tracectl_reader_live *live;
        uint64_t lost; /* when follow_has_lost() was asked last */
};

/* 0 or -errno, with the sentence in the session's connection. */
int follow_open(struct follow *follow, tracectl_session *session);
void follow_done(struct follow *follow);

/*
 * Waits until there is a batch, another descriptor is readable (-1: none), or so
 * many milliseconds have passed (-1: forever). 1: *ret is its reader; 0: there
 * is none yet; -EPIPE: the session has ended; -EINTR; or another -errno.
 */
int follow_next(struct follow *follow, int other_fd, int milliseconds, tracectl_reader **ret);

/* Whether more was missed since this was asked before. */
bool follow_has_lost(struct follow *follow);

/* Says what was missed. */
void follow_say_losses(const struct follow *follow);
