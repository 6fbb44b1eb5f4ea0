/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "client/libtracectl/session.h"

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

static int enable(tracectl_session *session, const char *domain, const char *channel, const char *pattern,
                  const struct tracectl_event_options *options, struct operation *operation) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;
        int r;

        r = connection_new_call(session->connection, session->path, SESSION_INTERFACE, "EnableEvent", &call);
        if (r < 0)
                return r;
        r = append_event(call, domain, channel, pattern, options);
        return operation_begin(operation, session->connection, r, call, session_read_pending);
}

int tracectl_session_enable_event(tracectl_session *session, const char *domain, const char *channel,
                                  const char *pattern, const struct tracectl_event_options *options,
                                  uint32_t *ret_pending) {
        OPERATION_WAIT_FOR(operation, enable(session, domain, channel, pattern, options, &operation));

        if (ret_pending)
                *ret_pending = (uint32_t) operation.result.number;
        return 0;
}

int tracectl_session_enable_event_async(tracectl_session *session, const char *domain, const char *channel,
                                        const char *pattern, const struct tracectl_event_options *options,
                                        tracectl_callback callback, void *userdata) {
        return enable(session, domain, channel, pattern, options,
                      &(struct operation) OPERATION_LATER(callback, userdata));
}

static bool has(const tracectl_value *event, const char *key, const char *text) {
        return strcmp(tracectl_value_get_string(tracectl_value_lookup(event, key)), text) == 0;
}

/* The next rule of those that were found; none: all is done. */
static int call_next(struct operation *operation, sd_bus_message *reply) {
        tracectl_value *events = operation->rules;
        int r = reply ? session_read_pending(operation, reply) : 0;

        if (r < 0 || operation->n_done == events->n)
                return r;
        r = connection_new_call(operation->connection, operation->path, SESSION_INTERFACE, operation->method,
                                &operation->next);
        if (r >= 0)
                r = sd_bus_message_append(operation->next, "o", events->items[operation->n_done++]->string);
        return r < 0 ? r : message_append_no_options(operation->next);
}

/* The service knows rules by their objects, people by their patterns. */
static int read_rules(struct operation *operation, sd_bus_message *reply) {
        _cleanup_(tracectl_value_freep) tracectl_value *events = NULL;
        int r;

        r = session_read_events(operation, reply);
        if (r < 0)
                return r;
        events = TAKE_PTR(operation->result.value);
        r = value_new(TRACECTL_ARRAY, &operation->rules);
        for (size_t i = 0; r >= 0 && i < events->n; i++) {
                const tracectl_value *event = events->items[i];

                if (has(event, "pattern", operation->pattern) && has(event, "domain", operation->domain) &&
                    (!*operation->channel || has(event, "channel", operation->channel)))
                        r = value_add_string(operation->rules, NULL,
                                             tracectl_value_get_string(tracectl_value_lookup(event, "path")));
        }
        if (r < 0)
                return r;
        if (operation->rules->n == 0)
                return connection_refuse(operation->connection, -ENOENT, TRACECTL_NAME ".Error.NoSuchEvent",
                                         "The session has no rule for the events '%.200s'%s%.100s.",
                                         operation->pattern, *operation->channel ? " in channel " : "",
                                         operation->channel);
        operation->read = call_next;
        return call_next(operation, NULL);
}

static int call_rules(tracectl_session *session, const char *method, const char *domain, const char *channel,
                      const char *pattern, struct operation *operation) {
        operation->method = method;
        operation->domain = strdup(domain);
        operation->channel = strdup(channel);
        operation->pattern = strdup(pattern);
        if (!operation->domain || !operation->channel || !operation->pattern)
                return -ENOMEM;
        return session_get_objects(session, operation, read_rules);
}

static int wait_rules(tracectl_session *session, const char *method, const char *domain, const char *channel,
                      const char *pattern, uint32_t *ret_pending) {
        OPERATION_WAIT_FOR(operation, call_rules(session, method, domain, channel, pattern, &operation));

        if (ret_pending)
                *ret_pending = (uint32_t) operation.result.number;
        return 0;
}

static int send_rules(tracectl_session *session, const char *method, const char *domain, const char *channel,
                      const char *pattern, tracectl_callback callback, void *userdata) {
        _cleanup_(operation_done) struct operation operation = OPERATION_LATER(callback, userdata);

        return call_rules(session, method, domain, channel, pattern, &operation);
}

int tracectl_session_disable_event(tracectl_session *session, const char *domain, const char *channel,
                                   const char *pattern, uint32_t *ret_pending) {
        return wait_rules(session, "DisableEvent", domain, channel, pattern, ret_pending);
}

int tracectl_session_disable_event_async(tracectl_session *session, const char *domain, const char *channel,
                                         const char *pattern, tracectl_callback callback, void *userdata) {
        return send_rules(session, "DisableEvent", domain, channel, pattern, callback, userdata);
}

int tracectl_session_remove_event(tracectl_session *session, const char *domain, const char *channel,
                                  const char *pattern, uint32_t *ret_pending) {
        return wait_rules(session, "RemoveEvent", domain, channel, pattern, ret_pending);
}

int tracectl_session_remove_event_async(tracectl_session *session, const char *domain, const char *channel,
                                        const char *pattern, tracectl_callback callback, void *userdata) {
        return send_rules(session, "RemoveEvent", domain, channel, pattern, callback, userdata);
}
