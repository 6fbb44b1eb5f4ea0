/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <string.h>

#include "tests/unit/tracer/ring-copy.h"

#define SUBBUFS_MAX 8
#define SUBBUF_SIZE_MAX 65536

struct subbuf_copy {
        struct ring_subbuf entry; /* of a sub-buffer that was left */
        uint64_t begin_time;
        uint64_t size;
        char data[SUBBUF_SIZE_MAX];
};

/* Copies sub-buffer number k, up to the position where it is the newest. False where a writer was faster. */
static bool copy_subbuf(const struct fixture *f, uint32_t cpu, uint64_t k, const struct ring_copy *now,
                        struct subbuf_copy *ret) {
        const struct ring_geometry *g = &f->geometry;
        uint64_t begin = k * g->subbuf_size, all = g->n_subbufs * g->subbuf_size;
        struct ring_cpu *ring = ring_cpu_at(g, f->ring, cpu);

        ret->begin_time = ring->subbuf[RING_SUBBUF_INDEX(g->n_subbufs, k - 1)].end_time;
        ret->entry = ring->subbuf[RING_SUBBUF_INDEX(g->n_subbufs, k)];
        memcpy(ret->data, ring_data_at(g, f->ring, cpu) + begin % all, g->subbuf_size);
        /* Pairs with the store of limit that precedes a writer's first store into the slot. */
        __atomic_thread_fence(__ATOMIC_ACQUIRE);
        if (__atomic_load_n(&ring->limit, __ATOMIC_RELAXED) > begin + all)
                return false;
        if (k == now->newest)
                ret->size = now->position > begin ? now->position - begin : 0;
        else {
                g_assert_cmpuint(ret->entry.sequence, ==, k + 1);
                ret->size = ret->entry.end - begin;
        }
        g_assert_cmpuint(ret->size, <=, g->subbuf_size);
        return true;
}

struct ring_copy reader_copy(struct reader *r, uint32_t cpu) {
        static struct subbuf_copy copies[SUBBUFS_MAX];
        const struct ring_geometry *g = &r->fixture->geometry;
        struct ring_cpu *ring = ring_cpu_at(g, r->fixture->ring, cpu);
        struct ring_copy ret = { 0 };
        unsigned first = 0, n = 0;

        g_assert_true(g->n_subbufs <= SUBBUFS_MAX && g->subbuf_size <= SUBBUF_SIZE_MAX);
        ret.position = __atomic_load_n(&ring->commit.position, __ATOMIC_ACQUIRE);
        ret.newest = __atomic_load_n(&ring->limit, __ATOMIC_ACQUIRE) / g->subbuf_size - 1;
        if (ret.newest < g->n_subbufs)
                return ret;
        for (; n < g->n_subbufs; n++)
                if (!copy_subbuf(r->fixture, cpu, ret.newest - g->n_subbufs + 1 + n, &ret, &copies[n]))
                        first = n + 1;
        ret.whole = n - first;
        if (ret.whole > 0)
                ret.first_time = copies[first].begin_time;
        for (unsigned i = first; i < n; i++) {
                r->cpu[cpu].time = copies[i].begin_time;
                r->events += reader_check(r, cpu, copies[i].data, copies[i].size, copies[i].size > 0);
                if (i < n - 1)
                        g_assert_cmpuint(copies[i].entry.end_time, >=, r->cpu[cpu].time);
        }
        return ret;
}
