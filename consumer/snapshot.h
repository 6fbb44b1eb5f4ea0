/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Copies out of overwrite rings while writers go on: sub-buffers from the
 * oldest that is still whole to the newest, each checked after it was copied.
 * The drainer's thread, after stream_look() with partial.
 */

#include "consumer/channel.h"

/*
 * What a stream's ring holds from a position on, into its own file, which is
 * saved, or into another, which is not. 0 or the first -errno of the output.
 */
int snapshot_stream(struct stream *stream, struct stream_file *file, struct stream_mark from, uint64_t latest);

/*
 * One overwrite channel, into the set's own trace, with what is not there yet.
 * unseen leaves out what other snapshots have.
 */
int snapshot_channel(struct channel *channel, bool unseen, uint64_t latest);

/* Goes to the end of the ring; the own file may get something on the way. */
void snapshot_skip(struct stream *stream, uint64_t latest);

/*
 * All overwrite channels of all sets, as traces in the directory `name` below
 * the output, which must not have one yet; once, also where resume says that it
 * was asked before. 0 or the first -errno of the output.
 */
int snapshot_named(struct session *session, const struct sets *sets, const char *name, bool resume, uint64_t latest);
