/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The directory of create -o, opened with the rights of whoever calls, and passed to the service. */

#include <stdbool.h>

struct session_output {
        int fd;           /* -1: none */
        const char *path; /* where it is new: NULL, or points to what the user has written */
};

#define SESSION_OUTPUT_NULL { .fd = -1 }

/* Makes the directory where it is missing. 0, or the exit status after saying what is wrong. */
int session_output_open(struct session_output *output, const char *path, bool may_have_files);

/* Removes it where it is new: nobody will write to it. */
void session_output_abandon(struct session_output *output);

void session_output_done(struct session_output *output);
