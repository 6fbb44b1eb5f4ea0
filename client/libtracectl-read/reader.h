/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Where a reader is. The first of the merged streams is the one that everything
 * happens at: its event is found (stream_next), read (stream_read_event), handed
 * out, and passed. One thread at a time.
 */

#include "client/libtracectl-read/event.h"
#include "client/libtracectl-read/merge.h"
#include "client/libtracectl-read/trace.h"

struct tracectl_reader {
        struct traces traces;
        size_t trace, stream; /* the next one to be added to the merge */
        struct merge merge;
        struct report report;
        struct problem problem;
        int64_t since, until;
        bool with_markers, is_unordered;
        bool is_running; /* no trace can be added */
        bool is_read;    /* the first stream's event was read */
        bool is_inside;  /* it was handed out, too */
        struct record record;
        tracectl_reader_event event;
};

/* Finds and reads the next event, unless that is done: the first stream is at it. 1, 0 at the end, -ENOMEM. */
int reader_find(tracectl_reader *reader);

/*
 * Passes the first stream's event, and says what stream_next() does. Until
 * reader_settle() is given that, nothing but merge_first() may be asked.
 */
int reader_pass(tracectl_reader *reader);
int reader_settle(tracectl_reader *reader, int more);
