/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The command line of `tracectl record`, checked as far as it can be without
 * creating anything. Points into argv where nothing else is said.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "client/tracectl/selection.h"

/* As getopt_long() has them. */
#define RECORD_SHORT_OPTIONS "+:ce:kt:o:hp:H:"

struct record_arguments {
        char **patterns;      /* owned; at least one */
        const char **filters; /* of each, or NULL: `-e PATTERN:FILTER`; no two are alike in both */
        size_t n_patterns;
        uint32_t *pids; /* owned; programs that run already, and no command */
        size_t n_pids;
        const char *host; /* where to run, or NULL */
        bool is_user;     /* of pids: by the service of this user, not the machine's */
        struct selection selection; /* of all of them */
        const char *output;    /* NULL: a new directory is named after the command */
        bool kernel;           /* what the kernel does for the command, not what the command records */
        const char **syscalls; /* owned; patterns of system calls */
        size_t n_syscalls;
        bool without_password; /* what needs one is refused, nobody is asked */
        bool persistent;       /* rings in files */
        uint32_t sync_msec;    /* of those; 0: not given */
        bool libc, overwrite, with_summary, live, without_live;
        uint64_t duration; /* nanoseconds, 0: as long as the command runs */
        uint32_t subbuf_count; /* 0: the service's default */
        uint64_t subbuf_size;
        int n_options; /* words of the command line before the command */
        char **command; /* NULL: there are pids */
};

/*
 * Reads the command line. 0, or 1 with ret_status to exit with: after --help,
 * or after it has said what is wrong.
 */
int record_arguments_parse(int argc, char *argv[], struct record_arguments *ret, int *ret_status);

/* record-help.c: what --help prints. */
void record_print_help(void);

/* record-pattern.c: what is wrong with an event pattern, to follow its name in a sentence, or NULL. */
const char *record_pattern_refuse(const char *pattern);

/* Turns bytes a CPU into sub-buffers. -ERANGE where no ring has that size. */
int record_size_split(uint64_t size, uint32_t *ret_count, uint64_t *ret_subbuf_size);

void record_arguments_done(struct record_arguments *arguments);
