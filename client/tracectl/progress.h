/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Work that goes through many events: shows on a terminal how far it is, and
 * ends when somebody wants it to. One at a time, in one thread.
 *
 * The line is on stderr, where that is a terminal and what the work writes is
 * not. From progress_catch_signals() on, SIGINT, SIGTERM and SIGHUP no longer
 * end the program: progress_step() returns -EINTR instead, whoever works takes
 * back what is half done, and progress_die() ends the program by that signal.
 */

#include <stdbool.h>
#include <stdint.h>

struct progress {
        bool is_shown;
        bool has_line; /* that is to be wiped out */
        unsigned n_steps_left;
        uint64_t n;
        uint64_t due_ns; /* when to write the line again */
};

void progress_catch_signals(void);

/* The work's own output goes to fd. */
void progress_init(struct progress *progress, int fd);

int progress_look(struct progress *progress);

/* One event more. 0, or -EINTR. */
static inline int progress_step(struct progress *progress) {
        return --progress->n_steps_left > 0 ? 0 : progress_look(progress);
}

/* Wipes the line out. */
void progress_done(struct progress *progress);

/* Ends the program by the signal that came; returns where none did. */
void progress_die(void);
