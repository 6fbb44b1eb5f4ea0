/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * One sentence about what is wrong with a trace, for the user of the library.
 * The words in it may come from the trace; whoever prints it sees to control
 * characters. Owned by whoever reads; the first problem stays.
 */

struct problem {
        char text[512];
};

/* Sets the sentence, unless there is one, and returns error. */
__attribute__((format(printf, 3, 4))) int problem_set(struct problem *problem, int error, const char *format, ...);
