/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "client/libtracectl/session.h"
#include "client/libtracectl/value.h"

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

int tracectl_session_enable_channel(tracectl_session *session, const char *domain, const char *name,
                                    const struct tracectl_channel_options *options) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;
        int r;

        r = connection_new_call(session->connection, session->path, SESSION_INTERFACE, "EnableChannel", &call);
        if (r < 0)
                return r;
        return connection_call(session->connection, append_channel(call, domain, name, options), call, NULL);
}

int tracectl_session_disable_channel(tracectl_session *session, const char *domain, const char *name) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;
        int r;

        r = connection_new_call(session->connection, session->path, SESSION_INTERFACE, "DisableChannel", &call);
        if (r < 0)
                return r;
        return connection_call(session->connection, append_channel(call, domain, name, NULL), call, NULL);
}

static int append_context(sd_bus_message *m, const char *domain, const char *channel, const char *type) {
        int r;

        r = sd_bus_message_append(m, "sss", domain, channel, type);
        if (r < 0)
                return r;
        return message_append_no_options(m);
}

int tracectl_session_add_context(tracectl_session *session, const char *domain, const char *channel,
                                 const char *type) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;
        int r;

        r = connection_new_call(session->connection, session->path, SESSION_INTERFACE, "AddContext", &call);
        if (r < 0)
                return r;
        return connection_call(session->connection, append_context(call, domain, channel, type), call, NULL);
}

static int append_string(sd_bus_message *m, const char *key, const char *value) {
        return value ? sd_bus_message_append(m, "{sv}", key, "s", value) : 0;
}

static int append_exclude(sd_bus_message *m, const char *const *patterns) {
        int r;

        r = sd_bus_message_open_container(m, 'e', "sv");
        if (r >= 0)
                r = sd_bus_message_append(m, "s", "exclude");
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'v', "as");
        if (r >= 0)
                r = sd_bus_message_append_strv(m, (char **) patterns);
        if (r >= 0)
                r = sd_bus_message_close_container(m);
        return r < 0 ? r : sd_bus_message_close_container(m);
}

static int append_target(sd_bus_message *m, const struct tracectl_event_options *options) {
        int r = 0;

        if (OPTIONS_HAVE(options, target_uid) && options->target_uid != (uint32_t) -1)
                r = sd_bus_message_append(m, "{sv}", "target-uid", "u", options->target_uid);
        if (r >= 0 && OPTIONS_HAVE(options, target_pid) && options->target_pid != 0)
                r = sd_bus_message_append(m, "{sv}", "target-pid", "u", options->target_pid);
        if (r >= 0 && OPTIONS_HAVE(options, target_children) && options->target_children)
                r = sd_bus_message_append(m, "{sv}", "target-children", "b", 1);
        if (r >= 0 && OPTIONS_HAVE(options, target_executable))
                r = append_string(m, "target-executable", options->target_executable);
        if (r >= 0 && OPTIONS_HAVE(options, target_unit))
                r = append_string(m, "target-unit", options->target_unit);
        return r;
}

static int append_probe(sd_bus_message *m, const struct tracectl_event_options *options) {
        int r = 0;

        if (OPTIONS_HAVE(options, probe))
                r = append_string(m, "probe", options->probe);
        if (r >= 0 && OPTIONS_HAVE(options, probe_file) && options->probe_file >= 0)
                r = sd_bus_message_append(m, "{sv}", "file", "h", options->probe_file);
        if (r >= 0 && OPTIONS_HAVE(options, strings))
                r = append_string(m, "strings", options->strings);
        return r;
}

static int append_event_options(sd_bus_message *m, const struct tracectl_event_options *options) {
        int r = 0;

        if (OPTIONS_HAVE(options, exclude) && options->exclude)
                r = append_exclude(m, options->exclude);
        if (r >= 0 && OPTIONS_HAVE(options, filter))
                r = append_string(m, "filter", options->filter);
        if (r >= 0 && OPTIONS_HAVE(options, log_level))
                r = append_string(m, "loglevel", options->log_level);
        if (r >= 0 && OPTIONS_HAVE(options, log_level_only))
                r = append_string(m, "loglevel-only", options->log_level_only);
        if (r >= 0 && OPTIONS_HAVE(options, kind))
                r = append_string(m, "kind", options->kind);
        if (r >= 0)
                r = append_probe(m, options);
        return r < 0 ? r : append_target(m, options);
}

static int append_event(sd_bus_message *m, const char *domain, const char *channel, const char *pattern,
                        const struct tracectl_event_options *options) {
        int r;

        r = sd_bus_message_append(m, "sss", domain, channel, pattern);
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'a', "{sv}");
        if (r >= 0 && options)
                r = append_event_options(m, options);
        return r < 0 ? r : sd_bus_message_close_container(m);
}

int tracectl_session_enable_event(tracectl_session *session, const char *domain, const char *channel,
                                  const char *pattern, const struct tracectl_event_options *options,
                                  uint32_t *ret_pending) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL, *reply = NULL;
        uint32_t pending;
        int r;

        r = connection_new_call(session->connection, session->path, SESSION_INTERFACE, "EnableEvent", &call);
        if (r < 0)
                return r;
        r = connection_call(session->connection, append_event(call, domain, channel, pattern, options), call, &reply);
        if (r < 0)
                return r;
        r = sd_bus_message_read(reply, "otu", NULL, NULL, &pending);
        if (r < 0)
                return connection_bad_reply(session->connection, r);
        if (ret_pending)
                *ret_pending = pending;
        return 0;
}

static int call_event(tracectl_session *session, const char *method, const char *path) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;
        int r;

        r = connection_new_call(session->connection, session->path, SESSION_INTERFACE, method, &call);
        if (r < 0)
                return r;
        r = sd_bus_message_append(call, "o", path);
        if (r >= 0)
                r = message_append_no_options(call);
        return connection_call(session->connection, r, call, NULL);
}

static bool has(const tracectl_value *event, const char *key, const char *text) {
        return strcmp(tracectl_value_get_string(tracectl_value_lookup(event, key)), text) == 0;
}

/* The service knows rules by their objects, people by their patterns. */
static int call_events(tracectl_session *session, const char *method, const char *domain, const char *channel,
                       const char *pattern) {
        _cleanup_(tracectl_value_freep) tracectl_value *events = NULL;
        bool found = false;
        int r;

        r = tracectl_session_get_events(session, &events);
        if (r < 0)
                return r;
        for (size_t i = 0; i < events->n; i++) {
                const tracectl_value *event = events->items[i];

                if (!has(event, "pattern", pattern) || !has(event, "domain", domain) ||
                    (*channel && !has(event, "channel", channel)))
                        continue;
                r = call_event(session, method, tracectl_value_get_string(tracectl_value_lookup(event, "path")));
                if (r < 0)
                        return r;
                found = true;
        }
        if (!found)
                return connection_refuse(session->connection, -ENOENT, TRACECTL_NAME ".Error.NoSuchEvent",
                                         "The session has no rule for the events '%.200s'%s%.100s.", pattern,
                                         *channel ? " in channel " : "", channel);
        return 0;
}

int tracectl_session_disable_event(tracectl_session *session, const char *domain, const char *channel,
                                   const char *pattern) {
        return call_events(session, "DisableEvent", domain, channel, pattern);
}

int tracectl_session_remove_event(tracectl_session *session, const char *domain, const char *channel,
                                  const char *pattern) {
        return call_events(session, "RemoveEvent", domain, channel, pattern);
}
