/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Processes that are killed at random moments while they and others write to
 * the same rings: every record that is there is whole, by the right thread, in
 * its writer's order; nobody stalls. In discard mode, recorded + discarded =
 * emitted but for at most one undecided event a kill. In overwrite mode, whenever
 * all stand still, the rings hold together everything that each emitted since
 * the oldest moment that all of them still know.
 *
 * TRACECTL_TORTURE makes it 50,000 kills in each mode instead of 150;
 * TRACECTL_KILLS sets another number, TRACECTL_SEED which.
 */

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/clock.h"
#include "tests/unit/tracer/ring-copy.h"
#include "tracer/sys.h"

#define WRITERS 10
#define CPUS_MAX 64 /* as struct reader */

/* Written by a child, read by its parent: an event counts as begun before and as done after it is written. */
struct progress {
        uint64_t begun, done;
};

struct writer {
        pid_t pid;
        uint64_t generation;
        uint64_t next[CPUS_MAX];      /* lowest value that may come next in a ring */
        uint64_t first, last, events; /* values since test.since, of the copy that is being looked at */
};

struct test {
        struct fixture f;
        struct reader r;
        struct progress *progress;
        struct writer writers[WRITERS];
        uint64_t generation;
        uint64_t begun, done; /* of processes that are gone */
        uint64_t since;       /* later events are counted in struct writer */
        GRand *rand;
};

/* A value is writer (4 bits), generation (28 bits), counter (32 bits). */
static void check_event(uint32_t cpu, int32_t pid, int32_t tid, uint64_t time, uint32_t id, const char *payload,
                        uint64_t size, void *userdata) {
        struct test *t = userdata;
        struct writer *w;
        uint64_t v[2];

        memcpy(v, payload, sizeof(v));
        g_assert_cmpuint(v[1], ==, ~v[0]);
        g_assert_cmpuint(v[0] >> 60, <, WRITERS);
        w = &t->writers[v[0] >> 60];
        g_assert_cmpuint((v[0] >> 32) & 0xfffffff, <=, w->generation);
        g_assert_cmpint(pid, ==, tid);
        if (((v[0] >> 32) & 0xfffffff) != w->generation)
                return;
        /* Records of those that live: by that process. Each CPU's ring has its writer's events in order. */
        g_assert_cmpint(pid, ==, w->pid);
        v[0] &= UINT32_MAX;
        g_assert_cmpuint(v[0], >=, w->next[cpu]);
        w->next[cpu] = v[0] + 1;
        if (time <= t->since)
                return;
        w->first = MIN(w->first, v[0]);
        w->last = MAX(w->last, v[0]);
        w->events++;
}

static void forget_seen(struct test *t) {
        for (unsigned n = 0; n < WRITERS; n++) {
                struct writer *w = &t->writers[n];

                memset(w->next, 0, sizeof(w->next));
                w->first = UINT64_MAX;
                w->last = w->events = 0;
        }
}

/* Looks at all rings. Returns the oldest moment that all of them know; 0 where one has no full lap yet. */
static uint64_t copy_all(struct test *t) {
        uint64_t since = 0;
        bool whole = true;

        forget_seen(t);
        for (uint32_t cpu = 0; cpu < t->f.geometry.n_cpus; cpu++) {
                struct ring_copy copy = reader_copy(&t->r, cpu);

                whole = whole && copy.whole == t->f.geometry.n_subbufs;
                since = MAX(since, copy.first_time);
        }
        return whole ? since : 0;
}

static void look(struct test *t) {
        if (t->f.geometry.flags & RING_OVERWRITE)
                (void) copy_all(t);
        else
                reader_consume(&t->r);
}

static void write_for_ever(struct test *t, unsigned n, uint64_t generation) {
        struct progress *p = &t->progress[n];
        int32_t pid = sys_getpid();

        for (uint64_t i = 0;; i++) {
                __atomic_store_n(&p->begun, i + 1, __ATOMIC_RELAXED);
                fixture_write(&t->f, pid, pid, (uint64_t) n << 60 | generation << 32 | i);
                __atomic_store_n(&p->done, i + 1, __ATOMIC_RELAXED);
        }
}

static void start_writer(struct test *t, unsigned n) {
        struct writer *w = &t->writers[n];
        pid_t parent = getpid();

        t->progress[n] = (struct progress) { 0 };
        w->generation = ++t->generation;
        memset(w->next, 0, sizeof(w->next));
        w->pid = fork();
        g_assert_cmpint(w->pid, >=, 0);
        if (w->pid == 0) {
                prctl(PR_SET_PDEATHSIG, SIGKILL);
                if (getppid() != parent)
                        _exit(1);
                write_for_ever(t, n, t->generation);
        }
}

static void kill_writer(struct test *t, unsigned n) {
        int status;

        g_assert_cmpint(kill(t->writers[n].pid, SIGKILL), ==, 0);
        g_assert_cmpint(waitpid(t->writers[n].pid, &status, 0), ==, t->writers[n].pid);
        g_assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
        t->begun += t->progress[n].begun;
        t->done += t->progress[n].done;
}

/* Stops one for a while: the others go on, and it goes on afterwards. */
static void stop_and_continue(struct test *t, unsigned n) {
        gint64 deadline = g_get_monotonic_time() + 30 * G_USEC_PER_SEC;
        uint64_t before = t->r.events;

        kill(t->writers[n].pid, SIGSTOP);
        while (t->r.events == before && g_get_monotonic_time() < deadline)
                look(t);
        g_assert_cmpuint(t->r.events, >, before);
        kill(t->writers[n].pid, SIGCONT);
}

/* All that each writer emitted since the rings know of the same time, while nobody writes. */
static void check_complete(struct test *t) {
        unsigned seen = 0;

        t->since = copy_all(t);
        if (t->since == 0)
                return;
        (void) copy_all(t);
        for (unsigned n = 0; n < WRITERS; n++) {
                const struct writer *w = &t->writers[n];

                if (w->events == 0)
                        continue;
                g_assert_cmpuint(w->events, ==, w->last - w->first + 1);
                g_assert_cmpuint(w->last + 1, >=, t->progress[n].done);
                g_assert_cmpuint(w->last + 1, <=, t->progress[n].begun);
                seen++;
        }
        g_assert_cmpuint(seen, >, 0);
        t->since = 0;
}

static void stop_all_and_continue(struct test *t) {
        int status;

        for (unsigned n = 0; n < WRITERS; n++)
                kill(t->writers[n].pid, SIGSTOP);
        for (unsigned n = 0; n < WRITERS; n++) {
                g_assert_cmpint(waitpid(t->writers[n].pid, &status, WUNTRACED), ==, t->writers[n].pid);
                g_assert_true(WIFSTOPPED(status));
        }
        check_complete(t);
        for (unsigned n = 0; n < WRITERS; n++)
                kill(t->writers[n].pid, SIGCONT);
}

static void test_init(struct test *t, uint32_t flags) {
        *t = (struct test) { 0 };
        t->rand = g_rand_new_with_seed(g_getenv("TRACECTL_SEED") ? (uint32_t) atoi(g_getenv("TRACECTL_SEED")) : 1);
        t->progress = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        g_assert_true(t->progress != MAP_FAILED);
        fixture_init(&t->f, flags, TRACE_CLOCK_TSC, 4, 65536);
        reader_init(&t->r, &t->f, check_event, t);
        for (unsigned n = 0; n < WRITERS; n++)
                start_writer(t, n);
}

static void kill_many(struct test *t, unsigned kills) {
        for (unsigned i = 0; i < kills; i++) {
                unsigned n = (unsigned) g_rand_int_range(t->rand, 0, WRITERS);
                int looks = g_rand_int_range(t->rand, 0, 30);

                for (int k = 0; k < looks; k++)
                        look(t);
                if (i % 50 == 49)
                        stop_and_continue(t, n);
                if (i % 50 == 24 && t->f.geometry.flags & RING_OVERWRITE)
                        stop_all_and_continue(t);
                kill_writer(t, n);
                start_writer(t, n);
        }
        for (unsigned n = 0; n < WRITERS; n++)
                kill_writer(t, n);
        look(t);
}

static void test_kill(gconstpointer userdata) {
        unsigned kills = g_getenv("TRACECTL_TORTURE") ? 50000 : 150;
        uint32_t flags = GPOINTER_TO_UINT(userdata);
        struct test t;

        if (g_getenv("TRACECTL_KILLS"))
                kills = (unsigned) atoi(g_getenv("TRACECTL_KILLS"));
        test_init(&t, flags);
        kill_many(&t, kills);

        g_test_message("%u kills, %" G_GUINT64_FORMAT " records read, %" G_GUINT64_FORMAT
                       " discarded, %" G_GUINT64_FORMAT " emitted, %" G_GUINT64_FORMAT " undecided",
                       kills + WRITERS, t.r.events, fixture_discarded(&t.f), t.done, t.begun - t.done);
        g_assert_cmpuint(t.begun - t.done, <=, kills + WRITERS);
        if (flags & RING_OVERWRITE)
                g_assert_cmpuint(fixture_discarded(&t.f), ==, 0);
        else {
                g_assert_cmpuint(t.r.events + fixture_discarded(&t.f), >=, t.done);
                g_assert_cmpuint(t.r.events + fixture_discarded(&t.f), <=, t.begun);
        }
        g_assert_cmpuint(t.r.events, >, 0);
        munmap(t.progress, 4096);
        g_rand_free(t.rand);
        fixture_done(&t.f);
}

int main(int argc, char *argv[]) {
        g_test_init(&argc, &argv, NULL);
        if (ring_rseq_of_thread()) {
                g_test_add_data_func("/ring/kill/discard", GUINT_TO_POINTER(0), test_kill);
                g_test_add_data_func("/ring/kill/overwrite", GUINT_TO_POINTER(RING_OVERWRITE), test_kill);
        }
        return g_test_run();
}
