/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <string.h>

#include "client/libtracectl/counts.h"
#include "client/libtracectl/session.h"

DEFINE_CLEANUP(tracectl_session *, tracectl_session_free)

static int append_create(sd_bus_message *m, const char *name, int output_fd) {
        int r;

        r = sd_bus_message_append(m, "s", name);
        if (r < 0)
                return r;
        if (output_fd < 0)
                return message_append_no_options(m);
        return sd_bus_message_append(m, "a{sv}", 1, "output-fd", "h", output_fd);
}

int tracectl_session_create(tracectl_connection *connection, const char *name, int output_fd,
                            tracectl_session **ret) {
        _cleanup_(tracectl_session_freep) tracectl_session *session = NULL;
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL, *reply = NULL;
        const char *path;
        int r;

        r = connection_new_call(connection, TRACECTL_ROOT, TRACECTL_INTERFACE "Manager", "CreateSession", &call);
        if (r < 0)
                return r;
        r = connection_call(connection, append_create(call, name, output_fd), call, &reply);
        if (r < 0)
                return r;
        r = sd_bus_message_read(reply, "o", &path);
        if (r < 0)
                return connection_bad_reply(connection, r);

        session = calloc(1, sizeof(*session));
        if (!session)
                return -ENOMEM;
        session->connection = connection_ref(connection);
        session->path = strdup(path);
        if (!session->path)
                return -ENOMEM;
        *ret = TAKE_PTR(session);
        return 0;
}

void tracectl_session_free(tracectl_session *session) {
        if (!session)
                return;
        connection_unref(session->connection);
        free(session->path);
        free(session);
}

/* Calls a method that takes nothing but options, and has none here. */
static int call_plain(tracectl_session *session, const char *method, sd_bus_message **ret_reply) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;
        int r;

        r = connection_new_call(session->connection, session->path, SESSION_INTERFACE, method, &call);
        if (r < 0)
                return r;
        return connection_call(session->connection, message_append_no_options(call), call, ret_reply);
}

static int read_counts(tracectl_session *session, sd_bus_message *reply, tracectl_counts **ret_counts) {
        int r;

        if (!ret_counts)
                return 0;
        r = counts_read(reply, ret_counts);
        if (r < 0 && r != -ENOMEM)
                return connection_bad_reply(session->connection, r);
        return r;
}

int tracectl_session_start(tracectl_session *session) {
        return call_plain(session, "Start", NULL);
}

int tracectl_session_stop(tracectl_session *session, tracectl_counts **ret_counts) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        int r;

        r = call_plain(session, "Stop", &reply);
        if (r < 0)
                return r;
        return read_counts(session, reply, ret_counts);
}

int tracectl_session_snapshot(tracectl_session *session, const char *name, tracectl_counts **ret_counts) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL, *reply = NULL;
        int r;

        r = connection_new_call(session->connection, session->path, SESSION_INTERFACE, "Snapshot", &call);
        if (r < 0)
                return r;
        r = connection_call(session->connection, sd_bus_message_append(call, "a{sv}", 1, "name", "s", name), call,
                            &reply);
        if (r < 0)
                return r;
        r = sd_bus_message_skip(reply, "s");
        if (r < 0)
                return connection_bad_reply(session->connection, r);
        return read_counts(session, reply, ret_counts);
}

int tracectl_session_destroy(tracectl_session *session) {
        return call_plain(session, "Destroy", NULL);
}
