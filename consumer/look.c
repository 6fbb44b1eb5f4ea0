/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "consumer/look.h"

/* A writer commits a few times in the time that one try takes; both words share a cache line. */
#define LOOK_TRIES 64

void look_take(const struct ring_cpu *words, struct look *ret) {
        struct look look = {};

        for (int i = 0; i < LOOK_TRIES && !look.timed; i++) {
                look.position = __atomic_load_n(&words->commit.position, __ATOMIC_ACQUIRE);
                look.last_time = __atomic_load_n(&words->last_time, __ATOMIC_ACQUIRE);
                look.timed = __atomic_load_n(&words->commit.position, __ATOMIC_ACQUIRE) == look.position;
        }
        look.limit = look_limit(words);
        look.discarded = __atomic_load_n(&words->discarded, __ATOMIC_RELAXED);
        *ret = look;
}

void look_subbuf(const struct ring_cpu *words, uint32_t n_subbufs, uint64_t k, struct ring_subbuf *ret) {
        const struct ring_subbuf *entry = &words->subbuf[RING_SUBBUF_INDEX(n_subbufs, k)];

        *ret = (struct ring_subbuf) {
                .end = __atomic_load_n(&entry->end, __ATOMIC_RELAXED),
                .end_time = __atomic_load_n(&entry->end_time, __ATOMIC_RELAXED),
                .discarded = __atomic_load_n(&entry->discarded, __ATOMIC_RELAXED),
                .sequence = __atomic_load_n(&entry->sequence, __ATOMIC_RELAXED),
        };
}

bool look_may_be_closed(const struct ring_cpu *words, uint32_t n_subbufs, uint64_t k) {
        const struct ring_subbuf *entry = &words->subbuf[RING_SUBBUF_INDEX(n_subbufs, k)];

        return __atomic_load_n(&entry->sequence, __ATOMIC_RELAXED) == k + 1;
}
