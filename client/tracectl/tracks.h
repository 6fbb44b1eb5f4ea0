/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Whose events there are: threads, and in traces that do not say them, CPUs.
 * A thread whose process the trace does not say is taken for one of its own.
 * Each gets a number, from 0 on in the order of its first event. Beyond
 * TRACKS_MAX all have one together, so that no trace eats memory. Used by one
 * thread.
 */

#include <stdbool.h>
#include <stdint.h>

#include "client/libtracectl-read/tracectl-read.h"

#define TRACKS_MAX (UINT32_C(1) << 20)

struct track {
        int32_t pid, tid; /* where is_thread */
        int32_t cpu;      /* where not; -1: not even that is known */
        bool is_thread;
        int32_t process; /* number of the process's name in names that the user of tracks has, or -1 */
};

struct tracks {
        struct track *items;
        uint32_t n, n_allocated;
        uint32_t *slots; /* number + 1, or 0 */
        uint32_t n_slots;
        uint32_t last; /* most events come after one of their own thread */
};

/* The number of an event's track, or -ENOMEM. */
int64_t tracks_add(struct tracks *tracks, const tracectl_reader_event *event);

void tracks_done(struct tracks *tracks);
