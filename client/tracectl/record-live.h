/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* tracectl record --live: prints the events while the command runs, to stderr, as strace does. */

#include "client/tracectl/follow.h"

struct record_live {
        struct follow follow; /* without a stream: nothing is printed */
};

/* -1 where nothing is printed. */
int record_live_get_fd(const struct record_live *live);

/* Prints what has come. The end of the stream, and whatever fails, is the end of the printing. */
void record_live_print(struct record_live *live);

/* Prints the rest, when the session has stopped and has not been destroyed. */
void record_live_finish(struct record_live *live);

void record_live_done(struct record_live *live);
