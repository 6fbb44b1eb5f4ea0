/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What this process records for one daemon: the view that was applied last, as
 * action lists and mapped ring sets. Only that daemon's helper thread uses it.
 */

#include <stdbool.h>
#include <stddef.h>

#include "protocol/view.h"
#include "tracer/contexts.h"
#include "tracer/objects.h"
#include "tracer/ring-map.h"

#define RING_MAPS_MAX (4 * VIEW_RINGS_MAX) /* of a source: both forms of the applied view and of the next one */

struct applied {
        unsigned source; /* number of the daemon, publish.h */
        uint32_t n_maps; /* so many of the source's places for ring sets were in use, ever */
        struct context_process process; /* what the daemon says of us; the action lists have a copy */
        void *memory; /* the action lists and what they lead to; NULL: nothing is on */
        size_t memory_size;
        const struct view_header *view;      /* in memory: the view that they are made from; NULL: not kept */
        const struct context_process *made_for; /* likewise */
        uint32_t version;                    /* of the snapshot */
};

/* Whether all ring sets of a view are mapped, so that it can be applied without descriptors. */
bool actions_have_rings(const struct applied *applied, const struct view *view);

/*
 * Makes it so: maps the ring sets that are new (fds, in the order of the view,
 * stay the caller's; NULL where all are mapped), turns the events of snapshot on and off, waits until no
 * thread uses what was before, and frees that. Where a thread stays inside a
 * tracepoint for longer than it may, the old memory is left alone. What another
 * daemon wants stays as it is. A view that differs from the one before in its
 * generation alone, as that of a daemon that was restarted, is already in force.
 *
 * -errno where the view cannot be applied, -ESTALE where another is on its way
 * (publish.h); nothing has changed then.
 */
int actions_apply(struct applied *applied, const struct view *view, const int *fds, struct snapshot *snapshot);

/* Whether a view is in force, made for this snapshot and what the daemon says of us now; its view_hash(). */
bool actions_are_in_force(const struct applied *applied, const struct snapshot *snapshot, uint64_t *ret_view);

/* Nothing wanted by this daemon any more; its ring sets unmapped. */
void actions_clear(struct applied *applied);

/*
 * The same of what this process was, to which the rings belonged: what it is now
 * is to be said anew, and until then events count.
 */
void actions_renounce(struct applied *applied);

/* By whoever has waited in vain for this daemon's view: counts the events of which it has said nothing. */
void actions_expect(unsigned source);

/* In a child of fork(): the ring sets are not mapped there, and nobody is inside. */
void actions_forget(struct applied *applied);
