/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The events that a daemon was asked about and has said nothing of when the
 * program goes on: each is counted where it is hit, until the view is there that
 * says who wants it. Who does, finds it in his rings as lost.
 *
 * Made by whoever waited, under the lock of the objects, as action lists of a
 * source (publish.h) whose actions count; nothing is freed before a grace period.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tracer/action.h"
#include "tracer/objects.h"

struct pending {
        struct pending *next;       /* older: its lists are used on, where that counts already */
        size_t memory_size;         /* of one mapping, which begins with this */
        struct snapshot *snapshot;  /* a reference */
        struct action_list **lists; /* of each definition; NULL: the daemon has said that it is off */
        uint64_t *counts;           /* of each definition */
        uint32_t n_actions;
} __attribute__((aligned(8)));

/* What a daemon has said, or what has been counting before. */
struct known {
        const struct snapshot *snapshot; /* NULL: nothing at all */
        struct action_list *const *lists;
        uint32_t n_actions;
};

/*
 * Lists for the events of snapshot: of those that are known what is known, of
 * the others some that count. *ret is NULL where all are known. -ENOMEM.
 */
int pending_new(const struct known *known, struct snapshot *snapshot, struct pending **ret);

/* Under the lock: whether any event was counted. */
bool pending_has_counted(const struct pending *pending);

/*
 * After a grace period, under the lock: adds what was counted of events that
 * lists (of each definition of snapshot) record to the losses of their rings.
 */
void pending_settle(struct pending *pending, const struct snapshot *snapshot, struct action_list *const *lists);

/* After a grace period, under the lock. */
void pending_free(struct pending *pending);

/* In a child of fork(), which has counted nothing: frees all but the snapshots. */
void pending_forget(struct pending *pending);
