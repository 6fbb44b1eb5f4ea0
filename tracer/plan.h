/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Recording one event into one ring, apart from how it is committed: what is
 * there (the words of the ring, read once and clamped), what must be written
 * before the payload (a thread record, a compact or extended header, contexts), and
 * whether the next sub-buffer must be entered first. Both forms of writers use
 * it: ring-rseq.c commits a plan in a restartable sequence that checks that
 * nothing has changed since, ring-locked.c under a lock.
 *
 * Everything read from the ring may have been written by a hostile neighbour:
 * whatever it says, a plan stays inside this CPU's data.
 */

#include <stdbool.h>
#include <stdint.h>

#include "protocol/context.h"
#include "protocol/ctf.h"
#include "protocol/ring.h"
#include "tracer/ring-map.h"
#include "tracer/ring-write.h"

/* A thread record and an event header, both extended at most, and contexts. */
#define PLAN_HEADER_MAX (CTF_EXTENDED_SIZE + CTF_THREAD_PAYLOAD + CTF_EXTENDED_SIZE + CONTEXTS_SIZE_MAX)

/* The words of a ring as they were when the plan was made. */
struct ring_state {
        uint64_t position, meta, last_time, limit;
};

struct plan {
        struct ring_state seen;
        uint64_t start;      /* position of the first byte to write */
        uint64_t room;       /* bytes from there to the end of the sub-buffer */
        char *destination;   /* where start is */
        uint64_t time;       /* becomes last_time */
        uint64_t meta;       /* becomes meta */
        uint32_t header_size;
        bool fresh;          /* the sub-buffer holds nothing yet */
        char header[PLAN_HEADER_MAX] __attribute__((aligned(8)));
};

/* How a sub-buffer is left and the next one entered. */
struct plan_switch {
        struct ring_state seen;
        struct ring_subbuf *entry;
        struct ring_subbuf left;
        uint64_t limit; /* becomes limit */
};

enum plan_result {
        PLAN_OK,
        PLAN_SWITCH, /* no room for any event: enter the next sub-buffer first */
};

/* Plans an event into ring (of CPU number cpu); of its spans nothing is looked at. */
enum plan_result plan_event(const struct ring_map *map, struct ring_cpu *ring, uint32_t cpu,
                            const struct write_event *event, struct plan *ret);

/* Plans to enter the next sub-buffer. False where the ring is full (discard mode). */
bool plan_next_subbuf(const struct ring_map *map, struct ring_cpu *ring, uint32_t cpu, struct plan_switch *ret);

/* After a sub-buffer was entered: wakes the consumer if it sleeps. */
void plan_wake_consumer(const struct ring_map *map);

/* Counts n events that are not recorded. */
static inline void ring_count_all_discarded(struct ring_cpu *ring, uint64_t n) {
        __atomic_fetch_add(&ring->discarded, n, __ATOMIC_RELAXED);
}

static inline void ring_count_discarded(struct ring_cpu *ring) {
        ring_count_all_discarded(ring, 1);
}
