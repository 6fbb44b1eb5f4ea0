/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The output's directory `rings`, for the opener: ring files, and what a
 * recovery needs beside them. Whoever works with it holds a lock on it. Nothing
 * follows a symbolic link. 0 or -errno; no state.
 */

#include <stdbool.h>

#include "consumer/request.h"

#define RING_PLACE "rings"

/*
 * Takes the directory, which is made where it is missing, for as long as
 * *ret_lock is open. -EBUSY where another one
 * has it, -EEXIST where it has what an earlier session left and this one is not
 * resumed, -EOPNOTSUPP on a file system on which a writer could die of a full disk
 * or of somebody else's server.
 */
int ring_place_take(int directory, bool resumed, int *ret_lock);

/* A file for REQUEST_JOURNAL and the like, whose form has been checked. */
int ring_place_open(int directory, const struct request *request, int *ret_fd);

/*
 * A named snapshot is made in the place, so that nobody finds one that is not
 * whole: its directory there, for tree_descend(); REQUEST_PUBLISH, which moves it
 * also where it does not get to the disk, -EIO then; and what somebody has left
 * who died while he made one.
 */
int ring_place_open_snapshot(int directory, int *ret_fd);
int ring_place_publish(int directory, const char *name, bool sync);
int ring_place_clear(int directory);

/* REQUEST_FORGET and REQUEST_END. */
int ring_place_change(int directory, const struct request *request);
