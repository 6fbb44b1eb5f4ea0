/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Which events follow one of another processor so closely that their order is
 * not certain: by no more than the clocks of two processors can differ, as the
 * trace says it (tracectl_reader_event_get_clock_error()). One object a
 * sequence of events; {} is one before its first.
 */

#include <stdbool.h>
#include <stdint.h>

#include "client/libtracectl-read/tracectl-read.h"

struct uncertain_latest {
        bool is_known;
        int cpu;
        int64_t time;
};

struct uncertain {
        struct uncertain_latest last, other; /* the last event; the last one of another processor than that */
};

/* The next event: whether it may have been before one that was given earlier. */
bool uncertain_add(struct uncertain *uncertain, const tracectl_reader_event *event);
