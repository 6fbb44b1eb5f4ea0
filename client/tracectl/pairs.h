/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Events that belong together: one begins something that another ends. What
 * lies between them is a span. By their names,
 *
 *     NAME_entry, NAME_begin, NAME_start        begin the span NAME,
 *     NAME_exit, NAME_end, NAME_done, NAME_stop end it,
 *
 * and LTTng's syscall_entry_NAME and syscall_exit_NAME do so, too. Events of
 * libc, which come at the end of a call and have its duration, are both.
 *
 * Spans belong to a thread and are nested in it: an end ends the span of its
 * name that began last, and gives up those that began after it and have not
 * ended (their ends were lost, or never came). An end without a begin is an
 * event like any other. At most PAIRS_DEPTH_MAX are open in a thread and
 * PAIRS_OPEN_MAX in all; what begins beyond them is an event like any other.
 * Used by one thread.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "client/tracectl/names.h"
#include "client/tracectl/tracks.h"

#define PAIRS_DEPTH_MAX 256
#define PAIRS_OPEN_MAX (UINT32_C(1) << 20)

enum pair_kind {
        PAIR_NONE = 1,
        PAIR_BEGIN,
        PAIR_END,   /* whose begin was there */
        PAIR_WHOLE, /* both in one */
};

struct pair_open {
        int64_t time; /* of its begin, nanoseconds since the epoch */
        uint32_t span;
};

struct pair_event {
        enum pair_kind kind;
        uint32_t event, track; /* numbers in names and tracks */
        uint32_t span;         /* number in names; not for PAIR_NONE */
        uint32_t depth;        /* spans around it */
        int64_t time;          /* nanoseconds since the epoch */
        int64_t duration;      /* nanoseconds, of PAIR_END and PAIR_WHOLE; never negative */

        /* That an end gave up, the outermost first; good until the next call. */
        const struct pair_open *abandoned;
        size_t n_abandoned;
};

struct pairs {
        struct names names;   /* of events and spans */
        struct tracks tracks;
        struct pair_class *classes; /* what the names mean, as many as n_classes */
        uint32_t n_classes;
        struct pair_stack *stacks; /* of the tracks, as many as n_stacks */
        uint32_t n_stacks;
        uint32_t n_open;
        struct pair_memory {
                const char *name; /* where the reader has it, or NULL */
                uint32_t event;
        } *memory; /* by the reader's kinds, as many as n_memory */
        uint32_t n_memory;
};

/* When the span of a PAIR_END or PAIR_WHOLE began. */
static inline int64_t pair_event_begin(const struct pair_event *event) {
        return event->time < INT64_MIN + event->duration ? INT64_MIN : event->time - event->duration;
}

/* What an event is; its fields are rewound. pairs is all zeros at first. Negative errno. */
int pairs_add(struct pairs *pairs, tracectl_reader_event *event, struct pair_event *ret);

/* The next event is another reader's, whose kinds have other numbers. What is open stays so. */
void pairs_forget_reader(struct pairs *pairs);

/* Takes a span that is still open, the innermost of its track first: 1, or 0 where there is none left. */
int pairs_take_open(struct pairs *pairs, uint32_t *ret_track, struct pair_open *ret);

void pairs_done(struct pairs *pairs);
