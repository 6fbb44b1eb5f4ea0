/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The trace clock: one counter for everything a machine records. The time
 * stamp counter where the kernel itself runs on it, CLOCK_MONOTONIC elsewhere.
 * All functions are safe from any thread and, but for trace_clock_choose(),
 * trace_clock_sample() and trace_clock_calibrate(), from signal handlers.
 */

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

enum trace_clock {
        TRACE_CLOCK_TSC,
        TRACE_CLOCK_MONOTONIC,
        _TRACE_CLOCK_MAX,
};

/* What a reader needs to know of a clock, as CTF 1.8 has it in `clock { }`. */
struct trace_clock_info {
        uint64_t frequency;      /* ticks per second */
        int64_t offset_seconds;  /* wall time at tick 0: seconds since the epoch, */
        uint64_t offset_ticks;   /* plus ticks, below frequency */
        uint64_t precision;      /* ticks by which two processors' clocks can differ; 0: not known */
};

#if defined(__x86_64__) || defined(__i386__)
static inline uint64_t trace_clock_read_tsc(void) {
        return __builtin_ia32_rdtsc();
}
#endif

/* Nanoseconds of CLOCK_MONOTONIC. timens_offset, in nanoseconds, is subtracted. */
static inline uint64_t trace_clock_read_monotonic(int64_t timens_offset) {
        struct timespec ts;

        clock_gettime(CLOCK_MONOTONIC, &ts);
        return (uint64_t) ts.tv_sec * UINT64_C(1000000000) + (uint64_t) ts.tv_nsec - (uint64_t) timens_offset;
}

static inline uint64_t trace_clock_read(enum trace_clock clock, int64_t timens_offset) {
#if defined(__x86_64__) || defined(__i386__)
        if (clock == TRACE_CLOCK_TSC)
                return trace_clock_read_tsc();
#endif
        return trace_clock_read_monotonic(timens_offset);
}

/*
 * A clock that is read after this is read after whatever the program has loaded
 * before. The time stamp counter alone needs it: the kernel, and the C library's
 * CLOCK_MONOTONIC, order their reading by themselves.
 */
static inline void trace_clock_order(void) {
#if defined(__x86_64__) || defined(__i386__)
        __asm__ volatile("lfence" ::: "memory");
#endif
}

/* Whether this processor has the clock. */
static inline bool trace_clock_is_known(uint32_t clock) {
#if defined(__x86_64__) || defined(__i386__)
        return clock < _TRACE_CLOCK_MAX;
#else
        return clock == TRACE_CLOCK_MONOTONIC;
#endif
}

/* The clock that this machine's kernel runs on. Reads sysfs. */
enum trace_clock trace_clock_choose(void);

/* The time stamp counter at a moment of CLOCK_MONOTONIC_RAW. */
struct trace_clock_sample {
        uint64_t ticks; /* 0: there is no such counter */
        uint64_t nsec;
};

void trace_clock_sample(struct trace_clock_sample *ret);

/*
 * Measures the clock against the kernel's, so that the frequency is right to about
 * one in a million. Sleeps for 20 ms; or, where first is not NULL, until 5 ms have
 * passed since that sample was taken. What processors differ by is not measured.
 * 0 or -errno.
 */
int trace_clock_calibrate(enum trace_clock clock, const struct trace_clock_sample *first, struct trace_clock_info *ret);

/* What this process's time namespace adds to CLOCK_MONOTONIC, in nanoseconds. */
int64_t trace_clock_timens_offset(void);
