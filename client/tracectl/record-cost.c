/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "client/tracectl/record-cost.h"
#include "common/clock.h"

/* docs/performance.md: what an event takes beside the clock, and each of its bytes; and to join a recording at the start. */
#define EVENT_NSEC 1.0
#define BYTE_NSEC 0.2
#define START_NSEC 5e5

#define PIECES 5
#define PER_PIECE 200

/* The fastest of some pieces: nobody has disturbed that one. */
static double measure_clock(void) {
        enum trace_clock clock = trace_clock_choose();
        uint64_t fastest = UINT64_MAX;

        for (unsigned i = 0; i < PIECES; i++) {
                uint64_t begin = trace_clock_read_monotonic(0), took;

                for (unsigned j = 0; j < PER_PIECE; j++) {
                        uint64_t ticks = trace_clock_read(clock, 0);

                        __asm__ volatile("" : : "r"(ticks));
                }
                took = trace_clock_read_monotonic(0) - begin;
                if (took < fastest)
                        fastest = took;
        }
        return (double) fastest / PER_PIECE;
}

/* How many more events there were than are in the trace, if those that were overwritten were as large. */
static double count_overwritten(const struct record_cost *cost) {
        return cost->bytes == 0 ? 0 : (double) cost->overwritten * (double) cost->events / (double) cost->bytes;
}

uint64_t record_cost_estimate(const struct record_cost *cost) {
        double clock = measure_clock() * (cost->libc ? 2 : 1);
        double events = (double) cost->events + (double) cost->discarded + count_overwritten(cost);
        double bytes = (double) cost->bytes + (double) cost->overwritten;

        return (uint64_t) (events * (clock + EVENT_NSEC) + bytes * BYTE_NSEC + (double) cost->starts * START_NSEC);
}
