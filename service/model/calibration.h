/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Measures the trace clock once, in threads of its own, because that takes 20 ms
 * which the rest of the start can use; or, where the client has begun it, as soon
 * as somebody asks. Owned by the manager; another one by its clock-watch.h, for a while. Main loop only.
 */

#include "common/clock.h"
#include "service/model/clock-bound.h"

struct calibration;

/* first: what the client has measured before it started us, or NULL. measure_bound: NULL but for tests. */
int calibration_new(enum trace_clock clock, const struct trace_clock_sample *first, clock_bound_measure_t measure_bound,
                    struct calibration **ret);
struct calibration *calibration_free(struct calibration *c);

/* As an earlier tracingd measured it: all sessions have the same. */
void calibration_set(struct calibration *c, const struct trace_clock_info *info);

/* Waits for the measurement where it is still running. */
int calibration_get(struct calibration *c, struct trace_clock_info *ret);

/* What two processors were found to differ by until now, in ticks. */
uint64_t calibration_difference(const struct calibration *c);
