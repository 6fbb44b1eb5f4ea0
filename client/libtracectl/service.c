/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "client/libtracectl/properties.h"

#define MANAGER_INTERFACE TRACECTL_INTERFACE "Manager"

static int read_info(struct operation *operation, sd_bus_message *reply) {
        _cleanup_(tracectl_value_freep) tracectl_value *info = NULL;
        int r;

        r = value_read_signature(reply, "a{sv}", &info);
        if (r >= 0)
                r = value_rename_keys(info);
        for (size_t i = 0; r >= 0 && i < info->n; i++)
                r = value_rename_keys(info->items[i]);
        if (r < 0)
                return connection_check_read(operation->connection, r);
        operation->result.value = TAKE_PTR(info);
        return 0;
}

static int get_info(tracectl_connection *connection, struct operation *operation) {
        return properties_get(operation, connection, TRACECTL_ROOT, MANAGER_INTERFACE, read_info);
}

int tracectl_get_info(tracectl_connection *connection, tracectl_value **ret) {
        OPERATION_WAIT_FOR(operation, get_info(connection, &operation));

        *ret = TAKE_PTR(operation.result.value);
        return 0;
}

int tracectl_get_info_async(tracectl_connection *connection, tracectl_callback callback, void *userdata) {
        return get_info(connection, &(struct operation) OPERATION_LATER(callback, userdata));
}

static int new_call(tracectl_connection *connection, const char *method, sd_bus_message **ret) {
        return connection_new_call(connection, TRACECTL_ROOT, MANAGER_INTERFACE, method, ret);
}

/* pid: whether this list knows that option. */
static int append_options(sd_bus_message *m, const struct tracectl_list_options *options, bool pid) {
        int r;

        r = sd_bus_message_open_container(m, 'a', "{sv}");
        if (r >= 0 && options && OPTIONS_HAVE(options, all) && options->all)
                r = sd_bus_message_append(m, "{sv}", "all", "b", 1);
        if (r >= 0 && options && OPTIONS_HAVE(options, uid) && options->uid != (uint32_t) -1)
                r = sd_bus_message_append(m, "{sv}", "uid", "u", options->uid);
        if (r >= 0 && pid && options && OPTIONS_HAVE(options, pid) && options->pid > 0)
                r = sd_bus_message_append(m, "{sv}", "pid", "u", options->pid);
        return r < 0 ? r : sd_bus_message_close_container(m);
}

static int read_sessions(struct operation *operation, sd_bus_message *reply) {
        static const char *const names[] = { "owner", "name", "state", "mode", "path" };
        _cleanup_(tracectl_value_freep) tracectl_value *list = NULL;
        int r;

        r = value_read_signature(reply, "a(ussso)", &list);
        if (r >= 0)
                r = value_name_rows(list, names, ARRAY_SIZE(names));
        if (r < 0)
                return connection_check_read(operation->connection, r);
        value_sort(list, "owner", "name");
        operation->result.value = TAKE_PTR(list);
        return 0;
}

static int list_sessions(tracectl_connection *connection, const struct tracectl_list_options *options,
                         struct operation *operation) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;
        int r;

        r = new_call(connection, "ListSessions", &call);
        if (r < 0)
                return r;
        return operation_begin(operation, connection, append_options(call, options, false), call, read_sessions);
}

int tracectl_list_sessions(tracectl_connection *connection, const struct tracectl_list_options *options,
                           tracectl_value **ret) {
        OPERATION_WAIT_FOR(operation, list_sessions(connection, options, &operation));

        *ret = TAKE_PTR(operation.result.value);
        return 0;
}

int tracectl_list_sessions_async(tracectl_connection *connection, const struct tracectl_list_options *options,
                                 tracectl_callback callback, void *userdata) {
        return list_sessions(connection, options, &(struct operation) OPERATION_LATER(callback, userdata));
}

static int read_applications(struct operation *operation, sd_bus_message *reply) {
        static const char *const names[] = { "pid", "uid", "name", "unit", "path" };
        _cleanup_(tracectl_value_freep) tracectl_value *list = NULL;
        int r, settled = 0;

        r = sd_bus_message_has_signature(reply, "ba(uusso)") > 0 ? sd_bus_message_read(reply, "b", &settled)
                                                                 : -EBADMSG;
        if (r >= 0)
                r = value_read(reply, &list);
        if (r >= 0)
                r = value_name_rows(list, names, ARRAY_SIZE(names));
        if (r < 0)
                return connection_check_read(operation->connection, r);
        value_sort(list, "pid", "path");
        operation->result.number = (uint64_t) settled;
        operation->result.value = TAKE_PTR(list);
        return 0;
}

static int list_applications(tracectl_connection *connection, const struct tracectl_list_options *options,
                             struct operation *operation) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;
        int r;

        r = new_call(connection, "ListApplications", &call);
        if (r < 0)
                return r;
        return operation_begin(operation, connection, append_options(call, options, true), call, read_applications);
}

int tracectl_list_applications(tracectl_connection *connection, const struct tracectl_list_options *options,
                               int *ret_settled, tracectl_value **ret) {
        OPERATION_WAIT_FOR(operation, list_applications(connection, options, &operation));

        if (ret_settled)
                *ret_settled = (int) operation.result.number;
        *ret = TAKE_PTR(operation.result.value);
        return 0;
}

int tracectl_list_applications_async(tracectl_connection *connection, const struct tracectl_list_options *options,
                                     tracectl_callback callback, void *userdata) {
        return list_applications(connection, options, &(struct operation) OPERATION_LATER(callback, userdata));
}

/* The details' entries become the event's own; an event without fields has an empty array of them. */
static int name_event(tracectl_value *event) {
        static const char *const names[] = { "domain", "name", "log_level", "details" };
        static const char *const field_names[] = { "name", "type" };
        _cleanup_(tracectl_value_freep) tracectl_value *details = NULL;
        int r;

        r = value_name_items(event, names, ARRAY_SIZE(names));
        if (r < 0)
                return r;
        details = event->items[--event->n];
        free(event->keys[event->n]);
        r = value_rename_keys(details);
        for (size_t i = 0; i < details->n && r >= 0; i++) {
                if (strcmp(details->keys[i], "fields") == 0)
                        r = value_name_rows(details->items[i], field_names, ARRAY_SIZE(field_names));
                if (r >= 0)
                        r = value_add(event, details->keys[i], TAKE_PTR(details->items[i]));
                else
                        break;
        }
        return r;
}

static int read_events(struct operation *operation, sd_bus_message *reply) {
        _cleanup_(tracectl_value_freep) tracectl_value *list = NULL;
        int r;

        r = value_read_signature(reply, "a(sssa{sv})", &list);
        for (size_t i = 0; r >= 0 && i < list->n; i++)
                r = name_event(list->items[i]);
        if (r < 0)
                return connection_check_read(operation->connection, r);
        value_sort(list, "domain", "name");
        operation->result.value = TAKE_PTR(list);
        return 0;
}

static int list_events(tracectl_connection *connection, const char *domain, const char *glob,
                       const struct tracectl_list_options *options, struct operation *operation) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;
        int r;

        r = new_call(connection, "ListEvents", &call);
        if (r < 0)
                return r;
        r = sd_bus_message_append(call, "ss", domain, glob);
        if (r >= 0)
                r = append_options(call, options, false);
        return operation_begin(operation, connection, r, call, read_events);
}

int tracectl_list_events(tracectl_connection *connection, const char *domain, const char *glob,
                         const struct tracectl_list_options *options, tracectl_value **ret) {
        OPERATION_WAIT_FOR(operation, list_events(connection, domain, glob, options, &operation));

        *ret = TAKE_PTR(operation.result.value);
        return 0;
}

int tracectl_list_events_async(tracectl_connection *connection, const char *domain, const char *glob,
                               const struct tracectl_list_options *options, tracectl_callback callback,
                               void *userdata) {
        return list_events(connection, domain, glob, options,
                           &(struct operation) OPERATION_LATER(callback, userdata));
}
