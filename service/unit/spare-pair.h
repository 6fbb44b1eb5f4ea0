/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A consumer's pair of units that is there before anybody wants it, and its consumer waits for a session: systemd takes 40
 * to 70 ms to start one. It is for the owner who has just recorded a command, mostly to record another, and goes when
 * half a minute has passed. Main loop only.
 */

#include "service/unit/pair.h"

struct spare_pair;

/* Makes one in place of the one that there is. */
void spare_pair_order(struct unit_starter *u, const struct consumer_spec *spec);

/* As pair_new() of one that is ready, with the connection to its consumer. -ENOENT: there is none for such a session. */
int spare_pair_take(struct unit_starter *u, const struct consumer_spec *spec, pair_stopped_t stopped, void *userdata,
                    struct pair **ret, int *ret_fd);

void spare_pair_drop(struct unit_starter *u);
