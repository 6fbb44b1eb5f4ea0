/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Snapshots of overwrite rings while a thread on each of two CPUs writes as fast
 * as it can: each holds its ring's newest events without a gap, every one whole.
 */

#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "tests/unit/tracer/ring-copy.h"
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

/* Returns how many sub-buffers of those that it could have it has. */
static unsigned take_snapshot(struct fixture *f, struct writer *w) {
        uint64_t before = __atomic_load_n(&w->done, __ATOMIC_ACQUIRE);
        struct seen seen = { NOT_YET };
        struct ring_copy copy;
        struct reader r;

        reader_init(&r, f, check_contiguous, &seen);
        copy = reader_copy(&r, (uint32_t) w->cpu);
        /* The newest, unless all was overwritten meanwhile. (The position was read after what `before` counts.) */
        if (seen.next != NOT_YET && copy.position > copy.newest * SUBBUF_SIZE)
                g_assert_cmpuint(seen.next, >=, before);
        return copy.whole;
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
