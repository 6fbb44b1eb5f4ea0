/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The record walker of a stream: it knows how long a record of each class is,
 * counts the events in a piece of a sub-buffer and finds where the records end
 * and garbage begins. It works on a private copy: what it has walked cannot
 * change before it is written. Owned by a channel; one thread.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/context.h"
#include "protocol/definitions.h"

/* Class ids beyond this are refused: the table is indexed by them. */
#ifdef TRACECTL_FUZZ
#define WALK_ID_MAX ((UINT32_C(1) << 12) - 1)
#else
#define WALK_ID_MAX ((UINT32_C(1) << 20) - 1)
#endif

struct walk_class;

struct walker {
        struct walk_class **classes; /* by id; NULL where there is none */
        uint32_t n_classes;
        uint32_t contexts; /* protocol/context.h: between header and payload of every record but tracectl:thread */
};

/* Who recorded the events that follow: the payload of `tracectl:thread`. */
struct walk_thread {
        int32_t pid, tid;
};

struct walk_result {
        size_t valid;              /* bytes of whole records */
        uint64_t events;           /* without tracectl:thread */
        uint64_t last_time;        /* of the last record, or begin */
        struct walk_thread thread; /* after the last record */
};

void walker_done(struct walker *walker);

/* Whether a class of an application can have this id. */
bool walker_id_is_valid(uint32_t id);

bool walker_has(const struct walker *walker, uint32_t id);

/* app: the application's contexts, which stand before the payload. The id is valid and not taken yet. 0 or -ENOMEM. */
int walker_add(struct walker *walker, uint32_t id, const struct app_contexts *app,
               const struct definition *definition);

/*
 * Walks size bytes of records, the first of which is not before begin and was
 * written by thread. A record that goes back in time or beyond latest is garbage.
 */
void walker_walk(const struct walker *walker, const char *records, size_t size, uint64_t begin, uint64_t latest,
                 struct walk_thread thread, struct walk_result *ret);
