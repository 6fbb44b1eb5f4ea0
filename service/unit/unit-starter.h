/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Starts consumers as transient units of a service manager: one pair for each,
 * a socket that activates a service. Owns the connection to the manager and
 * every pair until its units are gone. Main loop only.
 */

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "common/cleanup.h"

struct unit_config {
        bool user;           /* of the user's service manager: consumers run as we do */
        const char *run;     /* our run-time directory, absolute, such as "/run/tracectl" */
        const char *address; /* of a message bus; NULL: the system's or the user's, or the manager's own socket */
        uint64_t usec;       /* that the manager has to answer; 0: the default */
};

struct unit_starter;

/*
 * Returns at once, whether the manager can be reached or not. Units that an
 * earlier tracingd left behind are removed as soon as their consumers have ended.
 */
int unit_starter_new(sd_event *event, const struct unit_config *config, struct unit_starter **ret);

/* tracingd goes and its consumers stay: freeing them says nothing to them, nor to the manager about their units. */
void unit_starter_leave(struct unit_starter *u);

/* After every consumer was freed. Tells the manager to stop what is still there, for a bounded time. */
struct unit_starter *unit_starter_free(struct unit_starter *u);
DEFINE_CLEANUP(struct unit_starter *, unit_starter_free)
