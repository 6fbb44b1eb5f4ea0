/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A channel of a set: one ring set in shared memory and a stream for each CPU.
 * Owned by its set, used by the drainer's one thread. The ring memory is mapped
 * read-only: nothing that goes wrong here can harm a writer.
 */

#include <sys/queue.h>

#include "consumer/set.h"
#include "consumer/stream.h"
#include "consumer/walk.h"
#include "protocol/ring.h"

struct channel {
        LIST_ENTRY(channel) entries;
        struct set *set;
        uint32_t stream_id;
        char name[CONSUMER_NAME_MAX];
        struct context_set contexts;
        bool in_files; /* of the output: a recovery wants them */
        bool folded; /* a predecessor released it, and tracingd has not been told */
        struct ring_geometry geometry;
        const void *ring;
        struct ring_positions *positions;
        struct walker walker;
        struct stream *streams; /* one for each CPU */
};

/*
 * Maps the ring set of RINGS or RING_FILES, and goes on in it behind a predecessor. -EPERM or -EBADMSG for files that are no ring set, or one
 * with another clock than the session's.
 */
int channel_new(struct set *set, const struct consumer_rings *rings, int ring_fd, int positions_fd,
                struct channel **ret);
struct channel *channel_free(struct channel *channel);

/*
 * Adds classes to the walker and to the set's metadata. Nothing is changed
 * where the message or the definitions make no sense (-EBADMSG).
 */
int channel_add_classes(struct channel *channel, const struct consumer_class *classes, uint32_t n_classes,
                        const void *definitions, size_t size);

/* The two kinds of channels that there is something to do for. */
static inline bool channel_overwrites(const struct channel *channel) {
        return !channel->folded && channel->geometry.flags & RING_OVERWRITE;
}

static inline bool channel_discards(const struct channel *channel) {
        return !channel->folded && !(channel->geometry.flags & RING_OVERWRITE);
}

/* The futex that writers wake. */
static inline const uint32_t *channel_wake_word(const struct channel *channel) {
        return &((const struct ring_header *) channel->ring)->wake;
}

static inline void channel_set_sleeping(struct channel *channel, uint32_t sleeping) {
        __atomic_store_n(&channel->positions->sleeping, sleeping, __ATOMIC_RELAXED);
}
