/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Writing one event into one ring set, in its two forms. Either records the
 * event whole, or counts it as discarded: when the ring is full, when it is
 * larger than a sub-buffer, or after WRITE_TRIES_MAX attempts (a debugger that
 * steps through a restartable sequence aborts it for ever).
 *
 * Async-signal-safe; the caller has entered a tracepoint (thread.h).
 */

#include <stdbool.h>
#include <stdint.h>

#include "tracectl/tracepoint.h"
#include "tracer/ring-map.h"

#define WRITE_TRIES_MAX 128

struct write_event {
        uint32_t id;
        int32_t pid, tid;
        const struct tracectl_span *spans;
        uint32_t n_spans;
        uint32_t contexts_size; /* at most CONTEXTS_SIZE_MAX */
        const char *contexts;   /* as protocol/context.h says; between header and payload */
};

struct rseq;

/* The calling thread's restartable sequences, or NULL where it has none. They stay where they are until it ends. */
struct rseq *ring_rseq_of_thread(void);

/* Whether the C library has registered any for it, also where nothing here uses them. */
bool ring_rseq_registered(void);

void ring_rseq_write(struct rseq *rseq, const struct ring_map *map, const struct write_event *event);

void ring_locked_write(const struct ring_map *map, const struct write_event *event);
