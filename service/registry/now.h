/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The time by which this folder waits: since some moment, also that of the timers. */

#include <stdint.h>
#include <time.h>

static inline uint64_t now_usec(void) {
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC, &t);
        return (uint64_t) t.tv_sec * 1000000 + (uint64_t) t.tv_nsec / 1000;
}
