/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Processes that are killed at random moments while they and others write to
 * the same rings: every record that is there is whole, by the right thread, in
 * its writer's order; nobody stalls, and each ring takes the next event whenever
 * all stand still. In discard mode, recorded + discarded = emitted but for at
 * most one undecided event a kill. In overwrite mode, whenever all stand still,
 * the rings hold together everything that each emitted since the oldest moment
 * that all of them still know.
 *
 * TRACECTL_TORTURE makes it 50,000 kills in each mode instead of 500;
 * TRACECTL_KILLS sets another number, TRACECTL_SEED which.
 */

#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "tests/unit/tracer/ring-copy.h"
#include "tests/unit/tracer/ring-crowd.h"
#include "tracer/sys.h"

#define CPUS_MAX 64 /* as struct reader */
#define REST_EVERY 50 /* kills */

/* While the others emit this many into rings that were emptied, something must be recorded. */
#define STALL_EVENTS 10000

struct test {
        struct fixture f;
        struct reader r;
        struct crowd *crowd;
        uint64_t next[CPUS_MAX][CROWD_GUEST + 1]; /* lowest value that may come next in a ring */
        uint64_t since;                           /* later events are counted in seen[] */
        struct {
                uint64_t first, last, events;
        } seen[CROWD_WRITERS]; /* counters of those that are writers now, of the copy that is being looked at */
        uint64_t probes;
        unsigned rests, stops, complete;
};

static void check_event(uint32_t cpu, int32_t pid, int32_t tid, uint64_t time, uint32_t id, const char *payload,
                        uint64_t size, void *userdata) {
        struct test *t = userdata;
        uint64_t v[2], counter;
        unsigned n;

        memcpy(v, payload, sizeof(v));
        g_assert_cmpuint(v[1], ==, ~v[0]);
        n = v[0] >> 60;
        counter = v[0] & UINT32_MAX;
        g_assert_cmpint(pid, ==, tid);
        /* Each CPU's ring has a writer's events in order. */
        g_assert_cmpuint(v[0], >=, t->next[cpu][n]);
        t->next[cpu][n] = v[0] + 1;
        if (n == CROWD_GUEST) {
                g_assert_cmpint(pid, ==, getpid());
                return;
        }
        g_assert_cmpuint(n, <, CROWD_WRITERS);
        g_assert_cmpuint(CROWD_GENERATION(v[0]), <, t->crowd->generations_max);
        g_assert_cmpint(pid, ==, t->crowd->pids[CROWD_GENERATION(v[0])]);
        if (t->since == 0 || time <= t->since || CROWD_GENERATION(v[0]) != t->crowd->writers[n].generation)
                return;
        t->seen[n].first = t->seen[n].events == 0 ? counter : t->seen[n].first;
        t->seen[n].first = MIN(t->seen[n].first, counter);
        t->seen[n].last = MAX(t->seen[n].last, counter);
        t->seen[n].events++;
}

/* Copies all rings. Returns the oldest moment that all of them know; 0 where one has no full lap yet. */
static uint64_t copy_all(struct test *t) {
        uint64_t since = 0;
        bool whole = true;

        memset(t->next, 0, sizeof(t->next));
        memset(t->seen, 0, sizeof(t->seen));
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

/* All that each writer emitted since the rings know of the same time, while nobody writes. */
static void check_complete(struct test *t) {
        unsigned seen = 0;

        t->since = copy_all(t);
        if (t->since == 0)
                return;
        (void) copy_all(t);
        for (unsigned n = 0; n < CROWD_WRITERS; n++) {
                if (t->seen[n].events == 0)
                        continue;
                g_assert_cmpuint(t->seen[n].events, ==, t->seen[n].last - t->seen[n].first + 1);
                g_assert_cmpuint(t->seen[n].last + 1, >=, t->crowd->writers[n].done);
                g_assert_cmpuint(t->seen[n].last + 1, <=, t->crowd->writers[n].begun);
                seen++;
        }
        t->since = 0;
        t->complete += seen > 0;
}

/* Of others there are no copies. */
static bool is_lapped(const struct test *t, const struct ring_cpu *ring) {
        return ring->limit > t->f.geometry.subbuf_size * t->f.geometry.n_subbufs;
}

/*
 * No stall: nothing but the rings' words is left of those who died or stand
 * still, so if a ring that was emptied takes an event now, it takes one later.
 */
static void check_goes_on(struct test *t) {
        uint64_t discarded = fixture_discarded(&t->f);
        cpu_set_t before;

        look(t);
        g_assert_cmpint(sched_getaffinity(0, sizeof(before), &before), ==, 0);
        for (uint32_t cpu = 0; cpu < t->f.geometry.n_cpus; cpu++) {
                const struct ring_cpu *ring = ring_cpu_at(&t->f.geometry, t->f.ring, cpu);
                uint64_t value = CROWD_VALUE(CROWD_GUEST, 0, t->probes), position;

                if (!CPU_ISSET(cpu, &before))
                        continue;
                fixture_pin((int) cpu);
                position = ring->commit.position;
                fixture_write(&t->f, getpid(), getpid(), value);
                g_assert_cmpuint(ring->commit.position, >, position);
                t->probes++;
                look(t);
                if (!(t->f.geometry.flags & RING_OVERWRITE) || is_lapped(t, ring))
                        g_assert_cmpuint(t->next[cpu][CROWD_GUEST], ==, value + 1);
        }
        g_assert_cmpint(sched_setaffinity(0, sizeof(before), &before), ==, 0);
        g_assert_cmpuint(fixture_discarded(&t->f), ==, discarded);
}

static void check_at_rest(struct test *t) {
        pthread_mutex_lock(&t->crowd->lock);
        crowd_stop(t->crowd);
        if (t->f.geometry.flags & RING_OVERWRITE)
                check_complete(t);
        check_goes_on(t);
        crowd_continue(t->crowd);
        pthread_mutex_unlock(&t->crowd->lock);
        t->rests++;
}

static uint64_t recorded(const struct test *t) {
        uint64_t all = 0;

        for (uint32_t i = 0; i < t->f.geometry.n_cpus; i++)
                all += __atomic_load_n(&ring_cpu_at(&t->f.geometry, t->f.ring, i)->commit.position, __ATOMIC_RELAXED);
        return all;
}

static uint64_t emitted_by_others(const struct test *t, unsigned n) {
        uint64_t all = 0;

        for (unsigned i = 0; i < CROWD_WRITERS; i++)
                if (i != n)
                        all += __atomic_load_n(&t->crowd->writers[i].done, __ATOMIC_RELAXED);
        return all;
}

/*
 * Stops one for a while: the others go on, and it goes on afterwards. Told from
 * what the others emit, for time also passes where all of us are suspended.
 */
static void check_others_go_on(struct test *t, unsigned n) {
        uint64_t position;
        pid_t pid;

        pthread_mutex_lock(&t->crowd->lock);
        pid = t->crowd->writers[n].pid;
        if (pid > 0)
                g_assert_cmpint(kill(pid, SIGSTOP), ==, 0);
        pthread_mutex_unlock(&t->crowd->lock);
        position = recorded(t);
        look(t);
        for (uint64_t before = emitted_by_others(t, n); crowd_lives(t->crowd);) {
                uint64_t now = emitted_by_others(t, n);

                if (recorded(t) > position)
                        break;
                look(t);
                /* Where one was replaced, its count begins anew. */
                before = MIN(before, now);
                g_assert_cmpuint(now - before, <, STALL_EVENTS);
        }
        pthread_mutex_lock(&t->crowd->lock);
        if (t->crowd->writers[n].pid == pid && pid > 0)
                g_assert_cmpint(kill(pid, SIGCONT), ==, 0);
        pthread_mutex_unlock(&t->crowd->lock);
        t->stops++;
}

static void watch(struct test *t, GRand *rand) {
        uint32_t next_rest = REST_EVERY;
        bool all = false;

        while (crowd_lives(t->crowd)) {
                look(t);
                if (__atomic_load_n(&t->crowd->kills, __ATOMIC_RELAXED) < next_rest)
                        continue;
                if (all)
                        check_at_rest(t);
                else
                        check_others_go_on(t, (unsigned) g_rand_int_range(rand, 0, CROWD_WRITERS));
                all = !all;
                next_rest = t->crowd->kills + REST_EVERY;
        }
        look(t);
}

static uint32_t number_of(const char *name, uint32_t otherwise) {
        const char *text = g_getenv(name);

        return text ? (uint32_t) atoi(text) : otherwise;
}

static void test_kill(gconstpointer userdata) {
        uint32_t seed = number_of("TRACECTL_SEED", 1), flags = GPOINTER_TO_UINT(userdata);
        uint32_t kills = number_of("TRACECTL_KILLS", g_getenv("TRACECTL_TORTURE") ? 50000 : 500);
        g_autoptr(GRand) rand = g_rand_new_with_seed(seed);
        struct test t = { 0 };
        uint64_t kept;

        fixture_init(&t.f, flags, TRACE_CLOCK_TSC, 4, 65536);
        reader_init(&t.r, &t.f, check_event, &t);
        t.crowd = crowd_new(&t.f, kills, seed);
        watch(&t, rand);

        kept = t.r.events + fixture_discarded(&t.f);
        g_test_message("%u kills, %" G_GUINT64_FORMAT " records read, %" G_GUINT64_FORMAT
                       " discarded, %" G_GUINT64_FORMAT " emitted, %" G_GUINT64_FORMAT " undecided; %u times one"
                       " stopped, %u times all, %u of them complete",
                       t.crowd->kills, t.r.events, fixture_discarded(&t.f), t.crowd->done,
                       t.crowd->begun - t.crowd->done, t.stops, t.rests, t.complete);
        g_assert_cmpuint(t.crowd->kills, >=, kills);
        g_assert_cmpuint(t.crowd->begun - t.crowd->done, <=, t.crowd->kills);
        if (flags & RING_OVERWRITE)
                g_assert_cmpuint(fixture_discarded(&t.f), ==, 0);
        else {
                g_assert_cmpuint(kept, >=, t.crowd->done + t.probes);
                g_assert_cmpuint(kept, <=, t.crowd->begun + t.probes);
        }
        g_assert_cmpuint(t.r.events, >, 0);
        crowd_free(t.crowd);
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
