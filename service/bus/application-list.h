/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What ListApplications answers, made a few applications at a time: with
 * thousands of them the main loop has turns for others meanwhile. Each of them is
 * as it is when its turn comes. Main loop only.
 */

#include <sys/types.h>
#include <systemd/sd-bus.h>

#include "common/cleanup.h"

struct application_list;
struct registry;

/* Of these users, an array that is taken over; with pid not 0 those of one process alone. */
int application_list_new(struct registry *r, uid_t *uids, size_t n_uids, pid_t pid, struct application_list **ret);
struct application_list *application_list_free(struct application_list *l);
DEFINE_CLEANUP(struct application_list *, application_list_free)

/* Adds the next to an open array of (uusso): 1 where these were the last, 0 where there may be more; -errno. */
int application_list_append(struct application_list *l, sd_bus_message *reply);
