/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * While something is recorded by the time stamp counter: is that still the clock
 * that the traces say?
 *
 * The kernel's watchdog compares the counter with other clocks, and goes over to
 * one of these where it finds it wrong; sysfs says so, and tells nobody. And once
 * a minute the clocks of the processors are compared again, in threads of their
 * own: a virtual machine can come to run on others. Where the kernel has left the
 * counter, or two processors are found to differ by more than the traces say, each
 * session's trace gets a new chunk, with the clock as it is measured then: what
 * is in the chunks before was recorded by a clock that had no known fault. The
 * manager's; main loop only.
 */

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "service/model/clock-bound.h"

struct calibration;
struct manager;

struct clock_watch {
        sd_event_source *timer;        /* NULL: nothing is recorded */
        struct calibration *measuring; /* NULL: nothing is measured */
        unsigned looks;
        bool left; /* the counter, by the kernel */
        bool told; /* each session has its new chunk for that */

        /* For tests; 0 and NULL: as it is. */
        uint64_t look_usec;
        clock_bound_measure_t measure_bound;
};

/* A session records. */
void clock_watch_begin(struct manager *m);

/* Waits for a measurement that is going on. */
void clock_watch_done(struct clock_watch *w);
