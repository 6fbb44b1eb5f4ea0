/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * tracectl top: what happens in a session, counted while it does. The picture
 * is a text of lines, which goes to stdout or on a screen of the terminal.
 * Used by one thread.
 */

#include <stdbool.h>
#include <stdint.h>

#include "client/tracectl/follow.h"
#include "client/tracectl/summary.h"

struct top {
        const char *session;
        struct follow follow;
        struct summary summary;
};

/* The picture, of at most so many lines (0: as many as there are rows, up to some of each table). The caller frees it. */
int top_draw(struct top *top, uint32_t lines, char **ret);

/* On the screen: until 'q', SIGINT, SIGTERM or the end of the session, or for so many intervals (0: for ever). */
int top_run_on_screen(struct top *top, uint64_t iterations);

/*
 * Counts what comes until that time (milliseconds of CLOCK_MONOTONIC), or until
 * something has come (is_eager) or other_fd is readable. 1: something has
 * come; 0; -EPIPE at the end of the session; -EINTR; or another -errno.
 */
int top_wait(struct top *top, int64_t until, bool is_eager, int other_fd);

/* Milliseconds of CLOCK_MONOTONIC. */
int64_t top_now(void);
