/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What several outputs say of an event. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "client/libtracectl-read/tracectl-read.h"
#include "client/tracectl/text.h"

/* Breaking down a time is expensive, and most events are of the same second as the one before. */
struct output_time {
        bool has_second;
        int64_t second;
        size_t n_clock;
        char clock[64];
};

/* As in RFC 3339, in UTC, with nanoseconds: 2026-01-31T12:00:00.000000001Z. */
void output_add_time(struct output_time *time, struct text *text, int64_t ns);

/*
 * The process's name, where the trace has it with its events (the context
 * procname). It is not terminated, and good as long as the event is. The fields
 * of the event are rewound.
 */
bool output_find_process(tracectl_reader_event *event, const char **ret, size_t *ret_size);
