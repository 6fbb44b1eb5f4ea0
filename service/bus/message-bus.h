/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * tracingd on a message bus, the system's or its user's: joins it whenever it is
 * there, owns the name, and joins again after the bus was restarted. Nothing
 * else of tracingd depends on it. Main loop only.
 */

#include <stdbool.h>
#include <stddef.h>

#include "common/cleanup.h"
#include "service/bus/bus.h"

#define BUS_NAME "org.tracectl.Tracing1"

struct message_bus;

struct message_bus_config {
        const struct bus_shared *shared;
        bool user;           /* a user's bus; else the system's */
        const char *address; /* NULL: from the environment, or the usual one */
        /* The name is ours, or cannot be had; called for each time that the bus was joined. */
        void (*joined)(void *userdata);
        void *userdata;
};

/* Returns at once, whether there is a bus or not. The configuration is copied; address outlives it. */
int message_bus_new(const struct message_bus_config *config, struct message_bus **ret);
struct message_bus *message_bus_free(struct message_bus *m);
DEFINE_CLEANUP(struct message_bus *, message_bus_free)

/* Whether joined() is to be expected soon: something listens where the bus should be. */
bool message_bus_is_joining(const struct message_bus *m);

/* Clients that have called and are still there, and calls that are held back. */
size_t message_bus_clients(const struct message_bus *m);

/*
 * Gives the name back and does not join again. done is called when every call
 * that the bus has sent to the name has been handed to us; 0: at once, without it.
 */
int message_bus_leave(struct message_bus *m, void (*done)(void *userdata));
