/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A ring set and a writer of it for tests, as protocol/ring.h says, in plain C:
 * one thread, no restartable sequences. The caller says when every event
 * happens.
 */

#include <stdbool.h>

#include "protocol/ring.h"

struct play_ring {
        struct ring_geometry geometry;
        void *ring;
        struct ring_positions *positions;
        int ring_fd, positions_fd;
};

void play_ring_new(struct play_ring *r, uint32_t flags, uint32_t n_cpus, uint32_t n_subbufs, uint64_t subbuf_size,
                   uint64_t created);
/* Takes over the files of one that the consumer has made. */
void play_ring_map(struct play_ring *r, int ring_fd, int positions_fd);
void play_ring_done(struct play_ring *r);

/* Records an event, or counts it as discarded: false. */
bool play_ring_write(struct play_ring *r, uint32_t cpu, uint64_t time, int32_t tid, uint32_t id, const void *payload,
                     size_t size);

/* Stores bytes as if they were a record. */
void play_ring_write_raw(struct play_ring *r, uint32_t cpu, uint64_t time, const void *data, size_t size);

void play_ring_discard(struct play_ring *r, uint32_t cpu, uint64_t n);

/* Leaves the open sub-buffer: false where there is no room to enter the next. */
bool play_ring_switch(struct play_ring *r, uint32_t cpu, uint64_t time);

struct ring_cpu *play_ring_cpu(const struct play_ring *r, uint32_t cpu);

/* What the consumer has taken. */
uint64_t play_ring_consumed(const struct play_ring *r, uint32_t cpu);
