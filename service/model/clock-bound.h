/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * By how much the clocks of two processors can differ: what nobody can find out
 * exactly, but bound from both sides, as F. Cristian, "Probabilistic clock
 * synchronization" (Distributed Computing 3, 1989), does between machines. A
 * thread on one processor writes its clock into memory again and again, one on
 * the other reads that, and then its own clock: which is later, so its clock is
 * ahead by at most the difference. The least of many differences counts, once in
 * each direction. Every one of them is a bound, however long it took; on a busy
 * machine it is a wider one.
 */

#include <stdint.h>

#include "common/clock.h"

struct clock_bound {
        uint64_t ticks; /* no two of the processors that this process may use differ by more; 0: not known */
        uint64_t certain; /* two of them do differ by as many: an effect can be recorded as before its cause */
};

/* Reads a clock of the processor that the caller runs on, after everything that the program has read before. */
typedef uint64_t (*clock_bound_read_t)(void);

typedef int (*clock_bound_measure_t)(enum trace_clock clock, struct clock_bound *ret);

/* From any thread, one at a time; takes less than a millisecond for each processor that has time for it. 0 or -errno. */
int clock_bound_measure(enum trace_clock clock, struct clock_bound *ret);
int clock_bound_measure_with(clock_bound_read_t read, struct clock_bound *ret);
