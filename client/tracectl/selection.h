/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The options by which a command line leaves out some of the events that its
 * patterns match, and says which applications it means.
 */

#include <getopt.h>
#include <stdbool.h>
#include <stddef.h>

#include "client/libtracectl/tracectl.h"

/* Points into argv. */
struct selection {
        struct tracectl_event_options options;
        const char **exclude; /* owned; with room for NULL at the end */
        size_t n_exclude;
};

enum {
        SELECTION_FILTER = 512,
        SELECTION_LOGLEVEL,
        SELECTION_LOGLEVEL_ONLY,
        SELECTION_EXCLUDE,
        SELECTION_UID,
        SELECTION_PID,
        SELECTION_CHILDREN,
        SELECTION_EXECUTABLE,
        SELECTION_UNIT,
};

/* For each verb's table of options. */
#define SELECTION_N_OPTIONS 9
#define SELECTION_TARGET_OPTIONS                                                                                       \
        { "uid", required_argument, NULL, SELECTION_UID },                                                             \
        { "pid", required_argument, NULL, SELECTION_PID },                                                             \
        { "children", no_argument, NULL, SELECTION_CHILDREN },                                                         \
        { "exe", required_argument, NULL, SELECTION_EXECUTABLE },                                                      \
        { "unit", required_argument, NULL, SELECTION_UNIT }
#define SELECTION_OPTIONS                                                                                              \
        { "filter", required_argument, NULL, SELECTION_FILTER },                                                       \
        { "loglevel", required_argument, NULL, SELECTION_LOGLEVEL },                                                   \
        { "loglevel-only", required_argument, NULL, SELECTION_LOGLEVEL_ONLY },                                         \
        { "exclude", required_argument, NULL, SELECTION_EXCLUDE }

void selection_init(struct selection *s);
void selection_done(struct selection *s);

/* Whether any of them was given. */
static inline bool selection_is_used(const struct selection *s) {
        return s->options.filter || s->options.log_level || s->options.log_level_only || s->n_exclude > 0;
}

/* What getopt_long() returned. -1 where it is none of these; 0; or the exit status, when it has said what is wrong. */
int selection_option(struct selection *s, int c, const char *argument);
