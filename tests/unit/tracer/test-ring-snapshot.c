/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Snapshots of overwrite rings while a thread on each of two CPUs writes as fast
 * as it can: each holds its ring's newest events without a gap, every one whole.
 * The reader goes by what protocol/ring.h says and nothing else.
 */

#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "tests/unit/tracer/ring-fixture.h"
#include "tracer/sys.h"

#define SUBBUFS 8
#define SUBBUF_SIZE 4096
#define SNAPSHOTS 5000
#define WRITERS 2
#define NOT_YET UINT64_MAX

struct writer {
        pthread_t thread;
        struct fixture *f;
        int cpu;
        uint64_t done; /* values below were recorded */
        bool stop;
};

struct seen {
        uint64_t next;
};

static void *write_until_stopped(void *userdata) {
        struct writer *w = userdata;
        int32_t tid = sys_gettid();

        fixture_pin(w->cpu);
        for (uint64_t i = 0; !__atomic_load_n(&w->stop, __ATOMIC_RELAXED); i++) {
                fixture_write(w->f, 1234, tid, i);
                __atomic_store_n(&w->done, i + 1, __ATOMIC_RELEASE);
        }
        return NULL;
}

static void check_contiguous(uint32_t cpu, int32_t pid, int32_t tid, uint64_t time, uint32_t id, const char *payload,
                             uint64_t size, void *userdata) {
        struct seen *seen = userdata;
        uint64_t v[2];

        memcpy(v, payload, sizeof(v));
        g_assert_cmpuint(v[1], ==, ~v[0]);
        if (seen->next != NOT_YET)
                g_assert_cmpuint(v[0], ==, seen->next);
        seen->next = v[0] + 1;
}

struct copy {
        struct ring_subbuf entry; /* of a sub-buffer that was left */
        uint64_t begin_time;
        uint64_t size;
        char data[SUBBUF_SIZE];
};

/* Copies sub-buffer number k, up to position where it is the newest. False where a writer was faster. */
static bool copy_subbuf(const struct fixture *f, uint32_t cpu, uint64_t k, uint64_t newest, uint64_t position,
                        struct copy *ret) {
        const struct ring_geometry *g = &f->geometry;
        struct ring_cpu *ring = ring_cpu_at(g, f->ring, cpu);
        uint64_t begin = k * SUBBUF_SIZE;

        ret->begin_time = ring->subbuf[RING_SUBBUF_INDEX(SUBBUFS, k - 1)].end_time;
        ret->entry = ring->subbuf[RING_SUBBUF_INDEX(SUBBUFS, k)];
        memcpy(ret->data, ring_data_at(g, f->ring, cpu) + begin % (SUBBUFS * SUBBUF_SIZE), SUBBUF_SIZE);
        /* Pairs with the store of limit that precedes a writer's first store into the slot. */
        __atomic_thread_fence(__ATOMIC_ACQUIRE);
        if (__atomic_load_n(&ring->limit, __ATOMIC_RELAXED) > begin + SUBBUFS * SUBBUF_SIZE)
                return false;
        if (k == newest)
                ret->size = position > begin ? position - begin : 0;
        else {
                g_assert_cmpuint(ret->entry.sequence, ==, k + 1);
                ret->size = ret->entry.end - begin;
        }
        g_assert_cmpuint(ret->size, <=, SUBBUF_SIZE);
        return true;
}

/* Returns how many sub-buffers of those that it could have it has. */
static unsigned take_snapshot(struct fixture *f, struct writer *w) {
        uint64_t before = __atomic_load_n(&w->done, __ATOMIC_ACQUIRE), position, newest;
        struct ring_cpu *ring = ring_cpu_at(&f->geometry, f->ring, (uint32_t) w->cpu);
        static struct copy copies[SUBBUFS];
        struct seen seen = { NOT_YET };
        unsigned first = 0, n = 0;
        struct reader r;

        position = __atomic_load_n(&ring->commit.position, __ATOMIC_ACQUIRE);
        newest = __atomic_load_n(&ring->limit, __ATOMIC_ACQUIRE) / SUBBUF_SIZE - 1;
        if (newest < SUBBUFS)
                return 0;
        for (; n < SUBBUFS; n++)
                if (!copy_subbuf(f, (uint32_t) w->cpu, newest - SUBBUFS + 1 + n, newest, position, &copies[n]))
                        first = n + 1;
        reader_init(&r, f, check_contiguous, &seen);
        for (unsigned i = first; i < n; i++) {
                r.cpu[w->cpu].time = copies[i].begin_time;
                reader_check(&r, (uint32_t) w->cpu, copies[i].data, copies[i].size, copies[i].size > 0);
                if (i < n - 1)
                        g_assert_cmpuint(copies[i].entry.end_time, >=, r.cpu[w->cpu].time);
        }
        /* The newest, unless all was overwritten meanwhile. (position was read after what `before` counts.) */
        if (seen.next != NOT_YET && position > newest * SUBBUF_SIZE)
                g_assert_cmpuint(seen.next, >=, before);
        return n - first;
}

static void test_snapshot(void) {
        struct writer writers[WRITERS];
        unsigned n = MIN(WRITERS, (unsigned) sysconf(_SC_NPROCESSORS_ONLN)), whole = 0;
        struct fixture f;

        fixture_init(&f, RING_OVERWRITE, TRACE_CLOCK_TSC, SUBBUFS, SUBBUF_SIZE);
        for (unsigned i = 0; i < n; i++) {
                writers[i] = (struct writer) { .f = &f, .cpu = (int) i };
                g_assert_cmpint(pthread_create(&writers[i].thread, NULL, write_until_stopped, &writers[i]), ==, 0);
        }
        for (unsigned taken = 0; taken < SNAPSHOTS;)
                for (unsigned i = 0; i < n; i++) {
                        unsigned got = take_snapshot(&f, &writers[i]);

                        taken += got > 0;
                        whole += got;
                }
        for (unsigned i = 0; i < n; i++) {
                __atomic_store_n(&writers[i].stop, true, __ATOMIC_RELAXED);
                pthread_join(writers[i].thread, NULL);
                /* At rest nothing is in the way: the last event is there, and the ring is full. */
                g_assert_cmpuint(take_snapshot(&f, &writers[i]), ==, SUBBUFS);
        }
        g_test_message("%u sub-buffers in %u snapshots", whole, SNAPSHOTS);
        g_assert_cmpuint(fixture_discarded(&f), ==, 0);
        fixture_done(&f);
}

int main(int argc, char *argv[]) {
        g_test_init(&argc, &argv, NULL);
        if (ring_rseq_of_thread())
                g_test_add_func("/ring/snapshot", test_snapshot);
        return g_test_run();
}
