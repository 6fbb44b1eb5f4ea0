/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The directory that a recording goes to. It is new, and nobody but its owner
 * can look into it: a trace has whatever passes through a program.
 */

#include <time.h>

struct record_output {
        char *path;
        int fd; /* -1: none was created */
};

#define RECORD_OUTPUT_NULL { .fd = -1 }

/*
 * Creates the directory path or, where that is NULL, one named after the
 * command and the time. Says what is wrong on failure.
 */
int record_output_create(const char *path, const char *command, time_t now, struct record_output *ret);

/*
 * The base of a path as the name of a session and of a directory: what fits
 * neither becomes '_'. The caller frees *ret.
 */
int record_name_from_command(const char *command, char **ret);

/* Removes the directory where it is empty. Returns whether it is gone. */
int record_output_remove_empty(struct record_output *output);

void record_output_done(struct record_output *output);
