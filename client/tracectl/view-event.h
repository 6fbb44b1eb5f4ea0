/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * An event as a line of text: time, process and thread, name, fields. One
 * object a view; it remembers the second that it wrote last, because breaking
 * down a time is expensive.
 */

#include <stdbool.h>
#include <stdint.h>

#include "client/libtracectl-read/tracectl-read.h"
#include "client/tracectl/text.h"

struct view_format {
        bool is_coloured;
        bool with_date;
        bool has_second;
        int64_t second;
        size_t n_clock;
        char clock[64]; /* the second, as text */
};

void view_add_event(struct view_format *format, struct text *text, tracectl_reader_event *event);
