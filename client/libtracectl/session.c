/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "client/libtracectl/session.h"

DEFINE_CLEANUP(tracectl_session *, tracectl_session_free)

static int append_string(sd_bus_message *m, int r, const char *key, const char *string) {
        return r < 0 || !string ? r : sd_bus_message_append(m, "{sv}", key, "s", string);
}

/* 0: not asked for */
static int append_number(sd_bus_message *m, int r, const char *key, uint64_t number) {
        return r < 0 || number == 0 ? r : sd_bus_message_append(m, "{sv}", key, "t", number);
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
        if (options && OPTIONS_HAVE(options, rings))
                r = append_string(m, r, "rings", options->rings);
        if (options && OPTIONS_HAVE(options, bind))
                r = append_string(m, r, "bind", options->bind);
        if (options && OPTIONS_HAVE(options, max_size)) {
                r = append_number(m, r, "rotate-size", options->rotate_size);
                r = append_number(m, r, "rotate-every", options->rotate_usec);
                r = append_number(m, r, "max-size", options->max_size);
        }
        if (r >= 0 && options && OPTIONS_HAVE(options, sync_msec) && options->sync_msec > 0)
                r = sd_bus_message_append(m, "{sv}", "sync-msec", "u", options->sync_msec);
        return r < 0 ? r : sd_bus_message_close_container(m);
}

int session_new(tracectl_connection *connection, const char *path, tracectl_session **ret) {
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

static int read_session(struct operation *operation, sd_bus_message *reply) {
        const char *path;
        int r;

        r = sd_bus_message_read(reply, "o", &path);
        if (r < 0)
                return connection_bad_reply(operation->connection, r);
        return session_new(operation->connection, path, &operation->result.session);
}

static int take_session(struct operation *operation, tracectl_session **ret) {
        *ret = TAKE_PTR(operation->result.session);
        return 0;
}

static int create(tracectl_connection *connection, const char *name, const struct tracectl_session_options *options,
                  struct operation *operation) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;
        int r;

        r = connection_new_call(connection, TRACECTL_ROOT, TRACECTL_INTERFACE "Manager", "CreateSession", &call);
        if (r < 0)
                return r;
        r = sd_bus_message_append(call, "s", name);
        if (r >= 0)
                r = append_options(call, options);
        return operation_begin(operation, connection, r, call, read_session);
}

int tracectl_session_create(tracectl_connection *connection, const char *name,
                            const struct tracectl_session_options *options, tracectl_session **ret) {
        OPERATION_WAIT_FOR(operation, create(connection, name, options, &operation));

        return take_session(&operation, ret);
}

int tracectl_session_create_async(tracectl_connection *connection, const char *name,
                                  const struct tracectl_session_options *options, tracectl_callback callback,
                                  void *userdata) {
        return create(connection, name, options, &(struct operation) OPERATION_LATER(callback, userdata));
}

static int new_open(tracectl_connection *connection, uint32_t uid, const char *name, sd_bus_message **ret) {
        int r;

        r = connection_new_call(connection, TRACECTL_ROOT, TRACECTL_INTERFACE "Manager", "GetSession", ret);
        return r < 0 ? r : sd_bus_message_append(*ret, "us", uid, name);
}

static int open_of(tracectl_connection *connection, uint32_t uid, const char *name, struct operation *operation) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;
        int r;

        r = new_open(connection, uid, name, &call);
        return call ? operation_begin(operation, connection, r, call, read_session) : r;
}

int tracectl_session_open_of(tracectl_connection *connection, uint32_t uid, const char *name,
                             tracectl_session **ret) {
        OPERATION_WAIT_FOR(operation, open_of(connection, uid, name, &operation));

        return take_session(&operation, ret);
}

int tracectl_session_open_of_async(tracectl_connection *connection, uint32_t uid, const char *name,
                                   tracectl_callback callback, void *userdata) {
        return open_of(connection, uid, name, &(struct operation) OPERATION_LATER(callback, userdata));
}

/* Who the caller is on another machine: there, every session that is listed is his. */
static int read_own(struct operation *operation, sd_bus_message *reply) {
        tracectl_connection *connection = operation->connection;
        const char *name, *wanted = operation->path;
        uint32_t uid;
        int r;

        r = sd_bus_message_enter_container(reply, 'a', "(ussso)");
        while (r >= 0 && (r = sd_bus_message_read(reply, "(ussso)", &uid, &name, NULL, NULL, NULL)) > 0)
                if (strcmp(name, wanted) == 0) {
                        operation->read = read_session;
                        return new_open(connection, uid, wanted, &operation->next);
                }
        if (r < 0)
                return connection_bad_reply(connection, r);
        return connection_refuse(connection, -ENOENT, TRACECTL_INTERFACE "Error.NoSuchSession",
                                 "You have no session '%s' there.", wanted);
}

static int open_own(tracectl_connection *connection, const char *name, struct operation *operation) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;
        int r;

        if (!connection->is_remote)
                return open_of(connection, geteuid(), name, operation);
        operation->path = strdup(name);
        if (!operation->path)
                return -ENOMEM;
        r = connection_new_call(connection, TRACECTL_ROOT, TRACECTL_INTERFACE "Manager", "ListSessions", &call);
        if (r < 0)
                return r;
        return operation_begin(operation, connection, message_append_no_options(call), call, read_own);
}

int tracectl_session_open(tracectl_connection *connection, const char *name, tracectl_session **ret) {
        OPERATION_WAIT_FOR(operation, open_own(connection, name, &operation));

        return take_session(&operation, ret);
}

int tracectl_session_open_async(tracectl_connection *connection, const char *name, tracectl_callback callback,
                                void *userdata) {
        _cleanup_(operation_done) struct operation operation = OPERATION_LATER(callback, userdata);

        return open_own(connection, name, &operation);
}

int session_read_pending(struct operation *operation, sd_bus_message *reply) {
        uint32_t pending;
        int r = 0;

        if (sd_bus_message_has_signature(reply, "otu"))
                r = sd_bus_message_skip(reply, "o");
        if (r >= 0)
                r = sd_bus_message_read(reply, "tu", NULL, &pending);
        if (r < 0)
                return connection_bad_reply(operation->connection, r);
        if (pending > operation->result.number)
                operation->result.number = pending;
        return 0;
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
