/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Requests that change all streams of a session, or of a channel, at once: as
 * transactions, see consumer/checkpoint.h. After a round that has written what
 * the rings held. The drainer's thread.
 */

#include <stdbool.h>

#include "consumer/set.h"

/*
 * The trace moves to the directory `name` and begins anew, with this clock; once, also where
 * resume says that it was asked before. 0, or -errno: the trace goes on where it was.
 */
int chunk_rotate(struct session *session, const struct sets *sets, const char *name, const struct session_clock *clock,
                 bool resume);

/*
 * Removes the oldest chunks until the others have together so many KiB, and shows
 * in the status page which. 0, or -errno where one cannot be removed.
 */
int chunk_trim(struct session *session, uint32_t keep_kib);

/* The trace and the counters begin anew. 0, or -errno where old files are in the way. */
int chunk_clear(struct session *session, const struct sets *sets, uint64_t latest);

/* The session takes over what the channel counted; nothing more will be done for it. */
void chunk_fold(struct channel *channel);
