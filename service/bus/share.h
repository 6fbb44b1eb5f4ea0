/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Each user's share of the main loop, on the system bus. All calls come by one
 * queue of the bus, so the loop takes them out of it as fast as it can, and does
 * what they say in turns: one call of each user. A call goes on at once unless
 * its sender is not known yet, or its user has had much of the loop just now or
 * waits for polkit several times; then it is held back, in order. Beyond what is
 * held for one user his calls are refused, which costs next to nothing, and
 * without a look at their arguments. Main loop only.
 */

#include <stddef.h>
#include <sys/types.h>

#include "common/cleanup.h"
#include "service/bus/bus.h"

struct share;

/* After gate_install(), whose filter comes after ours. The authorizer is the system's. Freed before b. */
int share_new(struct bus *b, struct share **ret);
struct share *share_free(struct share *s);
DEFINE_CLEANUP(struct share *, share_free)

/* What the loop does for a call of uid's later than in its turn is between these two. */
void share_begin(struct share *s, uid_t uid);
void share_end(struct share *s);

/* Calls that are held back. */
size_t share_count(const struct share *s);
