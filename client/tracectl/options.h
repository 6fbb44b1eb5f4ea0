/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What to say about a command line that getopt_long() does not take. Short
 * options start with ':' (or "+:"), so that a missing argument can be told from
 * an unknown option.
 */

#include <getopt.h>

/*
 * c is what getopt_long() returned, '?' or ':'. Says what is wrong, with the
 * option that was probably meant, and returns EXIT_USAGE. verb is NULL for
 * options before any verb.
 */
int options_refuse(const char *verb, int c, char *argv[], const struct option *options);

/* Says that word is none of the known ones (until NULL), and which one was probably meant. Returns EXIT_USAGE. */
int options_refuse_word(const char *what, const char *word, const char *const known[]);
