/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A service in user mode, in a thread of the test, with sockets, a run
 * directory, a service manager to notify and a message bus of its own. Sets
 * $NOTIFY_SOCKET, so that there is one at a time.
 */

#include "fixture.h"

#define ROOT "/org/tracectl/Tracing1"
#define BUS_NAME "org.tracectl.Tracing1"
#define MANAGER ROOT, BUS_NAME ".Manager"

struct running {
        struct fixture f; /* f.bus is the client that the fixture's calls use */
        char *directory, *address;
        int control_fd, notify_fd, end_fd;
        uint64_t idle_usec;
        GPid bus_pid;
};

struct running *running_prepare(uint64_t idle_usec);

/* Returns when it is ready. */
void running_begin(struct running *l);

/* Waits until it has ended by itself. */
void running_join(struct running *l);
void running_finish(struct running *l);

/* The message bus, where everybody may own and send everything. Returns when it can be connected to. */
void running_start_bus(struct running *l);
void running_stop_bus(struct running *l);

sd_bus *running_connect_bus(const struct running *l);
int running_control_socket(const struct running *l);
sd_bus *running_connect_control(const struct running *l);

/* Calls a method of the manager that has options alone. */
int running_call_manager(sd_bus *bus, const char *member);

void running_remove_file(const struct running *l, const char *name);

/* In a child: no test that fails leaves one behind. */
void running_die_with_parent(void *userdata);
