/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the clock and the events of this process cost now. */

#include <stdint.h>

#include "client/tracectl/tracepoints.h"
#include "common/clock.h"

struct calibration {
        enum trace_clock clock;
        struct trace_clock_info info;
        double clock_ns; /* to read it */
        double off_ns;   /* an event that nobody records; all per event, medians */
        double number_ns, string_ns; /* one that is recorded, with a 64-bit integer, and with a string of 32 bytes */
};

/* The events to be measured, as a program has them. Lives as long as the process. */
struct tracectl_object *calibration_object(void);

/* The clock, and events while they are off. Before they are registered. 0 or -errno. */
int calibration_measure_off(struct calibration *calibration);

/* The events while they are recorded. -ENODATA where they are not. */
int calibration_measure_on(struct calibration *calibration, const struct tracepoints *tracepoints);
