/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What is done with a session as a whole. */

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "client/libtracectl/counts.h"
#include "client/libtracectl/session.h"

int session_call_plain(tracectl_session *session, const char *method, struct operation *operation,
                       operation_read read) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;
        int r;

        r = connection_new_call(session->connection, session->path, SESSION_INTERFACE, method, &call);
        if (r < 0)
                return r;
        return operation_begin(operation, session->connection, message_append_no_options(call), call, read);
}

static int wait_plain(tracectl_session *session, const char *method) {
        OPERATION_WAIT_FOR(operation, session_call_plain(session, method, &operation, NULL));

        return 0;
}

static int send_plain(tracectl_session *session, const char *method, operation_read read, tracectl_callback callback,
                      void *userdata) {
        return session_call_plain(session, method, &(struct operation) OPERATION_LATER(callback, userdata), read);
}

static int read_counts(struct operation *operation, sd_bus_message *reply) {
        return connection_check_read(operation->connection, counts_read(reply, &operation->result.counts));
}

/* Copies the text that a reply goes on with. */
static int read_text(struct operation *operation, sd_bus_message *reply) {
        const char *text;
        int r;

        r = sd_bus_message_read(reply, "s", &text);
        if (r < 0)
                return connection_bad_reply(operation->connection, r);
        operation->result.text = strdup(text);
        return operation->result.text ? 0 : -ENOMEM;
}

static int read_text_and_counts(struct operation *operation, sd_bus_message *reply) {
        int r;

        r = read_text(operation, reply);
        return r < 0 ? r : read_counts(operation, reply);
}

static int read_fd(struct operation *operation, sd_bus_message *reply) {
        int fd, r;

        r = sd_bus_message_read(reply, "h", &fd);
        if (r < 0)
                return connection_bad_reply(operation->connection, r);
        operation->result.fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
        return operation->result.fd < 0 ? -errno : 0;
}

int tracectl_session_start(tracectl_session *session, uint32_t *ret_pending) {
        OPERATION_WAIT_FOR(operation, session_call_plain(session, "Start", &operation, session_read_pending));

        if (ret_pending)
                *ret_pending = (uint32_t) operation.result.number;
        return 0;
}

int tracectl_session_start_async(tracectl_session *session, tracectl_callback callback, void *userdata) {
        return send_plain(session, "Start", session_read_pending, callback, userdata);
}

int tracectl_session_stop(tracectl_session *session, tracectl_counts **ret_counts) {
        OPERATION_WAIT_FOR(operation, session_call_plain(session, "Stop", &operation, ret_counts ? read_counts : NULL));

        if (ret_counts)
                *ret_counts = TAKE_PTR(operation.result.counts);
        return 0;
}

int tracectl_session_stop_async(tracectl_session *session, tracectl_callback callback, void *userdata) {
        return send_plain(session, "Stop", read_counts, callback, userdata);
}

static int snapshot(tracectl_session *session, const char *name, struct operation *operation, operation_read read) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;
        int r;

        r = connection_new_call(session->connection, session->path, SESSION_INTERFACE, "Snapshot", &call);
        if (r < 0)
                return r;
        r = sd_bus_message_append(call, "a{sv}", 1, "name", "s", name);
        return operation_begin(operation, session->connection, r, call, read);
}

int tracectl_session_snapshot(tracectl_session *session, const char *name, char **ret_path,
                              tracectl_counts **ret_counts) {
        OPERATION_WAIT_FOR(operation, snapshot(session, name, &operation,
                                               ret_counts ? read_text_and_counts : read_text));

        if (ret_counts)
                *ret_counts = TAKE_PTR(operation.result.counts);
        if (ret_path)
                *ret_path = TAKE_PTR(operation.result.text);
        return 0;
}

int tracectl_session_snapshot_async(tracectl_session *session, const char *name, tracectl_callback callback,
                                    void *userdata) {
        return snapshot(session, name, &(struct operation) OPERATION_LATER(callback, userdata), read_text_and_counts);
}

int tracectl_session_clear(tracectl_session *session) {
        return wait_plain(session, "Clear");
}

int tracectl_session_clear_async(tracectl_session *session, tracectl_callback callback, void *userdata) {
        return send_plain(session, "Clear", NULL, callback, userdata);
}

int tracectl_session_rotate(tracectl_session *session, char **ret_path) {
        OPERATION_WAIT_FOR(operation, session_call_plain(session, "Rotate", &operation, read_text));

        if (ret_path)
                *ret_path = TAKE_PTR(operation.result.text);
        return 0;
}

int tracectl_session_rotate_async(tracectl_session *session, tracectl_callback callback, void *userdata) {
        return send_plain(session, "Rotate", read_text, callback, userdata);
}

static int dump(tracectl_session *session, struct operation *operation) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;
        int r;

        r = connection_new_call(session->connection, session->path, SESSION_INTERFACE, "Dump", &call);
        return r < 0 ? r : operation_begin(operation, session->connection, 0, call, read_text);
}

int tracectl_session_dump(tracectl_session *session, char **ret) {
        OPERATION_WAIT_FOR(operation, dump(session, &operation));

        if (ret)
                *ret = TAKE_PTR(operation.result.text);
        return 0;
}

int tracectl_session_dump_async(tracectl_session *session, tracectl_callback callback, void *userdata) {
        return dump(session, &(struct operation) OPERATION_LATER(callback, userdata));
}

int tracectl_session_destroy(tracectl_session *session) {
        return wait_plain(session, "Destroy");
}

int tracectl_session_destroy_async(tracectl_session *session, tracectl_callback callback, void *userdata) {
        return send_plain(session, "Destroy", NULL, callback, userdata);
}

int tracectl_session_open_stream(tracectl_session *session, int *ret_fd) {
        OPERATION_WAIT_FOR(operation, session_call_plain(session, "OpenStream", &operation, read_fd));

        *ret_fd = TAKE_FD(operation.result.fd);
        return 0;
}

int tracectl_session_open_stream_async(tracectl_session *session, tracectl_callback callback, void *userdata) {
        return send_plain(session, "OpenStream", read_fd, callback, userdata);
}
