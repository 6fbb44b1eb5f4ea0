/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A file that is there whole or not at all: written without a name, and given
 * one when it is complete, in place of what had that name before. What is no
 * regular file (/dev/stdout, a pipe) is written as it comes.
 */

struct output_file {
        int fd; /* -1: none */
        char *path;
        char *temporary; /* its name until it is complete, where the file system cannot do without; or NULL */
        int directory_fd; /* -1: it has no name to get */
};

#define OUTPUT_FILE_NULL { .fd = -1, .directory_fd = -1 }

/* Negative errno; file is as OUTPUT_FILE_NULL before. */
int output_file_open(struct output_file *file, const char *path);

/* Gives it its name. */
int output_file_commit(struct output_file *file);

/* Also takes back what is not complete. */
void output_file_done(struct output_file *file);
