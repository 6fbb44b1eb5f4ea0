/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What one event costs its program, beside its floor (reading the clock and
 * storing 12 bytes) and beside lttng-ust, in one process with interleaved
 * rounds. bench.py records it with both. Prints lines
 *
 *     METRIC CASE minimum median        loop, cpu-N (CPU time an event, N threads), cold
 *     calm-N CASE minimum median n      of cpu-N, the n rounds that nobody disturbed
 *     one CASE p50 p99 p99.9            single calls
 *     one-calm CASE p50 p99 p99.9 n     of n samples in rounds that nobody disturbed
 *     tail CASE FLOOR q1 q2 q3          p99.9 over the floor's of the same round: quartiles of the rounds' ratios
 *
 * in nanoseconds. Arguments: the metrics that are wanted; none means all. With
 * `bytes`, events with a u64 alone, so many as it prints, for their size.
 */

#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tests/bench/cases.h"

#define CASES_MAX 32
#define WARM_ROUNDS 30
#define ROUNDS 101
#define EVENTS 10000
#define THREAD_ROUNDS 81
#define THREADS_MAX 8
#define COLD_SAMPLES 101
#define SINGLE_ROUNDS 50
#define SINGLES 10000
#define TAIL (SINGLES - 1 - SINGLES / 1000)
#define SIZE_ROUNDS 100

static double now(clockid_t clock) {
        struct timespec ts;

        clock_gettime(clock, &ts);
        return (double) ts.tv_sec * 1e9 + (double) ts.tv_nsec;
}

static int compare(const void *a, const void *b) {
        double x = *(const double *) a, y = *(const double *) b;

        return (x > y) - (x < y);
}

static void print(const char *metric, const struct bench_case *c, double *times, unsigned n) {
        qsort(times, n, sizeof(double), compare);
        printf("%s %s %.2f %.2f\n", metric, c->name, times[0], times[n / 2]);
}

/* Until every page of the rings has been written to: the first time, each costs a page fault. */
static void warm(void) {
        for (unsigned round = 0; round < WARM_ROUNDS; round++)
                for (unsigned i = 0; i < bench_n_cases; i++)
                        bench_cases[i].run(EVENTS);
}

static void measure_loops(void) {
        static double times[CASES_MAX][ROUNDS];

        warm();
        for (unsigned round = 0; round < ROUNDS; round++)
                for (unsigned i = 0; i < bench_n_cases; i++) {
                        double begin = now(CLOCK_MONOTONIC);

                        bench_cases[i].run(EVENTS);
                        times[i][round] = (now(CLOCK_MONOTONIC) - begin) / EVENTS;
                }
        for (unsigned i = 0; i < bench_n_cases; i++)
                print("loop", &bench_cases[i], times[i], ROUNDS);
}

/*
 * How long independent additions take, as many at a time as a core can do. In a
 * virtual machine the other hardware thread of a core may be somebody else's:
 * while it is busy these take half as long again (and dependent ones, or
 * reading the clock, do not). A round is calm when they did not before and after.
 */
static double witness(void) {
        double begin = now(CLOCK_THREAD_CPUTIME_ID);

#if defined(__x86_64__)
        for (unsigned i = 0; i < 5000; i++)
                __asm__ volatile("add $1, %%eax; add $1, %%ecx; add $1, %%edx; add $1, %%esi;"
                                 "add $1, %%edi; add $1, %%r8d; add $1, %%r9d; add $1, %%r10d;"
                                 "add $1, %%eax; add $1, %%ecx; add $1, %%edx; add $1, %%esi;"
                                 "add $1, %%edi; add $1, %%r8d; add $1, %%r9d; add $1, %%r10d;" ::
                                 : "eax", "ecx", "edx", "esi", "edi", "r8", "r9", "r10", "cc");
#endif
        return now(CLOCK_THREAD_CPUTIME_ID) - begin;
}

/* The least that witness() takes; every thread measures it at times. */
static double least_witness(void) {
        double least = witness();

        for (unsigned i = 0; i < 1000; i++) {
                double t = witness();

                least = t < least ? t : least;
        }
        return least;
}

/*
 * Where threads begin a round together. Where each has a CPU it is bound to it
 * and waits there without sleeping: left to the scheduler, who is woken often
 * runs on the CPU of who woke it, and two threads are measured one after the
 * other.
 */
struct meeting {
        unsigned n;
        bool bound;
        pthread_barrier_t barrier;
        unsigned arrived; /* ever */
};

static void meeting_init(struct meeting *m, unsigned n) {
        cpu_set_t set;

        *m = (struct meeting) { .n = n };
        m->bound = sched_getaffinity(0, sizeof(set), &set) == 0 && CPU_COUNT(&set) >= (int) n;
        (void) pthread_barrier_init(&m->barrier, NULL, n);
}

/* Binds the calling thread to CPU number k of those that it may use. */
static void bind_to(unsigned k) {
        cpu_set_t all, one;
        int cpu = 0;

        if (sched_getaffinity(0, sizeof(all), &all) < 0)
                return;
        for (;; cpu++)
                if (CPU_ISSET(cpu, &all) && k-- == 0)
                        break;
        CPU_ZERO(&one);
        CPU_SET(cpu, &one);
        (void) sched_setaffinity(0, sizeof(one), &one);
}

static void meet(struct meeting *m) {
        unsigned mine;

        if (!m->bound) {
                (void) pthread_barrier_wait(&m->barrier);
                return;
        }
        mine = __atomic_fetch_add(&m->arrived, 1, __ATOMIC_SEQ_CST) / m->n;
        while (__atomic_load_n(&m->arrived, __ATOMIC_SEQ_CST) < (mine + 1) * m->n)
                ;
}

struct worker {
        pthread_t thread;
        unsigned number;
        struct meeting *meeting;
        double least;
        double cpu[CASES_MAX][THREAD_ROUNDS]; /* time of this thread, of one round of a case */
        bool calm[CASES_MAX][THREAD_ROUNDS];
};

static void *work(void *userdata) {
        struct worker *w = userdata;

        if (w->meeting->bound)
                bind_to(w->number);
        warm();
        w->least = least_witness();
        for (unsigned round = 0; round < THREAD_ROUNDS; round++)
                for (unsigned i = 0; i < bench_n_cases; i++) {
                        double begin, before;

                        if (!bench_cases[i].threads)
                                continue;
                        before = witness();
                        meet(w->meeting);
                        begin = now(CLOCK_THREAD_CPUTIME_ID);
                        bench_cases[i].run(EVENTS);
                        w->cpu[i][round] = now(CLOCK_THREAD_CPUTIME_ID) - begin;
                        w->calm[i][round] = before < 1.1 * w->least && witness() < 1.1 * w->least;
                }
        return NULL;
}

/* What a round of a case cost an event, on average over n workers. Whether all of them were calm. */
static bool average(const struct worker *workers, unsigned n, unsigned number, unsigned round, double *ret) {
        bool calm = true;

        *ret = 0;
        for (unsigned k = 0; k < n; k++) {
                *ret += workers[k].cpu[number][round] / ((double) EVENTS * n);
                calm = calm && workers[k].calm[number][round];
        }
        return calm;
}

static void print_threads(const struct worker *workers, unsigned n, unsigned number) {
        double times[THREAD_ROUNDS], calm[THREAD_ROUNDS];
        const char *name = bench_cases[number].name;
        unsigned n_calm = 0;
        char metric[16];

        for (unsigned round = 0; round < THREAD_ROUNDS; round++)
                if (average(workers, n, number, round, &times[round]))
                        calm[n_calm++] = times[round];
        (void) snprintf(metric, sizeof(metric), "cpu-%u", n);
        print(metric, &bench_cases[number], times, THREAD_ROUNDS);
        if (n_calm == 0 || !workers->meeting->bound)
                return;
        qsort(calm, n_calm, sizeof(double), compare);
        printf("calm-%u %s %.2f %.2f %u\n", n, name, calm[0], calm[n_calm / 2], n_calm);
}

static void measure_threads(unsigned n) {
        static struct worker workers[THREADS_MAX];
        struct meeting meeting;

        meeting_init(&meeting, n);
        for (unsigned k = 0; k < n; k++) {
                workers[k].number = k;
                workers[k].meeting = &meeting;
                if (pthread_create(&workers[k].thread, NULL, work, &workers[k]) != 0)
                        abort();
        }
        for (unsigned k = 0; k < n; k++)
                (void) pthread_join(workers[k].thread, NULL);
        (void) pthread_barrier_destroy(&meeting.barrier);
        for (unsigned i = 0; i < bench_n_cases; i++)
                if (bench_cases[i].threads)
                        print_threads(workers, n, i);
}

#if defined(__x86_64__)

/* The counter, when everything before is done and nothing after has begun. */
static uint64_t fenced(void) {
        uint64_t t;

        __builtin_ia32_lfence();
        t = __builtin_ia32_rdtsc();
        __builtin_ia32_lfence();
        return t;
}

static double ns_per_tick(void) {
        double begin = now(CLOCK_MONOTONIC);
        uint64_t first = fenced();

        while (now(CLOCK_MONOTONIC) - begin < 2e7)
                ;
        return (now(CLOCK_MONOTONIC) - begin) / (double) (fenced() - first);
}

static double one_call(const struct bench_case *c, double tick) {
        uint64_t begin = fenced();

        c->run(1);
        return (double) (fenced() - begin) * tick;
}

/* Twice what the machine's largest cache holds is read between two events. */
static void evict(char *memory, size_t size) {
        for (size_t i = 0; i < size; i += 64)
                __asm__ volatile("" ::"r"(*(volatile char *) (memory + i)));
}

static void measure_cold(double tick) {
        static double times[CASES_MAX][COLD_SAMPLES];
        long cache = sysconf(_SC_LEVEL3_CACHE_SIZE);
        size_t size = cache > 0 && cache < 64L << 20 ? 2 * (size_t) cache : (size_t) 64 << 20;
        char *memory = malloc(size);

        if (!memory)
                abort();
        memset(memory, 1, size);
        for (unsigned k = 0; k < COLD_SAMPLES; k++)
                for (unsigned i = 0; i < bench_n_cases; i++) {
                        if (!bench_cases[i].threads)
                                continue;
                        evict(memory, size);
                        times[i][k] = one_call(&bench_cases[i], tick);
                }
        for (unsigned i = 0; i < bench_n_cases; i++)
                if (bench_cases[i].threads)
                        print("cold", &bench_cases[i], times[i], COLD_SAMPLES);
        free(memory);
}

static void print_singles(const char *metric, const char *name, double *times, size_t n) {
        if (n == 0)
                return;
        qsort(times, n, sizeof(double), compare);
        printf("%s %s %.1f %.1f %.1f %zu\n", metric, name, times[n / 2], times[n / 100 * 99], times[n / 1000 * 999], n);
}

/* p99.9 of a round over the floor's of the same: quartiles over all rounds. Sorts the rounds. */
static void print_tails(double times[][SINGLE_ROUNDS * SINGLES], unsigned floor) {
        for (unsigned i = 0; i < bench_n_cases; i++) {
                double ratios[SINGLE_ROUNDS];

                if (!bench_cases[i].threads)
                        continue;
                for (unsigned round = 0; round < SINGLE_ROUNDS; round++) {
                        double *here = &times[i][round * SINGLES], *under = &times[floor][round * SINGLES];

                        qsort(here, SINGLES, sizeof(double), compare);
                        qsort(under, SINGLES, sizeof(double), compare);
                        ratios[round] = here[TAIL] / under[TAIL];
                }
                qsort(ratios, SINGLE_ROUNDS, sizeof(double), compare);
                printf("tail %s %s %.2f %.2f %.2f\n", bench_cases[i].name, bench_cases[floor].name,
                       ratios[SINGLE_ROUNDS / 4], ratios[SINGLE_ROUNDS / 2], ratios[SINGLE_ROUNDS / 4 * 3]);
        }
}

static void measure_singles(double tick) {
        static double times[CASES_MAX][SINGLE_ROUNDS * SINGLES], calm[CASES_MAX][SINGLE_ROUNDS * SINGLES];
        size_t n_calm[CASES_MAX] = { 0 };
        double least;

        bind_to(0);
        warm();
        least = least_witness();
        for (unsigned round = 0; round < SINGLE_ROUNDS; round++)
                for (unsigned i = 0; i < bench_n_cases; i++) {
                        double *here = &times[i][round * SINGLES], before;

                        if (!bench_cases[i].threads)
                                continue;
                        before = witness();
                        for (unsigned k = 0; k < SINGLES; k++)
                                here[k] = one_call(&bench_cases[i], tick);
                        if (before >= 1.1 * least || witness() >= 1.1 * least)
                                continue;
                        memcpy(&calm[i][n_calm[i]], here, SINGLES * sizeof(double));
                        n_calm[i] += SINGLES;
                }
        for (unsigned i = 0; i < bench_n_cases; i++)
                if (bench_cases[i].floor && bench_cases[i].threads)
                        print_tails(times, i);
        for (unsigned i = 0; i < bench_n_cases; i++)
                if (bench_cases[i].threads) {
                        print_singles("one", bench_cases[i].name, times[i], (size_t) SINGLE_ROUNDS * SINGLES);
                        print_singles("one-calm", bench_cases[i].name, calm[i], n_calm[i]);
                }
}

#endif

/* Not so many at once that the consumers could not take them. */
static void emit_for_size(void) {
        const struct timespec pause = { .tv_nsec = 2000000 };

        for (unsigned round = 0; round < SIZE_ROUNDS; round++) {
                for (unsigned i = 0; i < bench_n_cases; i++)
                        if (strcmp(bench_cases[i].name, "u64") == 0 || strcmp(bench_cases[i].name, "lttng-u64") == 0)
                                bench_cases[i].run(EVENTS);
                (void) nanosleep(&pause, NULL);
        }
        printf("bytes u64 %u\n", SIZE_ROUNDS * EVENTS);
}

static bool wants(int argc, char *argv[], const char *metric) {
        for (int i = 1; i < argc; i++)
                if (strcmp(argv[i], metric) == 0)
                        return true;
        return argc == 1;
}

int main(int argc, char *argv[]) {
        if (bench_n_cases > CASES_MAX)
                abort();
        if (argc == 2 && strcmp(argv[1], "bytes") == 0) {
                emit_for_size();
                return 0;
        }
        if (wants(argc, argv, "loop"))
                measure_loops();
        if (wants(argc, argv, "cpu-1"))
                measure_threads(1);
        if (wants(argc, argv, "cpu-2"))
                measure_threads(2);
        if (wants(argc, argv, "cpu-8"))
                measure_threads(8);
#if defined(__x86_64__)
        if (wants(argc, argv, "cold"))
                measure_cold(ns_per_tick());
        if (wants(argc, argv, "one"))
                measure_singles(ns_per_tick());
#endif
        return 0;
}
