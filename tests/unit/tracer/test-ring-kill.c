/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Processes that are killed at random moments while they and others write to
 * the same rings: every record that is there is whole, by the right thread, in
 * its writer's order; nobody stalls; recorded + discarded = emitted but for at
 * most one undecided event a kill.
 *
 * TRACECTL_TORTURE makes it 100,000 kills instead of 300; TRACECTL_KILLS sets
 * another number, TRACECTL_SEED which.
 */

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/clock.h"
#include "tests/unit/tracer/ring-fixture.h"
#include "tracer/sys.h"

#define WRITERS 10

/* Written by a child, read by its parent: an event counts as begun before and as done after it is written. */
struct progress {
        uint64_t begun, done;
};

struct writer {
        pid_t pid;
        uint64_t generation;
};

struct test {
        struct fixture f;
        struct reader r;
        struct progress *progress;
        struct writer writers[WRITERS];
        uint64_t generation;
        uint64_t begun, done; /* of processes that are gone */
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
        /* Records of those that live: by that process. Each CPU's ring has its writer's events in order. */
        if (((v[0] >> 32) & 0xfffffff) == w->generation)
                g_assert_cmpint(pid, ==, w->pid);
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
                reader_consume(&t->r);
        g_assert_cmpuint(t->r.events, >, before);
        kill(t->writers[n].pid, SIGCONT);
}

static void test_kill(void) {
        unsigned kills = g_getenv("TRACECTL_TORTURE") ? 100000 : 300;
        uint32_t seed = 1;
        struct test t = { 0 };

        if (g_getenv("TRACECTL_KILLS"))
                kills = (unsigned) atoi(g_getenv("TRACECTL_KILLS"));
        if (g_getenv("TRACECTL_SEED"))
                seed = (uint32_t) atoi(g_getenv("TRACECTL_SEED"));
        t.rand = g_rand_new_with_seed(seed);
        t.progress = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        g_assert_true(t.progress != MAP_FAILED);
        fixture_init(&t.f, 0, TRACE_CLOCK_TSC, 4, 65536);
        reader_init(&t.r, &t.f, check_event, &t);
        for (unsigned n = 0; n < WRITERS; n++)
                start_writer(&t, n);
        for (unsigned i = 0; i < kills; i++) {
                unsigned n = (unsigned) g_rand_int_range(t.rand, 0, WRITERS);
                int looks = g_rand_int_range(t.rand, 0, 30);

                for (int k = 0; k < looks; k++)
                        reader_consume(&t.r);
                if (i % 50 == 49)
                        stop_and_continue(&t, n);
                kill_writer(&t, n);
                start_writer(&t, n);
        }
        for (unsigned n = 0; n < WRITERS; n++)
                kill_writer(&t, n);
        reader_consume(&t.r);

        g_test_message("%u kills, %" G_GUINT64_FORMAT " recorded, %" G_GUINT64_FORMAT " discarded, %" G_GUINT64_FORMAT
                       " undecided",
                       kills + WRITERS, t.r.events, fixture_discarded(&t.f), t.begun - t.done);
        g_assert_cmpuint(t.begun - t.done, <=, kills + WRITERS);
        g_assert_cmpuint(t.r.events + fixture_discarded(&t.f), >=, t.done);
        g_assert_cmpuint(t.r.events + fixture_discarded(&t.f), <=, t.begun);
        g_assert_cmpuint(t.r.events, >, 0);
        munmap(t.progress, 4096);
        g_rand_free(t.rand);
        fixture_done(&t.f);
}

int main(int argc, char *argv[]) {
        g_test_init(&argc, &argv, NULL);
        if (ring_rseq_of_thread())
                g_test_add_func("/ring/kill", test_kill);
        return g_test_run();
}
