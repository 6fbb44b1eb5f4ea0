/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * An event as a line of text: time, process and thread, name, fields. One
 * object a thread; it remembers the second and the thread that it wrote last,
 * because breaking down a time is expensive, and how it writes each kind.
 */

#include <stdbool.h>
#include <stdint.h>

#include "client/libtracectl-read/tracectl-read.h"
#include "client/tracectl/text.h"

struct view_plain;

struct view_format {
        bool is_coloured;
        bool with_date;
        bool is_uncertain; /* of the next event: put a mark behind its time */
        bool has_second;
        int64_t second;
        size_t n_clock;
        char clock[64]; /* the second, as text */
        bool has_thread; /* the process and thread before, and their column */
        int32_t pid, tid;
        size_t n_thread;
        char thread[64];
        size_t n_plains;
        struct view_plain **plains; /* by the events' kind; NULL where there is none yet */
};

void view_format_done(struct view_format *format);

/* What it knows of kinds of events: another reader's are to come. */
void view_format_forget(struct view_format *format);

void view_add_event(struct view_format *format, struct text *text, tracectl_reader_event *event);

/* For those who write lines of their own: a value, as it is in every line; of a structure or an array, its bracket. */
void view_add_value(struct text *text, const tracectl_field *field);

/* What stands first in a line: the time, and whose it is. pid -1: it is not known. */
void view_add_place(struct view_format *format, struct text *text, int64_t time, int32_t pid, int32_t tid);

/* 999ns, 1.234us, 12.345ms, 1.234567s. */
void view_add_duration(struct text *text, uint64_t ns);
