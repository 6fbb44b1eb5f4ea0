/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>

#include "client/libtracectl-read/clock.h"

#define NSEC_PER_SEC UINT64_C(1000000000)

int clock_finish(struct clock *clock) {
        unsigned __int128 multiplier;
        unsigned shift = 64;
        uint64_t part;
        int64_t base;

        if (clock->frequency == 0)
                return -EINVAL;
        part = (uint64_t) ((unsigned __int128) (clock->offset_ticks % clock->frequency) * NSEC_PER_SEC /
                           clock->frequency);
        if (__builtin_add_overflow(clock->offset_seconds, (int64_t) (clock->offset_ticks / clock->frequency), &base) ||
            __builtin_mul_overflow(base, (int64_t) NSEC_PER_SEC, &base) ||
            __builtin_add_overflow(base, (int64_t) part, &base))
                return -EINVAL;

        for (;; shift--) {
                multiplier = (((unsigned __int128) NSEC_PER_SEC << shift) + clock->frequency - 1) / clock->frequency;
                if (multiplier <= UINT64_MAX)
                        break;
        }
        clock->base = base;
        clock->multiplier = (uint64_t) multiplier;
        clock->shift = shift;
        return 0;
}
