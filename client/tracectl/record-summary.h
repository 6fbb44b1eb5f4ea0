/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The last line of a recording: how many events, how many lost and why, how
 * much, where, and how to look at it; or why there is nothing to look at.
 */

#include <stdbool.h>

#include "client/libtracectl/tracectl.h"

struct record_summary {
        const tracectl_counts *counts; /* NULL: there are none, failure says why */
        const char *failure;           /* a sentence, or NULL */
        const char *directory;         /* NULL: nothing was written, it is gone */
        const char *program;           /* how the user calls tracectl */
        const char *session;           /* that was stopped; NULL: it was tracectl record */
        bool libc, all_events;         /* of tracectl record; no -e */
        bool kernel;                   /* of tracectl record: what the kernel does for them */
        bool calls;                    /* of tracectl record: system calls that were asked for, to be seen as such */
        const char *no_strings;        /* why what system calls point to was not recorded, or NULL */
        bool is_running;               /* of tracectl record: programs that ran already */
        uint64_t nsec, cpu_nsec;       /* how long it took, and the service's time on CPUs; 0: not known */
        uint64_t within_nsec;          /* about what it took of the programs' own time; 0: not known */
        bool filtered;                 /* with --filter or another option that chooses among them */
};

/* The line, without a line break. The caller frees it. */
int record_summary_format(const struct record_summary *summary, char **ret);
