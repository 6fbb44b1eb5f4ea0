/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <stdbool.h>

#include "client/libtracectl/session.h"

static int append_channel_options(sd_bus_message *m, const struct tracectl_channel_options *options) {
        int r;

        r = sd_bus_message_open_container(m, 'a', "{sv}");
        if (r < 0)
                return r;
        if (options && OPTIONS_HAVE(options, mode) && options->mode != TRACECTL_CHANNEL_DEFAULT) {
                bool overwrite = options->mode == TRACECTL_CHANNEL_OVERWRITE;

                r = sd_bus_message_append(m, "{sv}", "mode", "s", overwrite ? "overwrite" : "discard");
                if (r < 0)
                        return r;
        }
        if (options && OPTIONS_HAVE(options, subbuf_count) && options->subbuf_count > 0) {
                r = sd_bus_message_append(m, "{sv}", "subbuf-count", "u", options->subbuf_count);
                if (r < 0)
                        return r;
        }
        if (options && OPTIONS_HAVE(options, subbuf_size) && options->subbuf_size > 0) {
                r = sd_bus_message_append(m, "{sv}", "subbuf-size", "t", options->subbuf_size);
                if (r < 0)
                        return r;
        }
        if (options && OPTIONS_HAVE(options, ordered_clock) && options->ordered_clock) {
                r = sd_bus_message_append(m, "{sv}", "ordered-clock", "b", 1);
                if (r < 0)
                        return r;
        }
        return sd_bus_message_close_container(m);
}

static int append_channel(sd_bus_message *m, const char *domain, const char *name,
                          const struct tracectl_channel_options *options) {
        int r;

        r = sd_bus_message_append(m, "ss", domain, name);
        if (r < 0)
                return r;
        return append_channel_options(m, options);
}

static int call_channel(tracectl_session *session, const char *method, const char *domain, const char *name,
                        const struct tracectl_channel_options *options, struct operation *operation) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;
        int r;

        r = connection_new_call(session->connection, session->path, SESSION_INTERFACE, method, &call);
        if (r < 0)
                return r;
        r = append_channel(call, domain, name, options);
        return operation_begin(operation, session->connection, r, call, session_read_pending);
}

int tracectl_session_enable_channel(tracectl_session *session, const char *domain, const char *name,
                                    const struct tracectl_channel_options *options, uint32_t *ret_pending) {
        OPERATION_WAIT_FOR(operation, call_channel(session, "EnableChannel", domain, name, options, &operation));

        if (ret_pending)
                *ret_pending = (uint32_t) operation.result.number;
        return 0;
}

int tracectl_session_enable_channel_async(tracectl_session *session, const char *domain, const char *name,
                                          const struct tracectl_channel_options *options, tracectl_callback callback,
                                          void *userdata) {
        return call_channel(session, "EnableChannel", domain, name, options,
                            &(struct operation) OPERATION_LATER(callback, userdata));
}

int tracectl_session_disable_channel(tracectl_session *session, const char *domain, const char *name,
                                     uint32_t *ret_pending) {
        OPERATION_WAIT_FOR(operation, call_channel(session, "DisableChannel", domain, name, NULL, &operation));

        if (ret_pending)
                *ret_pending = (uint32_t) operation.result.number;
        return 0;
}

int tracectl_session_disable_channel_async(tracectl_session *session, const char *domain, const char *name,
                                           tracectl_callback callback, void *userdata) {
        return call_channel(session, "DisableChannel", domain, name, NULL,
                            &(struct operation) OPERATION_LATER(callback, userdata));
}

static int append_context(sd_bus_message *m, const char *domain, const char *channel, const char *type) {
        int r;

        r = sd_bus_message_append(m, "sss", domain, channel, type);
        if (r < 0)
                return r;
        return message_append_no_options(m);
}

static int add_context(tracectl_session *session, const char *domain, const char *channel, const char *type,
                       struct operation *operation) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;
        int r;

        r = connection_new_call(session->connection, session->path, SESSION_INTERFACE, "AddContext", &call);
        if (r < 0)
                return r;
        r = append_context(call, domain, channel, type);
        return operation_begin(operation, session->connection, r, call, NULL);
}

int tracectl_session_add_context(tracectl_session *session, const char *domain, const char *channel,
                                 const char *type) {
        OPERATION_WAIT_FOR(operation, add_context(session, domain, channel, type, &operation));

        return 0;
}

int tracectl_session_add_context_async(tracectl_session *session, const char *domain, const char *channel,
                                       const char *type, tracectl_callback callback, void *userdata) {
        return add_context(session, domain, channel, type, &(struct operation) OPERATION_LATER(callback, userdata));
}
