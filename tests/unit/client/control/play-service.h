/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * tracectl against the fake service, which is the system bus to it: one command
 * line, what it prints, and what it calls. Each has a home of its own, in which
 * nothing is the current session but what play_set_current() says.
 */

#include "tests/unit/client/libtracectl/fake-service.h"
#include "tests/unit/client/view/run-tracectl.h"

struct play {
        char *home;
        struct result result;
        char *calls; /* one a line */
};

void play_begin(struct play *play);

/* Makes it the current session; the same that tracectl keeps. */
void play_set_current(const struct play *play, const char *session);

/* The current session's line, or NULL; g_free() it. */
char *play_get_current(const struct play *play);

/* Runs tracectl once, with arguments until NULL; the result of the last run is forgotten. */
void play_run(struct play *play, const struct fake_script *script, const char *const arguments[]);

void play_end(struct play *play);

/* All of it: a home, one run, and what comes of it. NULL: whatever. */
void assert_play(const struct fake_script *script, const char *const arguments[], int status, const char *output,
                 const char *errors, const char *calls);

#define ARGUMENTS(...) (const char *const[]) { __VA_ARGS__, NULL }
