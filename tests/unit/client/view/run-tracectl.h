/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* tracectl, run to its end: $TRACECTL says which one. */

#include <glib.h>

struct result {
        int status;
        char *output, *errors;
};

/* In a directory, with arguments up to NULL. stdout is no terminal. */
__attribute__((sentinel)) void run_tracectl(struct result *result, const char *directory, ...);

/* What view prints of a trace in a form and with an option is this, and nothing else. */
void assert_output(const char *trace, const char *form, const char *option, const char *output);

void result_done(struct result *result);
