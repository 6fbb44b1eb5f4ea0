/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What one event costs its program, beside its floor (reading the clock and
 * storing 12 bytes) and beside lttng-ust, in one process with interleaved
 * rounds. bench.py records it with both; prints one line a case:
 *
 *   case minimum-ns median-ns
 */

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <tracectl/tracepoint.h>

#ifdef WITH_LTTNG
#define LTTNG_UST_TRACEPOINT_CREATE_PROBES
#define LTTNG_UST_TRACEPOINT_DEFINE
#include "lttng-provider.h"
#endif

#define ROUNDS 15
#define EVENTS 200000

static const char text[] = "a string of thirty-two bytes, 32";
static char sink[1 << 16];

static void empty_loop(void) {
        for (uint64_t i = 0; i < EVENTS; i++)
                __asm__ volatile("" ::"r"(i));
}

#if defined(__x86_64__)
static void clock_alone(void) {
        for (uint64_t i = 0; i < EVENTS; i++)
                __asm__ volatile("" ::"r"(__builtin_ia32_rdtsc()));
}

static void clock_and_store(void) {
        for (uint64_t i = 0; i < EVENTS; i++) {
                uint32_t now = (uint32_t) __builtin_ia32_rdtsc();
                char *p = sink + i * 12 % (sizeof(sink) - 12);

                memcpy(p, &now, 4);
                memcpy(p + 4, &i, 8);
                __asm__ volatile("" ::: "memory");
        }
}
#endif

static void ours_off(void) {
        for (uint64_t i = 0; i < EVENTS; i++)
                tracectl_trace(off, number, tp_u64(number, i));
}

static void ours_number(void) {
        for (uint64_t i = 0; i < EVENTS; i++)
                tracectl_trace(bench, number, tp_u64(number, i));
}

static void ours_text(void) {
        for (uint64_t i = 0; i < EVENTS; i++)
                tracectl_trace(bench, text, tp_str(text, text));
}

#ifdef WITH_LTTNG
static void lttng_number(void) {
        for (uint64_t i = 0; i < EVENTS; i++)
                lttng_ust_tracepoint(bench, number, i);
}

static void lttng_text(void) {
        for (uint64_t i = 0; i < EVENTS; i++)
                lttng_ust_tracepoint(bench, text, text);
}
#endif

static const struct {
        const char *name;
        void (*run)(void);
} cases[] = {
        { "empty-loop", empty_loop },
#if defined(__x86_64__)
        { "clock", clock_alone },
        { "clock-and-store", clock_and_store },
#endif
        { "off", ours_off },
        { "u64", ours_number },
        { "string-32", ours_text },
#ifdef WITH_LTTNG
        { "lttng-u64", lttng_number },
        { "lttng-string-32", lttng_text },
#endif
};

#define N_CASES (sizeof(cases) / sizeof(cases[0]))

static double now(void) {
        struct timespec ts;

        clock_gettime(CLOCK_MONOTONIC, &ts);
        return (double) ts.tv_sec * 1e9 + (double) ts.tv_nsec;
}

static int compare(const void *a, const void *b) {
        double x = *(const double *) a, y = *(const double *) b;

        return (x > y) - (x < y);
}

int main(void) {
        static double times[N_CASES][ROUNDS];

        for (unsigned round = 0; round < ROUNDS; round++)
                for (unsigned i = 0; i < N_CASES; i++) {
                        double begin = now();

                        cases[i].run();
                        times[i][round] = (now() - begin) / EVENTS;
                }
        for (unsigned i = 0; i < N_CASES; i++) {
                qsort(times[i], ROUNDS, sizeof(double), compare);
                printf("%s %.2f %.2f\n", cases[i].name, times[i][0], times[i][ROUNDS / 2]);
        }
        return 0;
}
