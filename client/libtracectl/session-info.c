/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <string.h>

#include "client/libtracectl/session.h"
#include "client/libtracectl/value.h"

#define OBJECT_MANAGER "org.freedesktop.DBus.ObjectManager"

int tracectl_session_get_info(tracectl_session *session, tracectl_value **ret) {
        return connection_get_properties(session->connection, session->path, SESSION_INTERFACE, ret);
}

static int get_objects(tracectl_session *session, tracectl_value **ret) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL, *reply = NULL;
        int r;

        r = connection_new_call(session->connection, TRACECTL_ROOT, OBJECT_MANAGER, "GetManagedObjects", &call);
        if (r < 0)
                return r;
        r = connection_call(session->connection, 0, call, &reply);
        if (r < 0)
                return r;
        r = value_read_signature(reply, "a{oa{sa{sv}}}", ret);
        return r < 0 && r != -ENOMEM ? connection_bad_reply(session->connection, r) : r;
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
static int take_properties(const tracectl_session *session, tracectl_value *objects, const char *interface,
                           tracectl_value **ret) {
        _cleanup_(tracectl_value_freep) tracectl_value *list = NULL;
        size_t n = strlen(session->path);
        int r;

        r = value_new(TRACECTL_ARRAY, &list);
        for (size_t i = 0; i < objects->n && r >= 0; i++) {
                const char *path = objects->keys[i];

                if (strncmp(path, session->path, n) == 0 && path[n] == '/')
                        r = take_interface(objects->items[i], interface, path, list);
        }
        if (r < 0)
                return r;
        *ret = TAKE_PTR(list);
        return 0;
}

static int get_channels(const tracectl_session *session, tracectl_value *objects, tracectl_value **ret) {
        int r;

        r = take_properties(session, objects, TRACECTL_INTERFACE "Channel", ret);
        if (r >= 0)
                value_sort(*ret, "domain", "name");
        return r;
}

int tracectl_session_get_channels(tracectl_session *session, tracectl_value **ret) {
        _cleanup_(tracectl_value_freep) tracectl_value *objects = NULL;
        int r;

        r = get_objects(session, &objects);
        return r < 0 ? r : get_channels(session, objects, ret);
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

int tracectl_session_get_events(tracectl_session *session, tracectl_value **ret) {
        _cleanup_(tracectl_value_freep) tracectl_value *objects = NULL, *channels = NULL, *events = NULL;
        int r;

        r = get_objects(session, &objects);
        if (r < 0)
                return r;
        r = get_channels(session, objects, &channels);
        if (r >= 0)
                r = take_properties(session, objects, TRACECTL_INTERFACE "Event", &events);
        for (size_t i = 0; r >= 0 && i < events->n; i++)
                r = name_channel(events->items[i], channels);
        if (r < 0)
                return r == -ENOMEM ? r : connection_bad_reply(session->connection, r);
        value_sort(events, "channel", "pattern");
        *ret = TAKE_PTR(events);
        return 0;
}
