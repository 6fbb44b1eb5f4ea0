/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "client/libtracectl/counts.h"
#include "client/libtracectl/session.h"
#include "client/libtracectl/value.h"

DEFINE_CLEANUP(tracectl_session *, tracectl_session_free)

static int append_string(sd_bus_message *m, int r, const char *key, const char *string) {
        return r < 0 || !string ? r : sd_bus_message_append(m, "{sv}", key, "s", string);
}

static int append_options(sd_bus_message *m, const struct tracectl_session_options *options) {
        int r;

        r = sd_bus_message_open_container(m, 'a', "{sv}");
        if (r < 0)
                return r;
        if (options && OPTIONS_HAVE(options, output_fd) && options->output_fd >= 0)
                r = sd_bus_message_append(m, "{sv}", "output-fd", "h", options->output_fd);
        if (options && OPTIONS_HAVE(options, directory))
                r = append_string(m, r, "directory", options->directory);
        if (options && OPTIONS_HAVE(options, if_exists))
                r = append_string(m, r, "if-exists", options->if_exists);
        if (options && OPTIONS_HAVE(options, mode))
                r = append_string(m, r, "mode", options->mode);
        return r < 0 ? r : sd_bus_message_close_container(m);
}

static int session_new(tracectl_connection *connection, const char *path, tracectl_session **ret) {
        _cleanup_(tracectl_session_freep) tracectl_session *session = NULL;

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

/* Sends a call that replies with the session's object. */
static int call_for_session(tracectl_connection *connection, int r, sd_bus_message *call, tracectl_session **ret) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        const char *path;

        r = connection_call(connection, r, call, &reply);
        if (r < 0)
                return r;
        r = sd_bus_message_read(reply, "o", &path);
        if (r < 0)
                return connection_bad_reply(connection, r);
        return session_new(connection, path, ret);
}

int tracectl_session_create(tracectl_connection *connection, const char *name,
                            const struct tracectl_session_options *options, tracectl_session **ret) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;
        int r;

        r = connection_new_call(connection, TRACECTL_ROOT, TRACECTL_INTERFACE "Manager", "CreateSession", &call);
        if (r < 0)
                return r;
        r = sd_bus_message_append(call, "s", name);
        if (r >= 0)
                r = append_options(call, options);
        return call_for_session(connection, r, call, ret);
}

int tracectl_session_open_of(tracectl_connection *connection, uint32_t uid, const char *name,
                             tracectl_session **ret) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;
        int r;

        r = connection_new_call(connection, TRACECTL_ROOT, TRACECTL_INTERFACE "Manager", "GetSession", &call);
        if (r < 0)
                return r;
        return call_for_session(connection, sd_bus_message_append(call, "us", uid, name), call, ret);
}

/* Who the caller is on another machine: there, every session that is listed is his. */
static int find_remote_owner(tracectl_connection *connection, const char *name, uint32_t *ret) {
        _cleanup_(tracectl_value_freep) tracectl_value *list = NULL;
        int r;

        r = tracectl_list_sessions(connection, NULL, &list);
        if (r < 0)
                return r;
        for (size_t i = 0; i < tracectl_value_get_size(list); i++) {
                const tracectl_value *session = tracectl_value_get_item(list, i);

                if (strcmp(tracectl_value_get_string(tracectl_value_lookup(session, "name")), name) != 0)
                        continue;
                *ret = (uint32_t) tracectl_value_get_number(tracectl_value_lookup(session, "owner"));
                return 0;
        }
        return connection_refuse(connection, -ENOENT, TRACECTL_INTERFACE "Error.NoSuchSession",
                                 "You have no session '%s' there.", name);
}

int tracectl_session_open(tracectl_connection *connection, const char *name, tracectl_session **ret) {
        uint32_t uid = geteuid();
        int r;

        if (connection->is_remote) {
                r = find_remote_owner(connection, name, &uid);
                if (r < 0)
                        return r;
        }
        return tracectl_session_open_of(connection, uid, name, ret);
}

const char *tracectl_session_get_path(const tracectl_session *session) {
        return session->path;
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

/* Copies the text that a reply goes on with. ret may be NULL. */
static int read_string(tracectl_session *session, sd_bus_message *reply, char **ret) {
        const char *text;
        int r;

        r = sd_bus_message_read(reply, "s", &text);
        if (r < 0)
                return connection_bad_reply(session->connection, r);
        if (!ret)
                return 0;
        *ret = strdup(text);
        return *ret ? 0 : -ENOMEM;
}

int tracectl_session_snapshot(tracectl_session *session, const char *name, char **ret_path,
                              tracectl_counts **ret_counts) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL, *reply = NULL;
        _cleanup_free_ char *path = NULL;
        int r;

        r = connection_new_call(session->connection, session->path, SESSION_INTERFACE, "Snapshot", &call);
        if (r < 0)
                return r;
        r = connection_call(session->connection, sd_bus_message_append(call, "a{sv}", 1, "name", "s", name), call,
                            &reply);
        if (r < 0)
                return r;
        r = read_string(session, reply, &path);
        if (r >= 0)
                r = read_counts(session, reply, ret_counts);
        if (r < 0)
                return r;
        if (ret_path)
                *ret_path = TAKE_PTR(path);
        return 0;
}

int tracectl_session_clear(tracectl_session *session) {
        return call_plain(session, "Clear", NULL);
}

int tracectl_session_rotate(tracectl_session *session, char **ret_path) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        int r;

        r = call_plain(session, "Rotate", &reply);
        return r < 0 ? r : read_string(session, reply, ret_path);
}

int tracectl_session_dump(tracectl_session *session, char **ret) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL, *reply = NULL;
        int r;

        r = connection_new_call(session->connection, session->path, SESSION_INTERFACE, "Dump", &call);
        if (r < 0)
                return r;
        r = connection_call(session->connection, 0, call, &reply);
        return r < 0 ? r : read_string(session, reply, ret);
}

int tracectl_session_destroy(tracectl_session *session) {
        return call_plain(session, "Destroy", NULL);
}

int tracectl_session_open_stream(tracectl_session *session, int *ret_fd) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        int fd, r;

        r = call_plain(session, "OpenStream", &reply);
        if (r < 0)
                return r;
        r = sd_bus_message_read(reply, "h", &fd);
        if (r < 0)
                return connection_bad_reply(session->connection, r);
        *ret_fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
        return *ret_fd < 0 ? -errno : 0;
}
