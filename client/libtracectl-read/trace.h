/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * One CTF trace: a directory with a file `metadata` and stream files beside it.
 * trace_find() opens all that lie in or below a directory.
 */

#include "client/libtracectl-read/stream.h"

struct trace {
        struct metadata *metadata;
        struct stream **streams;
        size_t n_streams, capacity;
};

struct traces {
        struct trace **traces;
        size_t n, capacity;
        size_t n_streams; /* of all */
        unsigned n_kinds;
        struct thread_tables threads;
};

/*
 * Adds the traces in and below the directory path to traces, and reports what
 * of them cannot be read. With none at all, a negative errno and the sentence
 * in problem.
 */
int trace_find(struct traces *traces, const struct report *report, struct problem *problem, const char *path);

/* Adds one that is already described, and has no streams yet. *metadata is taken over on success. -ENOMEM. */
int traces_add(struct traces *traces, struct metadata **metadata, struct trace **ret);

/* A stream of it: of a regular file, taken over also on failure. path is for sentences. */
int trace_add_file(struct traces *traces, struct trace *trace, const struct report *report, int fd, const char *path,
                   struct stream **ret);

void traces_done(struct traces *traces);
