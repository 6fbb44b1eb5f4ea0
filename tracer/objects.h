/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The programs and libraries of this process that have tracepoints, and what
 * they define together: a snapshot, in which equal definitions of several
 * statements are one. Constructors and destructors (dlopen, dlclose) change the
 * list, the helper thread makes snapshots and turns events on and off; one lock
 * guards both, held only over memory, never over a system call that waits.
 *
 * No memory comes from malloc(), which may be traced itself.
 */

#include <stddef.h>
#include <stdint.h>

#include "tracectl/tracepoint.h"

#define DEFINITION_NONE UINT32_MAX

/* One tracepoint statement of a snapshot. */
struct site {
        struct tracectl_event *event; /* NULL: its library was unloaded */
        uint32_t definition;          /* index; DEFINITION_NONE: a query, or cannot be recorded */
};

/* Only the helper thread uses it. */
struct snapshot {
        void *memory; /* one mapping holds everything below */
        size_t memory_size;
        uint64_t hash;       /* of the definitions */
        char *definitions;   /* protocol/definitions.h */
        size_t definitions_size;
        uint32_t n_definitions;
        struct site *sites;
        uint32_t n_sites;
};

void objects_lock(void);
void objects_unlock(void);

/* Around fork(). */
void objects_reset_lock(void);

/* Under the lock. Each returns whether the list has changed. */
int objects_add(struct tracectl_object *object);
int objects_remove(struct tracectl_object *object);

/* Under the lock: turns every event off. */
void objects_disable_all(void);

/* Counts additions and removals; a snapshot is old when it has changed. */
uint32_t objects_version(void);

/*
 * Under the lock: makes a snapshot of all objects and forgets the one before,
 * which *snapshot holds or is zero. -ENOMEM leaves *snapshot as it was.
 */
int objects_snapshot(struct snapshot *snapshot);
