/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Streams in the order of their next events: a heap. The stream that is first
 * may change its event; merge_settle() puts it in its new place then. The
 * streams stay their traces'.
 */

#include "client/libtracectl-read/stream.h"

struct merge {
        struct stream **streams; /* each before those at 2i + 1 and 2i + 2 */
        size_t n, capacity;
};

/*
 * Ticks tell apart what happened in the same nanosecond; they are of one clock
 * in all traces of a session. At the same tick the order is that of the files.
 */
static inline bool merge_is_before(const struct stream *a, const struct stream *b) {
        if (a->ns != b->ns)
                return a->ns < b->ns;
        if (a->decoder.time != b->decoder.time)
                return a->decoder.time < b->decoder.time;
        return a->number < b->number;
}

int merge_add(struct merge *merge, struct stream *stream);

/* The stream with the earliest event, or NULL. */
static inline struct stream *merge_first(const struct merge *merge) {
        return merge->n > 0 ? merge->streams[0] : NULL;
}

/* The one that is first without that, or NULL. */
struct stream *merge_second(const struct merge *merge);

void merge_settle(struct merge *merge);

/* Takes the first stream out. */
void merge_drop(struct merge *merge);

void merge_done(struct merge *merge);
