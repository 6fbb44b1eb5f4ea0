/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What a recording has probably cost within the programs that were recorded:
 * nobody can measure that there without costing more. It is how often what was
 * done, by what that takes: each event reads the clock, which is measured here.
 */

#include <stdbool.h>
#include <stdint.h>

struct record_cost {
        uint64_t events, bytes; /* that are in the trace */
        uint64_t discarded;     /* events that found their ring full */
        uint64_t overwritten;   /* bytes that newer events took the place of: nobody has counted their events */
        uint64_t starts; /* of processes that were recorded from their beginning */
        bool libc;       /* calls of the C library, whose events read the clock twice */
};

/* Nanoseconds of CPU time, of all threads together. Takes some microseconds. */
uint64_t record_cost_estimate(const struct record_cost *cost);
