/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The programs and libraries of this process that have tracepoints, and what
 * they define together: a snapshot, in which equal definitions of several
 * statements are one. Constructors and destructors (dlopen, dlclose) change the
 * list, helper threads make snapshots and turn events on and off; one lock
 * guards both, held only over memory, never over a system call that waits. It
 * is the innermost of all.
 *
 * No memory comes from malloc(), which may be traced itself.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tracectl/tracepoint.h"

#define DEFINITION_NONE UINT32_MAX

/* One tracepoint statement of a snapshot. */
struct site {
        struct tracectl_event *event; /* NULL: its library was unloaded */
        uint32_t definition;          /* index; DEFINITION_NONE: a query, or cannot be recorded */
};

/*
 * Constant but for the sites' events. Sites stand in the order of the list, to
 * which new objects are added in front: of two snapshots, the newer has all
 * sites of the older that have not gone, in the same order.
 */
struct snapshot {
        unsigned refs;     /* under the lock, as the next two */
        struct snapshot *next;
        size_t memory_size; /* one mapping holds it all */
        uint32_t version;  /* objects_version() */
        uint64_t hash;     /* of the definitions */
        char *definitions; /* protocol/definitions.h */
        size_t definitions_size;
        uint32_t n_definitions;
        struct site *sites;
        uint32_t n_sites;
};

void objects_lock(void);
void objects_unlock(void);

/* In a child of fork(), where the lock was taken before: forgets the snapshots, and turns every event off. */
void objects_reset(void);

/* Under the lock. Each returns whether the list has changed. */
int objects_add(struct tracectl_object *object);
int objects_remove(struct tracectl_object *object);

/* Whether contexts are defined there, too. */
bool object_has_contexts(const struct tracectl_object *object);

/* Counts additions and removals; a snapshot is old when it has changed. */
uint32_t objects_version(void);

/* Under the lock: the newest snapshot where it is still true, or else a new one, with a reference; or -ENOMEM. */
int objects_snapshot(struct snapshot **ret);

/* Under the lock. */
struct snapshot *snapshot_ref(struct snapshot *s);
void snapshot_unref(struct snapshot *s);

/*
 * Under the lock: the site of event in the older of two snapshots, while the events of the newer are gone through
 * from the first on; *position begins at 0. NULL where it has none.
 */
const struct site *snapshot_find_in_step(const struct snapshot *older, uint32_t *position,
                                         const struct tracectl_event *event);
