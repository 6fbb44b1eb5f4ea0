/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * An event as it is handed out: what it is, when and by whom, and where its
 * values are: of one with a layout its bytes, of any other its slots and the
 * data that they point into. Those belong to a stream or a batch.
 */

#include "client/libtracectl-read/stream.h"

struct record {
        const struct event_class *class;
        const char *path; /* of the stream */
        int64_t ns;
        uint64_t ticks;
        int32_t pid, tid, cpu;
        bool has_thread, has_slots;
        const uint8_t *bytes; /* of the event with a layout */
        const uint8_t *data;  /* of the others' slots */
        const struct slot *slots;
        size_t n_context_slots, n_slots;
};

/* The event that a stream is at, and that was read; good until the stream goes on. Taken in the order of time. */
static inline void record_take(struct record *record, const struct stream *stream) {
        record->class = stream->event;
        record->path = stream->path;
        record->ns = stream->ns;
        record->ticks = stream->decoder.time;
        record->pid = stream->pid;
        record->tid = stream->tid;
        record->cpu = stream->cpu;
        record->has_thread = stream->has_thread;
        record->bytes = stream->bytes;
        record->data = stream->decoder.data;
        record->has_slots = stream->has_slots;
        record->slots = stream->decoder.slots;
        record->n_context_slots = stream->n_context_slots;
        record->n_slots = stream->decoder.n_slots;
        if (stream->threads)
                threads_take(stream->threads, record);
}
