/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/clock.h"

#define NSEC_PER_SEC UINT64_C(1000000000)
#define CALIBRATION_NSEC (20 * 1000 * 1000)
/* Half of the samples are wrong by a nanosecond or two then, few by ten. */
#define CALIBRATION_NSEC_MIN (5 * 1000 * 1000)
/* A sample older than this is none: somebody has slept on it. */
#define CALIBRATION_NSEC_MAX (600 * NSEC_PER_SEC)
#define BRACKETS 128

static ssize_t read_file(const char *path, char *buffer, size_t size) {
        _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
        ssize_t n;

        if (fd < 0)
                return -errno;
        n = read(fd, buffer, size - 1);
        if (n < 0)
                return -errno;
        buffer[n] = '\0';
        return n;
}

enum trace_clock trace_clock_choose(void) {
#if defined(__x86_64__) || defined(__i386__)
        char name[32];

        if (read_file("/sys/devices/system/clocksource/clocksource0/current_clocksource", name, sizeof(name)) > 0 &&
            strcmp(name, "tsc\n") == 0)
                return TRACE_CLOCK_TSC;
#endif
        return TRACE_CLOCK_MONOTONIC;
}

static uint64_t read_ns(clockid_t id) {
        struct timespec ts;

        clock_gettime(id, &ts);
        return (uint64_t) ts.tv_sec * NSEC_PER_SEC + (uint64_t) ts.tv_nsec;
}

/*
 * Reads the trace clock and another at the same moment: of several attempts the
 * one whose two trace clock reads lie closest together, at their middle.
 */
static void sample_pair(enum trace_clock clock, clockid_t id, int64_t timens, uint64_t *ret_ticks, uint64_t *ret_ns) {
        uint64_t best = UINT64_MAX;

        for (int i = 0; i < BRACKETS; i++) {
                uint64_t a = trace_clock_read(clock, timens);
                uint64_t ns = read_ns(id);
                uint64_t b = trace_clock_read(clock, timens);

                if (i == 0 || b - a < best) {
                        best = b - a;
                        *ret_ticks = a + (b - a) / 2;
                        *ret_ns = ns;
                }
        }
}

static uint64_t multiply_divide(uint64_t a, uint64_t b, uint64_t divisor) {
#ifdef __SIZEOF_INT128__
        return (uint64_t) ((unsigned __int128) a * b / divisor);
#else
        /* 64 bits of it are exact where there is no such type, on i386. */
        return (uint64_t) ((long double) a * (long double) b / (long double) divisor);
#endif
}

void trace_clock_sample(struct trace_clock_sample *ret) {
        *ret = (struct trace_clock_sample) { 0 };
#if defined(__x86_64__) || defined(__i386__)
        /* MONOTONIC_RAW is the counter itself, without NTP's slewing. */
        sample_pair(TRACE_CLOCK_TSC, CLOCK_MONOTONIC_RAW, 0, &ret->ticks, &ret->nsec);
#endif
}

static bool is_usable(const struct trace_clock_sample *first) {
        uint64_t now = read_ns(CLOCK_MONOTONIC_RAW);

        return first && first->ticks > 0 && first->nsec <= now && now - first->nsec < CALIBRATION_NSEC_MAX;
}

static void sleep_until(uint64_t nsec) {
        for (uint64_t now; (now = read_ns(CLOCK_MONOTONIC_RAW)) < nsec;) {
                struct timespec pause = { .tv_nsec = (long) (nsec - now) };

                (void) nanosleep(&pause, NULL);
        }
}

static int measure_frequency(const struct trace_clock_sample *first, uint64_t *ret) {
        struct trace_clock_sample a, b;
        uint64_t pause = CALIBRATION_NSEC_MIN;

        if (is_usable(first))
                a = *first;
        else {
                trace_clock_sample(&a);
                pause = CALIBRATION_NSEC;
        }
        sleep_until(a.nsec + pause);
        trace_clock_sample(&b);
        if (b.nsec <= a.nsec || b.ticks <= a.ticks)
                return -EIO;
        *ret = multiply_divide(b.ticks - a.ticks, NSEC_PER_SEC, b.nsec - a.nsec);
        return *ret > 0 ? 0 : -EIO;
}

int trace_clock_calibrate(enum trace_clock clock, const struct trace_clock_sample *first,
                          struct trace_clock_info *ret) {
        int64_t timens = clock == TRACE_CLOCK_MONOTONIC ? trace_clock_timens_offset() : 0;
        uint64_t frequency = NSEC_PER_SEC, ticks, wall, whole;
        struct trace_clock_info info = {};
        int r;

        if (clock == TRACE_CLOCK_TSC) {
                r = measure_frequency(first, &frequency);
                if (r < 0)
                        return r;
        }
        sample_pair(clock, CLOCK_REALTIME, timens, &ticks, &wall);

        /* wall = offset + ticks / frequency, solved for the offset. */
        info.frequency = frequency;
        info.offset_seconds = (int64_t) (wall / NSEC_PER_SEC) - (int64_t) (ticks / frequency) - 1;
        whole = multiply_divide(wall % NSEC_PER_SEC, frequency, NSEC_PER_SEC);
        info.offset_ticks = whole + frequency - ticks % frequency;
        while (info.offset_ticks >= frequency) {
                info.offset_ticks -= frequency;
                info.offset_seconds++;
        }
        *ret = info;
        return 0;
}

int64_t trace_clock_timens_offset(void) {
        char buffer[256], *line;
        long long seconds, nanoseconds;
        char *end;

        if (read_file("/proc/self/timens_offsets", buffer, sizeof(buffer)) <= 0)
                return 0;
        line = strstr(buffer, "monotonic");
        if (!line)
                return 0;
        seconds = strtoll(line + strlen("monotonic"), &end, 10);
        nanoseconds = strtoll(end, NULL, 10);
        return seconds * (int64_t) NSEC_PER_SEC + nanoseconds;
}
