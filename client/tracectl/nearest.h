/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The word that somebody probably meant: offer all that there are, best is the
 * one with the fewest typing errors (a letter too many, missing, wrong, or two
 * swapped), or NULL where none is near enough to be worth mentioning.
 */

#define NEAREST_MAX 64 /* letters; longer words are not compared */

struct nearest {
        const char *word;
        const char *best; /* one of those offered */
        unsigned errors;
};

#define NEAREST_INIT(w) { .word = (w) }

void nearest_offer(struct nearest *nearest, const char *candidate);
