/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* tracectl record --live: prints the events while the command runs, to stderr, as strace does. */

#include <stdbool.h>

#include "client/tracectl/follow.h"
#include "client/tracectl/view-output.h"

struct record_live {
        struct follow follow; /* without a stream: nothing is printed */
        struct view_run run;
};

/* Calls of the system in one line each, where it is of the kernel. 0 or -errno. */
int record_live_begin(struct record_live *live, tracectl_session *session, bool is_kernel);

/* -1 where nothing is printed. */
int record_live_get_fd(const struct record_live *live);

/* Prints what has come. The end of the stream, and whatever fails, is the end of the printing. */
void record_live_print(struct record_live *live);

/* Prints the rest, when the session has stopped and has not been destroyed. */
void record_live_finish(struct record_live *live);

void record_live_done(struct record_live *live);
