/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * While something is recorded by the time stamp counter: does the kernel still
 * trust it? Its watchdog compares it with other clocks, and goes over to one of
 * these where it finds it wrong; sysfs says so, and tells nobody. Then each
 * session's trace gets a new chunk, once: what is in the chunks before was
 * recorded by a clock that had no fault known to the kernel. The manager's; main loop only.
 */

#include <stdbool.h>
#include <systemd/sd-event.h>

struct manager;

struct clock_watch {
        sd_event_source *timer; /* NULL: nothing is recorded, or all has been said */
        bool lost;              /* the counter's trust */
};

/* A session records. */
void clock_watch_begin(struct manager *m);

void clock_watch_done(struct clock_watch *w);
