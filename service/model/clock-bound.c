/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <time.h>

#include "service/model/clock-bound.h"

/* The least of 30 was that of 1,000 wherever both threads ran. */
#define SAMPLES 100

/* For one direction between two processors, and for all of them. */
#define PAIR_NSEC (UINT64_C(50) * 1000 * 1000)
#define ALL_NSEC (UINT64_C(300) * 1000 * 1000)

/* Where the other processor has something else to do, so many reads are followed by a pause. */
#define SPINS 2000
#define PAUSE_NSEC (50 * 1000)

/* What two threads share; written by one alone, so that the other gets it in one transfer. */
struct exchange {
        _Alignas(128) _Atomic uint64_t time; /* the writer's clock; 0 before the first */
        _Alignas(128) _Atomic bool stop;
        clock_bound_read_t read;
        unsigned cpu; /* the writer's */
};

static uint64_t read_tsc(void) {
#if defined(__x86_64__) || defined(__i386__)
        uint64_t time;

        /* The counter is read out of order otherwise, before what was to be seen first. */
        __asm__ volatile("lfence" ::: "memory");
        time = trace_clock_read_tsc();
        __asm__ volatile("" ::: "memory");
        return time;
#else
        return 0;
#endif
}

static uint64_t read_monotonic(void) {
        return trace_clock_read_monotonic(0);
}

static int go_to(unsigned cpu) {
        cpu_set_t set;

        CPU_ZERO(&set);
        CPU_SET(cpu, &set);
        return -pthread_setaffinity_np(pthread_self(), sizeof(set), &set);
}

static void *write_times(void *userdata) {
        struct exchange *e = userdata;

        if (go_to(e->cpu) == 0)
                while (!atomic_load_explicit(&e->stop, memory_order_relaxed))
                        atomic_store_explicit(&e->time, e->read(), memory_order_relaxed);
        return NULL;
}

/* Reads until there is something new from the other processor. 0: not in time. */
static uint64_t wait_for_time(const struct exchange *e, uint64_t before, uint64_t until) {
        const struct timespec pause = { .tv_nsec = PAUSE_NSEC };

        for (;;) {
                for (unsigned i = 0; i < SPINS; i++)
                        if (atomic_load_explicit(&e->time, memory_order_relaxed) != before)
                                return atomic_load_explicit(&e->time, memory_order_acquire);
                if (trace_clock_read_monotonic(0) > until)
                        return 0;
                (void) nanosleep(&pause, NULL);
        }
}

/* The least difference to what is written on another processor. -ETIME: that one had no time. */
static int read_times(const struct exchange *e, int64_t *ret) {
        uint64_t until = trace_clock_read_monotonic(0) + PAIR_NSEC, time = 0;
        int64_t least = INT64_MAX;

        for (unsigned n = 0; n < SAMPLES; n++) {
                int64_t difference;

                time = wait_for_time(e, time, until);
                if (time == 0)
                        break;
                difference = (int64_t) (e->read() - time);
                if (difference < least)
                        least = difference;
        }
        *ret = least;
        return least < INT64_MAX ? 0 : -ETIME;
}

/* How far reader's clock can be ahead of writer's. */
static int measure_direction(clock_bound_read_t read, unsigned writer, unsigned reader, int64_t *ret) {
        struct exchange e = { .read = read, .cpu = writer };
        pthread_t thread;
        int r;

        r = go_to(reader);
        if (r < 0)
                return r;
        r = -pthread_create(&thread, NULL, write_times, &e);
        if (r < 0)
                return r;
        r = read_times(&e, ret);
        atomic_store_explicit(&e.stop, true, memory_order_relaxed);
        pthread_join(thread, NULL);
        return r;
}

static uint64_t magnitude(int64_t value) {
        return value < 0 ? -(uint64_t) value : (uint64_t) value;
}

static int measure_pair(clock_bound_read_t read, unsigned a, unsigned b, struct clock_bound *ret) {
        int64_t ahead, behind, least;
        int r;

        r = measure_direction(read, a, b, &ahead);
        if (r >= 0)
                r = measure_direction(read, b, a, &behind);
        if (r < 0)
                return r;
        least = ahead < behind ? ahead : behind;
        *ret = (struct clock_bound) {
                .ticks = magnitude(ahead) > magnitude(behind) ? magnitude(ahead) : magnitude(behind),
                .certain = least < 0 ? magnitude(least) : 0,
        };
        return 0;
}

/* Each processor is compared with the first: two others differ by no more than both together. */
static int measure_all(clock_bound_read_t read, const cpu_set_t *cpus, struct clock_bound *ret) {
        uint64_t until = trace_clock_read_monotonic(0) + ALL_NSEC, largest = 0, second = 0;
        int first = -1;

        *ret = (struct clock_bound) {};
        for (unsigned cpu = 0; cpu < CPU_SETSIZE; cpu++) {
                struct clock_bound pair;
                int r;

                if (!CPU_ISSET(cpu, cpus))
                        continue;
                if (first < 0) {
                        first = (int) cpu;
                        continue;
                }
                if (trace_clock_read_monotonic(0) > until)
                        return -ETIME;
                r = measure_pair(read, (unsigned) first, cpu, &pair);
                if (r < 0)
                        return r;
                if (pair.ticks > largest) {
                        second = largest;
                        largest = pair.ticks;
                } else if (pair.ticks > second)
                        second = pair.ticks;
                if (pair.certain > ret->certain)
                        ret->certain = pair.certain;
        }
        ret->ticks = largest + second;
        return 0;
}

int clock_bound_measure_with(clock_bound_read_t read, struct clock_bound *ret) {
        cpu_set_t cpus;
        int r;

        r = -pthread_getaffinity_np(pthread_self(), sizeof(cpus), &cpus);
        if (r < 0)
                return r;
        r = measure_all(read, &cpus, ret);
        (void) pthread_setaffinity_np(pthread_self(), sizeof(cpus), &cpus);
        return r;
}

int clock_bound_measure(enum trace_clock clock, struct clock_bound *ret) {
        return clock_bound_measure_with(clock == TRACE_CLOCK_TSC ? read_tsc : read_monotonic, ret);
}
