/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A connection among the other things that a program waits for. */

#include <errno.h>

#include "client/libtracectl/connection.h"

int tracectl_connection_get_fd(const tracectl_connection *connection) {
        return sd_bus_get_fd(connection->bus);
}

int tracectl_connection_get_events(const tracectl_connection *connection) {
        return sd_bus_get_events(connection->bus);
}

int tracectl_connection_get_timeout(const tracectl_connection *connection, uint64_t *ret_usec) {
        return sd_bus_get_timeout(connection->bus, ret_usec);
}

static int is_lost(const tracectl_connection *connection, int r) {
        return r == -ENOTCONN || r == -EPIPE || r == -ESHUTDOWN ||
                (r >= 0 && sd_bus_is_open(connection->bus) <= 0);
}

int tracectl_connection_process(tracectl_connection *connection) {
        int r;

        /* A callback may free the connection. */
        connection_ref(connection);
        do
                r = sd_bus_process(connection->bus, NULL);
        while (r > 0);
        if (is_lost(connection, r))
                r = -ECONNRESET;
        connection_unref(connection);
        return r;
}

int tracectl_connection_wait(tracectl_connection *connection, uint64_t usec) {
        int r;

        r = sd_bus_wait(connection->bus, usec);
        return is_lost(connection, r) ? -ECONNRESET : r;
}

int tracectl_connection_attach_event(tracectl_connection *connection, struct sd_event *event, int priority) {
        return sd_bus_attach_event(connection->bus, event, priority);
}

int tracectl_connection_detach_event(tracectl_connection *connection) {
        return sd_bus_detach_event(connection->bus);
}
