/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <string.h>

#include "common/parse.h"
#include "service/bus/bus.h"
#include "service/bus/errors.h"
#include "service/bus/options.h"
#include "service/model/operation.h"

int session_path(const struct session *s, char **ret) {
        char uid[16];

        snprintf(uid, sizeof(uid), "%u", (unsigned) s->owner);
        return sd_bus_path_encode_many(ret, BUS_ROOT "/session/%/%", uid, s->name);
}

int session_find(sd_bus *bus, const char *path, const char *interface, void *userdata, void **ret,
                 sd_bus_error *error) {
        _cleanup_free_ char *uid = NULL, *name = NULL;
        struct bus *b = userdata;
        struct session *s;
        uint64_t number;
        int r;

        r = sd_bus_path_decode_many(path, BUS_ROOT "/session/%/%", &uid, &name);
        if (r <= 0)
                return r;
        if (parse_u64(uid, &number) < 0 || number >= UINT32_MAX)
                return 0;
        s = manager_find_session(b->manager, (uid_t) number, name);
        if (!s)
                return 0;
        *ret = s;
        return 1;
}

/* What the four operations have in common, but for the arguments before the options. */
static int prepare(sd_bus_message *m, struct session *s, enum action action, const struct option *options, size_t n,
                   sd_bus_error *error) {
        int r;

        r = bus_read_options(m, options, n, error);
        if (r < 0)
                return r;
        return bus_authorize(bus_of(s->manager, m), m, &(struct question) { action, s->owner, .session = s->name },
                             error);
}

static int begun(sd_bus_message *m, int r, const struct failure *failure, sd_bus_error *error) {
        if (r >= 0)
                return 1;
        sd_bus_message_unref(m);
        return error_set(error, failure);
}

static void on_done(const struct operation_result *result, void *userdata) {
        sd_bus_message *m = userdata, *reply = NULL;
        struct bus *b = bus_of(result->session->manager, m);

        /* The bus is gone, and with it whoever has asked. */
        if (!b) {
                sd_bus_message_unref(m);
                return;
        }
        if (result->failure) {
                bus_reply_failure(b, m, result->failure);
                return;
        }
        if (sd_bus_message_new_method_return(m, &reply) >= 0)
                bus_reply(b, m, reply);
        else
                sd_bus_message_unref(m);
        sd_bus_message_unref(reply);
}

static void on_started(const struct operation_result *result, void *userdata) {
        sd_bus_message *m = userdata, *reply = NULL;
        struct bus *b = bus_of(result->session->manager, m);

        if (!b || result->failure) {
                on_done(result, userdata);
                return;
        }
        if (sd_bus_message_new_method_return(m, &reply) >= 0 &&
            sd_bus_message_append(reply, "tu", result->generation, result->pending) >= 0)
                bus_reply(b, m, reply);
        else
                sd_bus_message_unref(m);
        sd_bus_message_unref(reply);
}

static void on_counted(const struct operation_result *result, void *userdata) {
        sd_bus_message *m = userdata, *reply = NULL;
        struct bus *b = bus_of(result->session->manager, m);
        int r;

        if (!b || result->failure) {
                on_done(result, userdata);
                return;
        }
        r = sd_bus_message_new_method_return(m, &reply);
        if (r >= 0 && result->path)
                r = sd_bus_message_append(reply, "s", result->path);
        if (r >= 0)
                r = session_append_counts(reply, result->session, result->pending);
        if (r >= 0)
                bus_reply(b, m, reply);
        else
                sd_bus_message_unref(m);
        sd_bus_message_unref(reply);
}

/* A method without options that begins an operation. */
static int operate(sd_bus_message *m, struct session *s,
                   int (*begin)(struct session *s, operation_done_t done, void *userdata, struct failure *failure),
                   operation_done_t done, sd_bus_error *error) {
        struct failure failure;
        int r;

        r = prepare(m, s, ACTION_CONTROL, NULL, 0, error);
        if (r <= 0)
                return r < 0 ? r : 1;
        r = begin(s, done, sd_bus_message_ref(m), &failure);
        return begun(m, r, &failure, error);
}

static int method_start(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        return operate(m, userdata, session_start, on_started, error);
}

static int method_stop(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        return operate(m, userdata, session_stop, on_counted, error);
}

static int method_destroy(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        return operate(m, userdata, session_destroy, on_done, error);
}

static int method_snapshot(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        struct session *s = userdata;
        const char *name = "";
        const struct option options[] = { { "name", 's', &name } };
        struct failure failure;
        int r;

        r = prepare(m, s, ACTION_READ, options, ARRAY_SIZE(options), error);
        if (r <= 0)
                return r < 0 ? r : 1;
        r = session_snapshot(s, name, on_counted, sd_bus_message_ref(m), &failure);
        return begun(m, r, &failure, error);
}

static int method_clear(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        return operate(m, userdata, session_clear, on_done, error);
}

static void on_rotated(const struct operation_result *result, void *userdata) {
        sd_bus_message *m = userdata, *reply = NULL;
        struct bus *b = bus_of(result->session->manager, m);

        if (!b || result->failure) {
                on_done(result, userdata);
                return;
        }
        if (sd_bus_message_new_method_return(m, &reply) >= 0 &&
            sd_bus_message_append(reply, "s", result->path ? result->path : "") >= 0)
                bus_reply(b, m, reply);
        else
                sd_bus_message_unref(m);
        sd_bus_message_unref(reply);
}

static int method_rotate(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        return operate(m, userdata, session_rotate, on_rotated, error);
}

static int get_string(sd_bus *bus, const char *path, const char *interface, const char *property,
                      sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        const struct session *s = userdata;
        const char *value = "";

        if (strcmp(property, "Name") == 0)
                value = s->name;
        else if (strcmp(property, "State") == 0)
                value = session_state_to_string(s->state);
        else if (strcmp(property, "Reason") == 0)
                value = s->reason ? s->reason : "";
        else if (strcmp(property, "Mode") == 0)
                value = session_mode_to_string(s->mode);
        else if (strcmp(property, "Output") == 0)
                value = s->output.path;
        else if (strcmp(property, "OutputError") == 0)
                value = s->disk.error ? strerror(s->disk.error) : "";
        else if (strcmp(property, "ConsumerUnit") == 0)
                value = s->consumer ? consumer_unit(s->consumer) : "";
        return sd_bus_message_append(reply, "s", value);
}

/* "hand", or "profile NAME". */
static int get_origin(sd_bus *bus, const char *path, const char *interface, const char *property,
                      sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        const struct session *s = userdata;
        char text[sizeof("profile ") + MODEL_NAME_MAX] = "hand";

        if (s->profile)
                snprintf(text, sizeof(text), "profile %s", s->profile);
        return sd_bus_message_append(reply, "s", text);
}

static int get_restarts(sd_bus *bus, const char *path, const char *interface, const char *property,
                        sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        const struct session *s = userdata;

        return sd_bus_message_append(reply, "u", s->consumer ? consumer_restarts(s->consumer) : 0);
}

static int get_owner(sd_bus *bus, const char *path, const char *interface, const char *property,
                     sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        const struct session *s = userdata;

        return sd_bus_message_append(reply, "u", (uint32_t) s->owner);
}

static int get_persistent(sd_bus *bus, const char *path, const char *interface, const char *property,
                          sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        const struct session *s = userdata;

        return sd_bus_message_append(reply, "b", s->persistent);
}

static int get_counter(sd_bus *bus, const char *path, const char *interface, const char *property,
                       sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        const struct session_counts counts = session_counts(userdata);
        uint64_t value = counts.status.bytes;

        if (strcmp(property, "EventsRecorded") == 0)
                value = counts.status.events;
        else if (strcmp(property, "EventsDiscarded") == 0)
                value = counts.status.lost_ring + counts.status.lost_output;
        else if (strcmp(property, "ChunksRemoved") == 0)
                value = counts.status.chunks_removed;
        return sd_bus_message_append(reply, "t", value);
}

static int get_space(sd_bus *bus, const char *path, const char *interface, const char *property,
                     sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        const struct session *s = userdata;
        const struct space_config *c = &s->space.config;
        uint64_t value = strcmp(property, "RotateSize") == 0    ? c->rotate_size
                         : strcmp(property, "RotateEvery") == 0 ? c->rotate_usec
                                                                : c->max_size;

        return sd_bus_message_append(reply, "t", value);
}

const sd_bus_vtable session_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD_WITH_ARGS("Start", SD_BUS_ARGS("a{sv}", options),
                                SD_BUS_RESULT("t", generation, "u", pending), method_start, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Stop", SD_BUS_ARGS("a{sv}", options), SD_BUS_RESULT("a{sv}", counts), method_stop,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Destroy", SD_BUS_ARGS("a{sv}", options), SD_BUS_NO_RESULT, method_destroy,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Snapshot", SD_BUS_ARGS("a{sv}", options),
                                SD_BUS_RESULT("s", path, "a{sv}", counts), method_snapshot, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Clear", SD_BUS_ARGS("a{sv}", options), SD_BUS_NO_RESULT, method_clear,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Rotate", SD_BUS_ARGS("a{sv}", options), SD_BUS_RESULT("s", path), method_rotate,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("OpenStream", SD_BUS_ARGS("a{sv}", options), SD_BUS_RESULT("h", stream),
                                session_method_open_stream, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Dump", SD_BUS_NO_ARGS, SD_BUS_RESULT("s", profile), session_method_dump,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("EnableChannel", SD_BUS_ARGS("s", domain, "s", name, "a{sv}", options),
                                SD_BUS_RESULT("o", channel, "t", generation, "u", pending), session_method_enable_channel,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("DisableChannel", SD_BUS_ARGS("s", domain, "s", name, "a{sv}", options),
                                SD_BUS_RESULT("t", generation, "u", pending), session_method_disable_channel,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("AddContext", SD_BUS_ARGS("s", domain, "s", channel, "s", type, "a{sv}", options),
                                SD_BUS_NO_RESULT, session_method_add_context, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("EnableEvent",
                                SD_BUS_ARGS("s", domain, "s", channel, "s", pattern, "a{sv}", options),
                                SD_BUS_RESULT("o", event, "t", generation, "u", pending), session_method_enable_event,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("DisableEvent", SD_BUS_ARGS("o", event, "a{sv}", options),
                                SD_BUS_RESULT("t", generation, "u", pending), session_method_disable_event,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("RemoveEvent", SD_BUS_ARGS("o", event, "a{sv}", options),
                                SD_BUS_RESULT("t", generation, "u", pending), session_method_remove_event,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_SIGNAL_WITH_ARGS("Stopped", SD_BUS_ARGS("a{sv}", counts), 0),
        SD_BUS_PROPERTY("Name", "s", get_string, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("Owner", "u", get_owner, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("State", "s", get_string, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY("Reason", "s", get_string, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY("Mode", "s", get_string, 0, 0),
        SD_BUS_PROPERTY("Output", "s", get_string, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY("OutputError", "s", get_string, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY("RotateSize", "t", get_space, 0, 0),
        SD_BUS_PROPERTY("RotateEvery", "t", get_space, 0, 0),
        SD_BUS_PROPERTY("MaxSize", "t", get_space, 0, 0),
        SD_BUS_PROPERTY("ChunksRemoved", "t", get_counter, 0, 0),
        SD_BUS_PROPERTY("Origin", "s", get_origin, 0, 0),
        SD_BUS_PROPERTY("Persistent", "b", get_persistent, 0, 0),
        SD_BUS_PROPERTY("ConsumerUnit", "s", get_string, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY("ConsumerRestarts", "u", get_restarts, 0, 0),
        SD_BUS_PROPERTY("EventsRecorded", "t", get_counter, 0, 0),
        SD_BUS_PROPERTY("EventsDiscarded", "t", get_counter, 0, 0),
        SD_BUS_PROPERTY("Bytes", "t", get_counter, 0, 0),
        SD_BUS_VTABLE_END,
};
