/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What one event costs its program, beside its floor (reading the clock and
 * storing 12 bytes) and beside lttng-ust, in one process with interleaved
 * rounds. bench.py records it with both. Prints lines
 *
 *     METRIC CASE minimum median        loop, cpu-N (CPU time an event, N threads), cold
 *     one CASE p50 p99 p99.9            single calls
 *
 * in nanoseconds. Arguments: the metrics that are wanted; none means all. With
 * `bytes`, events with a u64 alone, so many as it prints, for their size.
 */

#include <pthread.h>
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
#define THREAD_ROUNDS 41
#define THREADS_MAX 8
#define COLD_SAMPLES 101
#define SINGLE_ROUNDS 100
#define SINGLES 2000
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

struct worker {
        pthread_t thread;
        pthread_barrier_t *barrier;
        double cpu[CASES_MAX][THREAD_ROUNDS]; /* time of this thread, of one round of a case */
};

static void *work(void *userdata) {
        struct worker *w = userdata;

        warm();
        for (unsigned round = 0; round < THREAD_ROUNDS; round++)
                for (unsigned i = 0; i < bench_n_cases; i++) {
                        double begin;

                        if (!bench_cases[i].threads)
                                continue;
                        pthread_barrier_wait(w->barrier);
                        begin = now(CLOCK_THREAD_CPUTIME_ID);
                        bench_cases[i].run(EVENTS);
                        w->cpu[i][round] = now(CLOCK_THREAD_CPUTIME_ID) - begin;
                }
        return NULL;
}

static void measure_threads(unsigned n) {
        static struct worker workers[THREADS_MAX];
        pthread_barrier_t barrier;
        char metric[16];

        (void) pthread_barrier_init(&barrier, NULL, n);
        for (unsigned k = 0; k < n; k++) {
                workers[k].barrier = &barrier;
                if (pthread_create(&workers[k].thread, NULL, work, &workers[k]) != 0)
                        abort();
        }
        for (unsigned k = 0; k < n; k++)
                (void) pthread_join(workers[k].thread, NULL);
        (void) pthread_barrier_destroy(&barrier);
        (void) snprintf(metric, sizeof(metric), "cpu-%u", n);
        for (unsigned i = 0; i < bench_n_cases; i++) {
                double times[THREAD_ROUNDS] = { 0 };

                for (unsigned k = 0; k < n; k++)
                        for (unsigned round = 0; round < THREAD_ROUNDS; round++)
                                times[round] += workers[k].cpu[i][round] / ((double) EVENTS * n);
                if (bench_cases[i].threads)
                        print(metric, &bench_cases[i], times, THREAD_ROUNDS);
        }
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

static void measure_singles(double tick) {
        static double times[CASES_MAX][SINGLE_ROUNDS * SINGLES];
        const size_t n = SINGLE_ROUNDS * SINGLES;

        warm();
        for (unsigned round = 0; round < SINGLE_ROUNDS; round++)
                for (unsigned i = 0; i < bench_n_cases; i++)
                        for (unsigned k = 0; bench_cases[i].threads && k < SINGLES; k++)
                                times[i][round * SINGLES + k] = one_call(&bench_cases[i], tick);
        for (unsigned i = 0; i < bench_n_cases; i++) {
                if (!bench_cases[i].threads)
                        continue;
                qsort(times[i], n, sizeof(double), compare);
                printf("one %s %.1f %.1f %.1f\n", bench_cases[i].name, times[i][n / 2], times[i][n / 100 * 99],
                       times[i][n / 1000 * 999]);
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
