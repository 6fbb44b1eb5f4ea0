/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Reading the words of a ring. Each is read once and may be anything: writers
 * of the ring's compartment can store there. The caller compares what it gets
 * with its own private numbers before it uses it. No state, no memory.
 */

#include <stdbool.h>
#include <stdint.h>

#include "protocol/ring.h"

/* position first, limit second: a limit that has moved on is not older than the position. */
struct look {
        uint64_t position;
        uint64_t limit;
        uint64_t last_time; /* valid for position where timed */
        uint64_t discarded;
        bool timed; /* false where the writer was too fast for us to read both together */
};

void look_take(const struct ring_cpu *words, struct look *ret);

/* Sub-buffer k of a ring with n_subbufs, as it was left. */
void look_subbuf(const struct ring_cpu *words, uint32_t n_subbufs, uint64_t k, struct ring_subbuf *ret);

/*
 * Whether sub-buffer k may be closed, without touching the cache line that
 * writers store to. true is a hint; false is certain for anything stored before
 * a fence that the writer makes after closing it.
 */
bool look_may_be_closed(const struct ring_cpu *words, uint32_t n_subbufs, uint64_t k);

static inline uint64_t look_limit(const struct ring_cpu *words) {
        return __atomic_load_n(&words->limit, __ATOMIC_ACQUIRE);
}
