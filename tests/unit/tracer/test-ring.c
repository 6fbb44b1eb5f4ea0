/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Writers, each form, one and many threads: form and content of every record, exact counts. */

#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "protocol/ctf.h"
#include "tests/unit/tracer/ring-fixture.h"
#include "tracer/sys.h"

struct form {
        const char *name;
        uint32_t flags, clock;
};

static const struct form forms[] = {
        { "rseq-tsc", 0, TRACE_CLOCK_TSC },
        { "rseq-monotonic", 0, TRACE_CLOCK_MONOTONIC },
        { "locked-tsc", RING_LOCKED, TRACE_CLOCK_TSC },
        { "locked-monotonic", RING_LOCKED, TRACE_CLOCK_MONOTONIC },
};

struct expect {
        uint64_t next;
        int32_t tid;
};

static void check_in_order(uint32_t cpu, int32_t pid, int32_t tid, uint64_t time, uint32_t id, const char *payload,
                           uint64_t size, void *userdata) {
        struct expect *e = userdata;
        uint64_t v[2];

        memcpy(v, payload, sizeof(v));
        g_assert_cmpuint(v[0], ==, e->next);
        g_assert_cmpuint(v[1], ==, ~v[0]);
        g_assert_cmpint(pid, ==, 1234);
        g_assert_cmpint(tid, ==, e->tid);
        e->next++;
}

/* Many laps, read after each few: nothing is lost, all in order, sub-buffers begin with a thread record. */
static void test_in_order(gconstpointer data) {
        const struct form *form = data;
        struct expect expect = { 0, sys_gettid() };
        struct fixture f;
        struct reader r;

        fixture_init(&f, form->flags, form->clock, 4, 4096);
        fixture_pin(0);
        reader_init(&r, &f, check_in_order, &expect);
        for (uint64_t i = 0; i < 20000; i++) {
                fixture_write(&f, 1234, expect.tid, i);
                if (i % 97 == 0)
                        reader_consume(&r);
        }
        reader_consume(&r);
        g_assert_cmpuint(expect.next, ==, 20000);
        g_assert_cmpuint(fixture_discarded(&f), ==, 0);
        fixture_done(&f);
}

/* A full ring keeps the oldest and counts the rest; room makes it go on. */
static void test_discard(gconstpointer data) {
        const struct form *form = data;
        struct expect expect = { 0, sys_gettid() };
        uint64_t recorded;
        struct fixture f;
        struct reader r;

        fixture_init(&f, form->flags, form->clock, 2, 4096);
        fixture_pin(0);
        reader_init(&r, &f, check_in_order, &expect);
        for (uint64_t i = 0; i < 5000; i++)
                fixture_write(&f, 1234, expect.tid, i);
        reader_consume(&r);
        recorded = r.events;
        g_assert_cmpuint(recorded, >=, 2 * 4096 / 20 - 4);
        g_assert_cmpuint(recorded, <=, 2 * 4096 / 20 * f.geometry.n_cpus);
        g_assert_cmpuint(recorded + fixture_discarded(&f), ==, 5000);
        expect.next = 5000;
        fixture_write(&f, 1234, expect.tid, 5000);
        reader_consume(&r);
        g_assert_cmpuint(expect.next, ==, 5001);
        fixture_done(&f);
}

static uint64_t string_size(uint32_t id, const char *payload, uint64_t room) {
        return strnlen(payload, room) + 1;
}

struct strings {
        unsigned n;
        const char *expect;
        size_t length;
        uint32_t id;
};

static void check_string(uint32_t cpu, int32_t pid, int32_t tid, uint64_t time, uint32_t id, const char *payload,
                         uint64_t size, void *userdata) {
        struct strings *s = userdata;

        g_assert_cmpuint(id, ==, s->id);
        g_assert_cmpuint(size, ==, s->length + 1);
        g_assert_cmpint(memcmp(payload, s->expect, s->length), ==, 0);
        s->n++;
}

/*
 * The length of a string that leaves not a byte of a sub-buffer free, behind a
 * thread record and its own header; by 9 too long where the record before it is
 * so old that the thread record's header has to be extended.
 */
static size_t largest_string(uint64_t subbuf_size, bool extended) {
        return subbuf_size - 12 - (extended ? 13 : 4) - 1;
}

/* Writes a string, or bytes of which the last one is 0. It must be counted if it is not there. Returns whether it is. */
static bool write_length(struct fixture *f, struct reader *r, char *text, size_t length, bool extended, bool bytes) {
        struct tracectl_span span = { text, (uint32_t) length + bytes,
                                      bytes ? TRACECTL_SPAN_BYTES : TRACECTL_SPAN_STRING };
        struct write_event event = { extended ? 70000 : 29, 1, 2, &span, 1 };
        uint64_t lost = fixture_discarded(f);
        struct strings *s = r->userdata;

        *s = (struct strings) { .expect = text, .length = length, .id = event.id };
        text[length] = '\0';
        if (f->geometry.flags & RING_LOCKED)
                ring_locked_write(&f->map, &event);
        else
                ring_rseq_write(ring_rseq_of_thread(), &f->map, &event);
        reader_consume(r);
        g_assert_cmpuint(s->n + fixture_discarded(f), ==, lost + 1);
        text[length] = 'x';
        return s->n;
}

/* In a large sub-buffer what was before may be old by the mere length of the attempt to write into what was left of it. */
static void check_largest(struct fixture *f, struct reader *r, char *text, bool extended, bool bytes) {
        size_t largest = largest_string(f->geometry.subbuf_size, extended);
        bool small = f->geometry.subbuf_size == RING_SUBBUF_SIZE_MIN;

        g_assert_true(write_length(f, r, text, largest - 9, extended, bytes));
        g_assert_false(write_length(f, r, text, largest + 1, extended, bytes));
        /* The writer may be kept from its processor between the two. */
        for (unsigned i = 0; small && i < 1000; i++) {
                g_assert_true(write_length(f, r, text, 9, extended, bytes));
                if (write_length(f, r, text, largest, extended, bytes))
                        return;
        }
        g_assert_false(small);
}

/* Strings of every length around 8 and up to more than a sub-buffer, compact and extended ids. */
static void test_strings(gconstpointer data) {
        const struct form *form = data;
        char text[5000];
        struct fixture f;
        struct reader r;
        struct strings s;

        memset(text, 'x', sizeof(text) - 1);
        fixture_init(&f, form->flags, form->clock, 8, 4096);
        fixture_pin(0);
        reader_init(&r, &f, check_string, &s);
        r.payload_size = string_size;
        for (size_t length = 0; length < sizeof(text) - 1; length += length < 40 ? 1 : 127)
                for (unsigned k = 0; k < 2; k++)
                        g_assert_true(write_length(&f, &r, text, length, k, false) == (length < 4000));
        fixture_done(&f);
}

/* In the smallest and the largest sub-buffers: the largest events that there is room for, and one byte more. */
static void test_sizes(gconstpointer data) {
        static const uint64_t sizes[] = { RING_SUBBUF_SIZE_MIN, RING_SUBBUF_SIZE_MAX };
        const struct form *form = data;
        g_autofree char *text = g_malloc(RING_SUBBUF_SIZE_MAX);
        struct strings s;

        memset(text, 'x', RING_SUBBUF_SIZE_MAX);
        fixture_pin(0);
        for (unsigned i = 0; i < G_N_ELEMENTS(sizes); i++) {
                struct fixture f;
                struct reader r;

                fixture_init(&f, form->flags, form->clock, RING_SUBBUFS_MIN, sizes[i]);
                reader_init(&r, &f, check_string, &s);
                r.payload_size = string_size;
                for (unsigned k = 0; k < 4; k++) {
                        bool extended = k & 1, bytes = k & 2;
                        size_t middle = largest_string(sizes[i], extended) / 2 + 1;

                        check_largest(&f, &r, text, extended, bytes);
                        g_assert_true(write_length(&f, &r, text, middle, extended, bytes));
                        check_largest(&f, &r, text, extended, bytes);
                }
                fixture_done(&f);
        }
}

/* The newest survive: a snapshot holds whole sub-buffers, contiguous up to the last event. */
static void test_overwrite(gconstpointer data) {
        const struct form *form = data;
        struct expect expect = { 0, sys_gettid() };
        struct fixture f;
        struct reader r;
        struct ring_cpu *ring;
        uint64_t limit, first;

        fixture_init(&f, form->flags | RING_OVERWRITE, form->clock, 4, 4096);
        fixture_pin(0);
        for (uint64_t i = 0; i < 100000; i++)
                fixture_write(&f, 1234, expect.tid, i);
        g_assert_cmpuint(fixture_discarded(&f), ==, 0);
        reader_init(&r, &f, check_in_order, &expect);
        ring = ring_cpu_at(&f.geometry, f.ring, 0);
        limit = ring->limit;
        first = limit - 4 * 4096;
        r.cpu[0].consumed = first;
        r.cpu[0].time = ring->subbuf[RING_SUBBUF_INDEX(4, first / 4096 - 1)].end_time;
        /* A record is 20 bytes behind its sub-buffer's thread record of 12. */
        memcpy(&expect.next, ring_data_at(&f.geometry, f.ring, 0) + first % (4 * 4096) + 12 + 4, 8);
        g_assert_cmpuint(expect.next, >, 100000 - 4 * 4096 / 20);
        reader_consume(&r);
        g_assert_cmpuint(expect.next, ==, 100000);
        fixture_done(&f);
}

struct thread_check {
        uint64_t next[8]; /* lowest counter that may come next of each thread */
        uint64_t seen[8];
        int32_t tids[8];
};

static void check_threads(uint32_t cpu, int32_t pid, int32_t tid, uint64_t time, uint32_t id, const char *payload,
                          uint64_t size, void *userdata) {
        struct thread_check *c = userdata;
        uint64_t v[2], n, counter;

        memcpy(v, payload, sizeof(v));
        g_assert_cmpuint(v[1], ==, ~v[0]);
        n = v[0] >> 48;
        counter = v[0] & ((UINT64_C(1) << 48) - 1);
        g_assert_cmpuint(n, <, 8);
        g_assert_cmpint(tid, ==, __atomic_load_n(&c->tids[n], __ATOMIC_RELAXED));
        (void) counter;
        c->seen[n]++;
}

struct writer {
        struct fixture *f;
        struct thread_check *check;
        uint64_t n, count;
        unsigned *running;
};

static void *write_many(void *userdata) {
        struct writer *w = userdata;
        int32_t tid = sys_gettid();

        __atomic_store_n(&w->check->tids[w->n], tid, __ATOMIC_RELAXED);
        for (uint64_t i = 0; i < w->count; i++)
                fixture_write(w->f, 1234, tid, w->n << 48 | i);
        __atomic_fetch_sub(w->running, 1, __ATOMIC_RELEASE);
        return NULL;
}

/* More threads than CPUs, a reader at the same time: recorded + discarded = emitted, each by its own thread. */
static void test_threads(gconstpointer data) {
        const struct form *form = data;
        struct thread_check check = { 0 };
        unsigned running = 8;
        struct writer w[8];
        pthread_t t[8];
        struct fixture f;
        struct reader r;
        uint64_t total = 0;

        fixture_init(&f, form->flags, form->clock, 4, 65536);
        reader_init(&r, &f, check_threads, &check);
        for (unsigned i = 0; i < 8; i++) {
                w[i] = (struct writer) { &f, &check, i, 100000, &running };
                g_assert_cmpint(pthread_create(&t[i], NULL, write_many, &w[i]), ==, 0);
        }
        while (__atomic_load_n(&running, __ATOMIC_ACQUIRE) > 0)
                reader_consume(&r);
        for (unsigned i = 0; i < 8; i++)
                pthread_join(t[i], NULL);
        reader_consume(&r);
        for (unsigned i = 0; i < 8; i++)
                total += check.seen[i];
        g_assert_cmpuint(total, ==, r.events);
        g_assert_cmpuint(total, >, 0);
        g_assert_cmpuint(total + fixture_discarded(&f), ==, 800000);
        fixture_done(&f);
}

/* More than 27 bits of time since the last record: the header becomes extended, the order stays. */
static void test_long_silence(gconstpointer data) {
        const struct form *form = data;
        struct expect expect = { 0, sys_gettid() };
        struct fixture f;
        struct reader r;

        fixture_init(&f, form->flags, form->clock, 4, 4096);
        fixture_pin(0);
        reader_init(&r, &f, check_in_order, &expect);
        fixture_write(&f, 1234, expect.tid, 0);
        reader_consume(&r);
        for (uint64_t i = 1; i < 4; i++) {
                struct ring_cpu *ring = ring_cpu_at(&f.geometry, f.ring, 0);
                uint64_t before = r.cpu[0].time;

                /* As if the last record were that old. */
                ring->last_time -= UINT64_C(1) << 28;
                ring->commit.meta -= UINT64_C(1) << 28;
                r.cpu[0].time -= UINT64_C(1) << 28;
                fixture_write(&f, 1234, expect.tid, i);
                reader_consume(&r);
                g_assert_cmpuint(r.cpu[0].time, >=, before);
        }
        g_assert_cmpuint(expect.next, ==, 4);
        fixture_done(&f);
}

/* Whatever a neighbour writes into the control words, writers stay inside their CPU's data and go on. */
static void test_hostile(gconstpointer data) {
        const struct form *form = data;
        struct fixture f;
        GRand *rand = g_rand_new_with_seed(42);

        fixture_init(&f, form->flags, form->clock, 4, 4096);
        fixture_pin(0);
        for (uint32_t cpu = 1; cpu < f.geometry.n_cpus; cpu++)
                memset(ring_data_at(&f.geometry, f.ring, cpu), 0x5a, 4 * 4096);
        for (unsigned i = 0; i < 200000; i++) {
                struct ring_cpu *ring = ring_cpu_at(&f.geometry, f.ring, 0);
                uint64_t words[4];

                for (unsigned k = 0; k < 4; k++) {
                        unsigned shift = (unsigned) g_rand_int_range(rand, 0, 64);

                        words[k] = ((uint64_t) g_rand_int(rand) << 32 | g_rand_int(rand)) >> shift;
                }
                if (i % 3 == 0)
                        words[3] = words[0] + (uint64_t) g_rand_int_range(rand, -40, 4200);
                ring->commit.position = words[0];
                ring->commit.meta = words[1];
                ring->last_time = words[2];
                ring->limit = words[3];
                for (unsigned k = 0; k < 3; k++)
                        fixture_write(&f, 1234, 1, i);
        }
        for (uint32_t cpu = 1; cpu < f.geometry.n_cpus; cpu++)
                for (unsigned i = 0; i < 4 * 4096; i++)
                        g_assert_cmpint(ring_data_at(&f.geometry, f.ring, cpu)[i], ==, 0x5a);
        g_assert_cmpint(memcmp(f.ring, "RING", 4), ==, 0);
        g_rand_free(rand);
        fixture_done(&f);
}

/* Who finds a ring taken uses another one, and counts the event where all are taken: nobody waits. */
static void test_taken(gconstpointer data) {
        const struct form *form = data;
        struct fixture f;

        if (!(form->flags & RING_LOCKED))
                return;
        fixture_init(&f, form->flags, form->clock, 4, 4096);
        fixture_pin(0);
        for (uint32_t cpu = 0; cpu < f.geometry.n_cpus; cpu++) {
                struct ring_cpu *ring = ring_cpu_at(&f.geometry, f.ring, cpu);
                uint64_t position;

                fixture_write(&f, 1234, 1, cpu);
                position = ring->commit.position;
                g_assert_cmpuint(position, >, 0);
                ring->lock = 1;
                fixture_write(&f, 1234, 1, cpu);
                g_assert_cmpuint(ring->commit.position, ==, position);
                g_assert_cmpuint(fixture_discarded(&f), ==, cpu + 1 == f.geometry.n_cpus);
        }
        fixture_done(&f);
}

static const struct {
        const char *name;
        void (*func)(gconstpointer);
} tests[] = {
        { "in-order", test_in_order }, { "discard", test_discard },     { "strings", test_strings },
        { "sizes", test_sizes },       { "overwrite", test_overwrite }, { "threads", test_threads },
        { "hostile", test_hostile },   { "taken", test_taken },         { "long-silence", test_long_silence },
};

int main(int argc, char *argv[]) {
        g_test_init(&argc, &argv, NULL);
        for (unsigned i = 0; i < G_N_ELEMENTS(forms); i++)
                for (unsigned k = 0; k < G_N_ELEMENTS(tests); k++) {
                        char *path = g_strdup_printf("/ring/%s/%s", forms[i].name, tests[k].name);

                        /* Under valgrind, or in old C libraries, there are no restartable sequences to test. */
                        if ((forms[i].flags & RING_LOCKED) || ring_rseq_of_thread())
                                g_test_add_data_func(path, &forms[i], tests[k].func);
                        g_free(path);
                }
        return g_test_run();
}
