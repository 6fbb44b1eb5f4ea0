/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The session view: everything that one application must do, as a sealed
 * memory file. tracingd writes it, the library reads it. Every application that
 * it fits gets the same file.
 *
 * A header, n_rings struct view_ring, n_actions struct view_action ordered by
 * event, n_filters struct view_filter, then the filters themselves. An event of
 * the application's definitions that has no action is off.
 *
 * The file descriptors of the rings follow the view's own in the message that
 * carries it, in the order of the rings: for VIEW_RING_SHARED the ring file and
 * the positions file (for reading only), then the same two for
 * VIEW_RING_LOCKED.
 */

#include <stddef.h>
#include <stdint.h>

#include "protocol/context.h"
#include "protocol/filter-code.h"
#include "protocol/later.h"

#define VIEW_MAGIC UINT32_C(0x57454956)
#define VIEW_MAJOR 1
#define VIEW_MINOR (5 + LATER_MINOR)

#define VIEW_SIZE_MAX (UINT64_C(8) << 20)
#define VIEW_RINGS_MAX 30 /* four descriptors each and one for the view: DATAGRAM_FDS_MAX */

#define VIEW_HEADER_SIZE_MIN offsetof(struct view_header, n_filters) /* before minor version 2 */

enum view_ring_flags {
        VIEW_RING_SHARED = 1 << 0, /* for threads with restartable sequences */
        VIEW_RING_LOCKED = 1 << 1, /* for the others: the process's own */
        VIEW_RING_FILES = 1 << 2,  /* files of the process's own user, who can cut them off; since minor version 4 */
        VIEW_RING_ORDERED = 1 << 3, /* the clock is read after all that the program has loaded; since minor version 5 */
};

struct view_header {
        uint32_t magic;
        uint16_t major, minor;
        uint32_t header_size;
        uint32_t ring_size;   /* of a struct view_ring */
        uint32_t action_size; /* of a struct view_action */
        uint32_t n_rings;
        uint32_t n_actions;
        uint32_t n_events; /* of the definitions that it was made for */
        uint64_t definitions; /* their hash */
        uint64_t generation;
        uint64_t total_size;
        uint32_t n_filters;
        uint32_t filter_size; /* of a struct view_filter */
        LATER_MEMBER
};

/* One channel of one session. */
struct view_ring {
        uint64_t shared_id; /* never used again for another ring set; 0 if there is none */
        uint64_t locked_id;
        uint32_t flags; /* enum view_ring_flags */
        uint32_t contexts; /* protocol/context.h; of all its events */
        char app_contexts[APP_CONTEXTS_SIZE]; /* struct context_set; since minor version 3 */
        LATER_MEMBER
};

#define VIEW_RING_SIZE_MIN offsetof(struct view_ring, app_contexts)

/* Record event into ring as class id, where the filter passes. */
struct view_action {
        uint32_t event; /* index into the definitions */
        uint32_t ring;  /* index into the rings */
        uint32_t id;
        uint32_t filter; /* number of a filter, from 1 on; 0: always */
        LATER_MEMBER
};

/* Where a filter is: protocol/filter-code.h. The first one lies behind the last view_filter, each other behind the one
 * before. */
struct view_filter {
        uint32_t offset; /* in the view; a multiple of 8 */
        uint32_t size;
        LATER_MEMBER
};

/* An untrusted view after view_check(): every index and offset is in bounds, every filter can be run. */
struct view {
        const struct view_header *header;
        const char *rings, *actions, *filters;
        uint32_t ring_size, action_size, filter_size, n_rings, n_actions, n_filters;
};

/* In place of a number of descriptors: they came with an earlier view. */
#define VIEW_FDS_KEPT SIZE_MAX

/*
 * Checks a mapped view that cannot change. n_fds descriptors came with it.
 * -EBADMSG, or -EPROTONOSUPPORT for another major version.
 */
int view_check(const void *data, size_t size, size_t n_fds, struct view *ret);

/* Of all of a view but its generation: two that have the same say the same. */
uint64_t view_hash(const struct view_header *view);

/* The number of descriptors that a ring of these flags has. */
static inline unsigned view_ring_fds(uint32_t flags) {
        return ((flags & VIEW_RING_SHARED) ? 2 : 0) + ((flags & VIEW_RING_LOCKED) ? 2 : 0);
}

static inline const struct view_ring *view_ring_at(const struct view *view, uint32_t i) {
        return (const struct view_ring *) (view->rings + (size_t) i * view->ring_size);
}

static inline const struct view_action *view_action_at(const struct view *view, uint32_t i) {
        return (const struct view_action *) (view->actions + (size_t) i * view->action_size);
}

/* Not checked. */
static inline const char *view_ring_app_contexts(const struct view *view, uint32_t i) {
        return view->ring_size < SIZE_BEFORE_LATER(struct view_ring) ? "" : view_ring_at(view, i)->app_contexts;
}

/* Of a filter's number, as actions have it. */
static inline const struct view_filter *view_filter_at(const struct view *view, uint32_t number) {
        return (const struct view_filter *) (view->filters + (size_t) (number - 1) * view->filter_size);
}

static inline const struct filter_code *view_filter_code(const struct view *view, const struct view_filter *filter) {
        return (const struct filter_code *) ((const char *) view->header + filter->offset);
}
