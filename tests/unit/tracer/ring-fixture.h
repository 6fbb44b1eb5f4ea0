/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A ring set without tracingd, and a reader that checks every record: what the
 * tests of writers stand on. Events have class CHECK_ID and two u64, of which
 * the second is the complement of the first.
 */

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "protocol/ring.h"
#include "tracer/ring-map.h"
#include "tracer/ring-write.h"

#define CHECK_ID 7

struct fixture {
        int ring_fd, positions_fd;
        void *ring; /* the reader's mapping */
        struct ring_positions *positions;
        struct ring_geometry geometry;
        struct ring_map map; /* the writers' */
};

/* Called for each event in the order of its ring. */
typedef void (*event_func)(uint32_t cpu, int32_t pid, int32_t tid, uint64_t time, uint32_t id, const char *payload,
                           uint64_t size, void *userdata);

/* What a reader carries from one look at a ring to the next. */
struct reader {
        struct fixture *fixture;
        event_func func;
        void *userdata;
        uint64_t (*payload_size)(uint32_t id, const char *payload, uint64_t room);
        struct {
                uint64_t consumed, time;
                int32_t pid, tid;
        } cpu[64];
        uint64_t events;
};

void fixture_init(struct fixture *f, uint32_t flags, uint32_t clock, uint32_t n_subbufs, uint64_t subbuf_size);
void fixture_done(struct fixture *f);

/* Restricts the calling thread to one CPU. */
void fixture_pin(int cpu);

uint64_t fixture_discarded(const struct fixture *f);

/* Writes an event of CHECK_ID with value, as tracectl_record_fixed() would. */
void fixture_write(struct fixture *f, int32_t pid, int32_t tid, uint64_t value);

void reader_init(struct reader *r, struct fixture *f, event_func func, void *userdata);

/*
 * Takes everything that is there in all rings, checks its form (headers, order
 * of times, a thread record at the start of each sub-buffer) and gives it back to
 * the writers. Discard mode.
 */
void reader_consume(struct reader *r);

/* Checks records in a copy of [from, to) of one sub-buffer. Returns how many events. */
uint64_t reader_check(struct reader *r, uint32_t cpu, const char *data, uint64_t size, bool fresh);
