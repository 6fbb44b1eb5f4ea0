/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * RING_FILES: a ring set whose rings and positions are files of the output, so
 * that they outlive every process. The opener makes them; here they are filled
 * in. The drainer's thread.
 */

#include "consumer/session.h"

/*
 * Opens both files for reading and writing, and fills them in where nobody has.
 * The caller owns the descriptors. -EINVAL where no ring set has these sizes.
 */
int ring_files_open(struct session *session, const struct consumer_ring_files *m, int *ret_ring, int *ret_positions);

/* What tracingd gets for the applications: the ring and, for reading, the positions. The caller owns them. */
int ring_files_open_for_writers(struct session *session, const struct consumer_ring_files *m, int ret_fds[2]);

/* Maps the session's own record, for session_begin(); *ret is of CONSUMER_OWN_SIZE bytes. */
int ring_files_map_record(struct session *session, void **ret);

/* No writer is left, and everything was written. */
void ring_files_forget(struct session *session, uint64_t set);
void ring_files_end(struct session *session);
