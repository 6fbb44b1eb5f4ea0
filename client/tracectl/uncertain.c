/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "client/tracectl/uncertain.h"

bool uncertain_add(struct uncertain *uncertain, const tracectl_reader_event *event) {
        const struct uncertain_latest now = {
                .is_known = true,
                .cpu = tracectl_reader_event_get_cpu(event),
                .time = tracectl_reader_event_get_time(event),
        };
        uint64_t error = tracectl_reader_event_get_clock_error(event);

        if (now.cpu < 0)
                return false;
        if (uncertain->last.is_known && uncertain->last.cpu != now.cpu)
                uncertain->other = uncertain->last;
        uncertain->last = now;
        return error > 0 && uncertain->other.is_known &&
               (uint64_t) now.time - (uint64_t) uncertain->other.time <= error;
}
