/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Copies out of overwrite rings while writers go on: sub-buffers from the
 * oldest that is still whole to the newest, each checked after it was copied.
 * The drainer's thread, after stream_look() with partial.
 */

#include "consumer/channel.h"

/*
 * All overwrite channels of a set, as a trace in the directory `name` below the
 * output. 0 or the first -errno of the output.
 */
int snapshot_set(struct set *set, const char *name, uint64_t latest);

/*
 * One overwrite channel, into the set's own trace, with what is not there yet.
 * unseen leaves out what other snapshots have.
 */
int snapshot_channel(struct channel *channel, bool unseen, uint64_t latest);
