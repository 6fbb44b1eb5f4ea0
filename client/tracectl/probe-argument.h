/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The options of a command line that say where a probe is. */

#include <getopt.h>

#include "client/libtracectl/tracectl.h"

struct probe_argument {
        int file;   /* of the program, opened as whoever gave the command; owned */
        char *name; /* for its events, where no other is given; owned */
};

#define PROBE_ARGUMENT_NONE ((struct probe_argument) { .file = -1 })

enum {
        PROBE_ARGUMENT_PROGRAM = 544,
        PROBE_ARGUMENT_KERNEL,
        PROBE_ARGUMENT_FUNCTION,
};

#define PROBE_ARGUMENT_N_OPTIONS 3
#define PROBE_ARGUMENT_OPTIONS                                                                                         \
        { "userspace-probe", required_argument, NULL, PROBE_ARGUMENT_PROGRAM },                                        \
        { "probe", required_argument, NULL, PROBE_ARGUMENT_KERNEL },                                                   \
        { "function", required_argument, NULL, PROBE_ARGUMENT_FUNCTION }

/* As selection_option(). What it fills in of options lives as long as p and argument. */
int probe_argument_option(struct probe_argument *p, struct tracectl_event_options *options, int c,
                          const char *argument);
void probe_argument_done(struct probe_argument *p);
