/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <stdbool.h>

#include "client/libtracectl/connection.h"

/* Longer than anything that the service may take for one call: it answers Stop after 10 seconds at the latest. */
#define CALL_TIMEOUT_USEC (UINT64_C(30) * 1000 * 1000)

int tracectl_connection_new_fd(int fd, tracectl_connection **ret) {
        _cleanup_(connection_unrefp) tracectl_connection *connection = NULL;
        _cleanup_close_ int owned = fd;
        int r;

        connection = calloc(1, sizeof(*connection));
        if (!connection)
                return -ENOMEM;
        connection->n_ref = 1;

        r = sd_bus_new(&connection->bus);
        if (r < 0)
                return r;
        r = sd_bus_set_fd(connection->bus, owned, owned);
        if (r < 0)
                return r;
        (void) TAKE_FD(owned);

        /* The other end is the service itself: there is nobody to say Hello to. */
        r = sd_bus_set_bus_client(connection->bus, 0);
        if (r < 0)
                return r;
        r = sd_bus_negotiate_fds(connection->bus, 1);
        if (r < 0)
                return r;
        r = sd_bus_set_method_call_timeout(connection->bus, CALL_TIMEOUT_USEC);
        if (r < 0)
                return r;
        r = sd_bus_start(connection->bus);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(connection);
        return 0;
}

tracectl_connection *connection_ref(tracectl_connection *connection) {
        connection->n_ref++;
        return connection;
}

void connection_unref(tracectl_connection *connection) {
        if (--connection->n_ref > 0)
                return;
        sd_bus_close_unref(connection->bus);
        sd_bus_error_free(&connection->error);
        free(connection);
}

void tracectl_connection_free(tracectl_connection *connection) {
        if (!connection)
                return;
        sd_bus_close(connection->bus);
        connection_unref(connection);
}

int tracectl_connection_get_fd(const tracectl_connection *connection) {
        return sd_bus_get_fd(connection->bus);
}

int tracectl_connection_process(tracectl_connection *connection) {
        int r;

        do
                r = sd_bus_process(connection->bus, NULL);
        while (r > 0);
        if (r == -ENOTCONN || r == -EPIPE || (r >= 0 && sd_bus_is_open(connection->bus) <= 0))
                return -ECONNRESET;
        return r;
}

const char *tracectl_connection_get_error(const tracectl_connection *connection) {
        return connection->error.message ?: "";
}

const char *tracectl_connection_get_error_name(const tracectl_connection *connection) {
        return connection->error.name ?: "";
}

static const char *explain(int r) {
        switch (-r) {
        case ECONNRESET:
        case ENOTCONN:
        case EPIPE:
        case ESHUTDOWN:
                return "The tracing service has gone away.";
        case ETIMEDOUT:
                return "The tracing service did not answer in time.";
        default:
                return NULL;
        }
}

/* An error that the service did not send: only this side knows what happened. */
static int set_error(tracectl_connection *connection, int r) {
        const char *sentence = explain(r);

        sd_bus_error_free(&connection->error);
        (void) sd_bus_error_set_errno(&connection->error, r);
        if (sentence) {
                _cleanup_(sd_bus_error_free) sd_bus_error plain = connection->error;

                connection->error = SD_BUS_ERROR_NULL;
                (void) sd_bus_error_set(&connection->error, plain.name, sentence);
        }
        return r;
}

int connection_new_call(tracectl_connection *connection, const char *path, const char *interface, const char *method,
                        sd_bus_message **ret) {
        int r;

        r = sd_bus_message_new_method_call(connection->bus, ret, connection->destination, path, interface, method);
        return r < 0 ? set_error(connection, r) : 0;
}

int connection_call(tracectl_connection *connection, int r, sd_bus_message *call, sd_bus_message **ret) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;

        if (r >= 0)
                r = sd_bus_call(connection->bus, call, 0, &error, &reply);
        if (r < 0 && (!sd_bus_error_is_set(&error) || explain(r)))
                return set_error(connection, r);

        sd_bus_error_free(&connection->error);
        if (r < 0)
                return sd_bus_error_move(&connection->error, &error);
        if (ret)
                *ret = TAKE_PTR(reply);
        return 0;
}

int connection_bad_reply(tracectl_connection *connection, int r) {
        sd_bus_error_free(&connection->error);
        (void) sd_bus_error_set(&connection->error, SD_BUS_ERROR_INCONSISTENT_MESSAGE,
                                "The tracing service's answer makes no sense: it is of another version.");
        return r;
}

int message_append_no_options(sd_bus_message *m) {
        int r;

        r = sd_bus_message_open_container(m, 'a', "{sv}");
        if (r < 0)
                return r;
        return sd_bus_message_close_container(m);
}
