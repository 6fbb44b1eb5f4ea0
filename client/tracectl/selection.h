/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The options by which a command line leaves out some of the events that its patterns match. */

#include <getopt.h>
#include <stdbool.h>
#include <stdbool.h>
#include <stddef.h>

#include "client/libtracectl/tracectl.h"

/* Points into argv. */
struct selection {
        struct tracectl_event_options options;
        const char **exclude; /* owned; with room for NULL at the end */
        size_t n_exclude;
};

enum { SELECTION_FILTER = 512, SELECTION_LOGLEVEL, SELECTION_LOGLEVEL_ONLY, SELECTION_EXCLUDE };

/* For each verb's table of options. */
#define SELECTION_N_OPTIONS 4
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
