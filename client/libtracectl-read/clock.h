/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A clock of a trace, and its ticks as nanoseconds since the epoch. Multiplied
 * by a fraction of 2^shift that was rounded up: no division an event, exact to
 * far less than a nanosecond, and never running backwards.
 */

#include <stdint.h>

struct clock {
        struct clock *next;
        const char *name;
        uint64_t frequency;
        int64_t offset_seconds;
        uint64_t offset_ticks;
        uint64_t precision; /* ticks by which two processors' clocks can differ; 0: not said */
        int64_t base; /* nanoseconds since the epoch at tick 0 */
        uint64_t multiplier;
        unsigned shift;
};

/* Computes the last three from the others. -EINVAL for a frequency of 0 or an offset out of range. */
int clock_finish(struct clock *clock);

static inline int64_t clock_to_ns(const struct clock *clock, uint64_t ticks) {
        return (int64_t) ((uint64_t) clock->base +
                          (uint64_t) (((unsigned __int128) ticks * clock->multiplier) >> clock->shift));
}
