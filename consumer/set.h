/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A ring set's trace: what one compartment (or one process) records in the
 * session, as a trace of its own with a stream class for each channel. Owned by
 * the drainer, used by its one thread.
 */

#include <sys/queue.h>

#include "consumer/trace.h"

struct channel;

struct set {
        LIST_ENTRY(set) entries;
        uint64_t id;
        struct session *session;
        struct metadata_set identity;
        struct text classes; /* metadata of all channels, ever */
        struct trace trace;
        LIST_HEAD(, channel) channels;
};

LIST_HEAD(sets, set);

int set_new(struct session *session, uint64_t id, const struct metadata_set *identity, const uint8_t uuid[16],
            struct set **ret);
struct set *set_free(struct set *set);

/* NULL where there is none. */
struct set *sets_find(const struct sets *sets, uint64_t id);
struct channel *set_find_channel(const struct set *set, uint32_t stream_id);

/* Whether any of its channels has not been released; a predecessor may have released all. */
bool set_is_live(const struct set *set);

/* Brings the metadata up to date, where it is still ours to write. */
int set_sync(struct set *set);
