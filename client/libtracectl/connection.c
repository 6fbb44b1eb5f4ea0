/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>

#include "client/libtracectl/connection.h"

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

const char *tracectl_connection_get_error(const tracectl_connection *connection) {
        return connection->error.message ?: "";
}

const char *tracectl_connection_get_error_name(const tracectl_connection *connection) {
        return connection->error.name ?: "";
}

static const char *explain(const tracectl_connection *connection, int r) {
        switch (-r) {
        case ECONNRESET:
        case ENOTCONN:
        case EPIPE:
        case ESHUTDOWN:
                if (connection->is_remote)
                        return "The connection over ssh has ended; does ssh reach that host without a question, and "
                               "is systemd there?";
                return connection->destination ? "The message bus has hung up, as it does on users whom the system "
                                                 "does not know (see id) and when it ends."
                                               : "The tracing service has gone away.";
        case ETIMEDOUT:
                return "The tracing service did not answer in time.";
        default:
                return NULL;
        }
}

/* Errors that the bus has made, not the service. NULL: this is another one, which has a sentence of its own. */
static const char *explain_bus_error(const sd_bus_error *error) {
        static const struct {
                const char *name, *text, *sentence; /* text: how the bus's own message begins */
        } known[] = {
                { SD_BUS_ERROR_SERVICE_UNKNOWN, "",
                  "No tracing service is installed on this bus: nobody offers " TRACECTL_NAME "." },
                { SD_BUS_ERROR_NAME_HAS_NO_OWNER, "",
                  "No tracing service is installed on this bus: nobody offers " TRACECTL_NAME "." },
                { "org.freedesktop.systemd1.NoSuchUnit", "",
                  "The tracing service's unit tracingd.service is missing." },
                { "org.freedesktop.systemd1.LoadFailed", "",
                  "The tracing service's unit tracingd.service cannot be loaded." },
                { "org.freedesktop.systemd1.UnitMasked", "", "The tracing service's unit tracingd.service is masked." },
                { "org.freedesktop.DBus.Error.Spawn.", "", "The tracing service could not be started." },
                { SD_BUS_ERROR_NO_REPLY, "", "The tracing service ended before it had answered." },
                { "org.freedesktop.DBus.Error.TimedOut", "", "The tracing service did not start in time." },
                { SD_BUS_ERROR_ACCESS_DENIED, "Rejected send message",
                  "The bus does not let this user speak to the tracing service." },
                { SD_BUS_ERROR_ACCESS_DENIED, "Sender is not authorized",
                  "The bus does not let this user speak to the tracing service." },
        };

        for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
                size_t n = strlen(known[i].name);

                if (strncmp(error->name, known[i].name, n) == 0 && (known[i].name[n - 1] == '.' || !error->name[n]) &&
                    strncmp(error->message ?: "", known[i].text, strlen(known[i].text)) == 0)
                        return known[i].sentence;
        }
        /* What systemd says about a unit comes under many names. */
        if (error->message && strncmp(error->message, "Unit ", 5) == 0 && strstr(error->message, ".service "))
                return "The tracing service could not be started: its unit is masked or broken.";
        return NULL;
}

/* An error that the service did not send: only this side knows what happened. */
int connection_set_error(tracectl_connection *connection, int r) {
        const char *sentence = explain(connection, r);

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
        return r < 0 ? connection_set_error(connection, r) : 0;
}

/* Whether sd-bus has made it, not the other side, which has words of its own. */
static bool is_own_error(const sd_bus_error *error, int r) {
        return !error->message || strcmp(error->message, strerror(-r)) == 0;
}

/* What the other side has said, or a sentence instead where it was not the service. Returns r. */
static int take_error(tracectl_connection *connection, int r, const sd_bus_error *error) {
        const char *sentence = connection->destination ? explain_bus_error(error) : NULL;

        sd_bus_error_free(&connection->error);
        if (sentence)
                (void) sd_bus_error_set(&connection->error, error->name, sentence);
        else
                (void) sd_bus_error_copy(&connection->error, error);
        return r;
}

int connection_check_reply(tracectl_connection *connection, sd_bus_message *reply) {
        const sd_bus_error *error = sd_bus_message_get_error(reply);

        sd_bus_error_free(&connection->error);
        if (!error)
                return 0;
        /* These two sd-bus has made instead of a reply. */
        if (error->message && strcmp(error->message, "Method call timed out") == 0)
                return connection_set_error(connection, -ETIMEDOUT);
        if (error->message && strcmp(error->message, "Connection terminated") == 0)
                return connection_set_error(connection, -ECONNRESET);
        return take_error(connection, -sd_bus_error_get_errno(error), error);
}

/* The same call, which people may be asked about. */
static int call_again(tracectl_connection *connection, sd_bus_message *call, sd_bus_error *error,
                      sd_bus_message **reply) {
        void (*prepare)(void *userdata) = connection->prepare_password;
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *again = NULL;
        int r;

        connection->prepare_password = NULL;
        prepare(connection->password_userdata);
        r = tracectl_connection_set_interactive(connection, 1);
        if (r >= 0)
                r = sd_bus_message_new_method_call(connection->bus, &again, connection->destination,
                                                   sd_bus_message_get_path(call), sd_bus_message_get_interface(call),
                                                   sd_bus_message_get_member(call));
        if (r >= 0)
                r = sd_bus_message_rewind(call, 1);
        if (r >= 0)
                r = sd_bus_message_copy(again, call, 1);
        if (r < 0)
                return r;
        sd_bus_error_free(error);
        return sd_bus_call(connection->bus, again, 0, error, reply);
}

int connection_call(tracectl_connection *connection, int r, sd_bus_message *call, sd_bus_message **ret) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;

        if (r >= 0)
                r = sd_bus_call(connection->bus, call, 0, &error, &reply);
        if (r < 0 && connection->prepare_password &&
            sd_bus_error_has_name(&error, SD_BUS_ERROR_INTERACTIVE_AUTHORIZATION_REQUIRED))
                r = call_again(connection, call, &error, &reply);
        if (r < 0 && is_own_error(&error, r))
                return connection_set_error(connection, r);

        sd_bus_error_free(&connection->error);
        if (r < 0)
                return take_error(connection, r, &error);
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

int connection_check_read(tracectl_connection *connection, int r) {
        return r < 0 && r != -ENOMEM ? connection_bad_reply(connection, r) : r;
}

int connection_refuse(tracectl_connection *connection, int r, const char *name, const char *format, ...) {
        va_list ap;

        sd_bus_error_free(&connection->error);
        va_start(ap, format);
        (void) sd_bus_error_setfv(&connection->error, name, format, ap);
        va_end(ap);
        return r;
}

int message_append_no_options(sd_bus_message *m) {
        int r;

        r = sd_bus_message_open_container(m, 'a', "{sv}");
        if (r < 0)
                return r;
        return sd_bus_message_close_container(m);
}
