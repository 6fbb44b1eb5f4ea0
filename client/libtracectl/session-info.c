/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <string.h>

#include "client/libtracectl/properties.h"
#include "client/libtracectl/session.h"

#define OBJECT_MANAGER "org.freedesktop.DBus.ObjectManager"

int tracectl_session_get_info(tracectl_session *session, tracectl_value **ret) {
        OPERATION_WAIT_FOR(operation, properties_get(&operation, session->connection, session->path,
                                                     SESSION_INTERFACE, NULL));

        *ret = TAKE_PTR(operation.result.value);
        return 0;
}

int tracectl_session_get_info_async(tracectl_session *session, tracectl_callback callback, void *userdata) {
        return properties_get(&(struct operation) OPERATION_LATER(callback, userdata), session->connection,
                              session->path, SESSION_INTERFACE, NULL);
}

/* Moves the properties of an object's interface into list, where the object has it. */
static int take_interface(tracectl_value *interfaces, const char *interface, const char *path,
                          tracectl_value *list) {
        for (size_t i = 0; interfaces->keys && i < interfaces->n; i++) {
                tracectl_value *properties = interfaces->items[i];
                int r;

                if (strcmp(interfaces->keys[i], interface) != 0)
                        continue;
                free(interfaces->keys[i]);
                interfaces->n--;
                interfaces->keys[i] = interfaces->keys[interfaces->n];
                interfaces->items[i] = interfaces->items[interfaces->n];
                r = value_add(list, NULL, properties);
                if (r >= 0)
                        r = value_rename_keys(properties);
                return r < 0 ? r : value_add_string(properties, "path", path);
        }
        return 0;
}

/* The properties of those objects below the session that have an interface, moved out of objects. */
static int take_properties(const char *session, tracectl_value *objects, const char *interface,
                           tracectl_value **ret) {
        _cleanup_(tracectl_value_freep) tracectl_value *list = NULL;
        size_t n = strlen(session);
        int r;

        r = value_new(TRACECTL_ARRAY, &list);
        for (size_t i = 0; i < objects->n && r >= 0; i++) {
                const char *path = objects->keys[i];

                if (strncmp(path, session, n) == 0 && path[n] == '/')
                        r = take_interface(objects->items[i], interface, path, list);
        }
        if (r < 0)
                return r;
        *ret = TAKE_PTR(list);
        return 0;
}

static int take_channels(const char *session, tracectl_value *objects, tracectl_value **ret) {
        int r;

        r = take_properties(session, objects, TRACECTL_INTERFACE "Channel", ret);
        if (r >= 0)
                value_sort(*ret, "domain", "name");
        return r;
}

static int read_objects(sd_bus_message *reply, tracectl_value **ret) {
        return value_read_signature(reply, "a{oa{sa{sv}}}", ret);
}

static int read_channels(struct operation *operation, sd_bus_message *reply) {
        _cleanup_(tracectl_value_freep) tracectl_value *objects = NULL;
        int r;

        r = read_objects(reply, &objects);
        if (r >= 0)
                r = take_channels(operation->path, objects, &operation->result.value);
        return connection_check_read(operation->connection, r);
}

static const tracectl_value *find_path(const tracectl_value *list, const char *path) {
        for (size_t i = 0; i < list->n; i++)
                if (strcmp(tracectl_value_get_string(tracectl_value_lookup(list->items[i], "path")), path) == 0)
                        return list->items[i];
        return NULL;
}

/* A rule names its channel by the object: the names of it and of its domain instead. */
static int name_channel(tracectl_value *event, const tracectl_value *channels) {
        for (size_t i = 0; i < event->n; i++) {
                const tracectl_value *channel;
                char *name;

                if (strcmp(event->keys[i], "channel") != 0)
                        continue;
                channel = find_path(channels, tracectl_value_get_string(event->items[i]));
                if (!channel || event->items[i]->type != TRACECTL_STRING)
                        return -EBADMSG;
                name = strdup(tracectl_value_get_string(tracectl_value_lookup(channel, "name")));
                if (!name)
                        return -ENOMEM;
                free(event->items[i]->string);
                event->items[i]->string = name;
                return value_add_string(event, "domain",
                                        tracectl_value_get_string(tracectl_value_lookup(channel, "domain")));
        }
        return -EBADMSG;
}

int session_read_events(struct operation *operation, sd_bus_message *reply) {
        _cleanup_(tracectl_value_freep) tracectl_value *objects = NULL, *channels = NULL, *events = NULL;
        int r;

        r = read_objects(reply, &objects);
        if (r >= 0)
                r = take_channels(operation->path, objects, &channels);
        if (r >= 0)
                r = take_properties(operation->path, objects, TRACECTL_INTERFACE "Event", &events);
        for (size_t i = 0; r >= 0 && i < events->n; i++)
                r = name_channel(events->items[i], channels);
        if (r < 0)
                return connection_check_read(operation->connection, r);
        value_sort(events, "channel", "pattern");
        operation->result.value = TAKE_PTR(events);
        return 0;
}

int session_get_objects(tracectl_session *session, struct operation *operation, operation_read read) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;
        int r;

        operation->path = strdup(session->path);
        if (!operation->path)
                return -ENOMEM;
        r = connection_new_call(session->connection, session->path, OBJECT_MANAGER, "GetManagedObjects", &call);
        return r < 0 ? r : operation_begin(operation, session->connection, 0, call, read);
}

int tracectl_session_get_channels(tracectl_session *session, tracectl_value **ret) {
        OPERATION_WAIT_FOR(operation, session_get_objects(session, &operation, read_channels));

        *ret = TAKE_PTR(operation.result.value);
        return 0;
}

int tracectl_session_get_channels_async(tracectl_session *session, tracectl_callback callback, void *userdata) {
        _cleanup_(operation_done) struct operation operation = OPERATION_LATER(callback, userdata);

        return session_get_objects(session, &operation, read_channels);
}

int tracectl_session_get_events(tracectl_session *session, tracectl_value **ret) {
        OPERATION_WAIT_FOR(operation, session_get_objects(session, &operation, session_read_events));

        *ret = TAKE_PTR(operation.result.value);
        return 0;
}

int tracectl_session_get_events_async(tracectl_session *session, tracectl_callback callback, void *userdata) {
        _cleanup_(operation_done) struct operation operation = OPERATION_LATER(callback, userdata);

        return session_get_objects(session, &operation, session_read_events);
}
