/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>

#include "service/bus/bus.h"
#include "service/bus/objects.h"

#define OBJECT_MANAGER "org.freedesktop.DBus.ObjectManager"

const char *const objects_standard_interfaces[3] = {
        "org.freedesktop.DBus.Peer",
        "org.freedesktop.DBus.Introspectable",
        "org.freedesktop.DBus.Properties",
};

/* Below the root, where the manager is. */
static const struct {
        const char *prefix, *interface;
        const sd_bus_vtable *vtable;
        sd_bus_object_find_t find;
} objects[] = {
        { BUS_ROOT "/session", BUS_INTERFACE("Session"), session_vtable, session_find },
        { BUS_ROOT "/session", BUS_INTERFACE("Channel"), channel_vtable, channel_find },
        { BUS_ROOT "/session", BUS_INTERFACE("Event"), event_vtable, event_find },
        { BUS_ROOT "/application", BUS_INTERFACE("Application"), application_vtable, application_find },
};

struct path_list {
        char **items;
        size_t n, size;
        int error;
};

/* Takes path over. */
static void add_path(struct path_list *list, int r, char *path) {
        if (r >= 0 && list->n + 1 >= list->size) {
                size_t size = 2 * list->size + 16;
                char **items = realloc(list->items, size * sizeof(*items));

                if (items) {
                        list->items = items;
                        list->size = size;
                } else
                        r = -ENOMEM;
        }
        if (r < 0) {
                list->error = r;
                free(path);
                return;
        }
        list->items[list->n++] = path;
        list->items[list->n] = NULL;
}

static void path_list_done(struct path_list *list) {
        for (size_t i = 0; i < list->n; i++)
                free(list->items[i]);
        free(list->items);
}

static void add_session_paths(struct path_list *list, const struct session *s) {
        char *path = NULL;
        int r;

        r = session_path(s, &path);
        add_path(list, r, path);
        for (const struct channel *c = s->channels; c; c = c->next) {
                path = NULL;
                r = channel_path(c, &path);
                add_path(list, r, path);
        }
        for (const struct rule *rule = s->rules; rule; rule = rule->next) {
                path = NULL;
                r = event_path(rule, &path);
                add_path(list, r, path);
        }
}

static int add_paths_of_uid(struct path_list *list, struct bus *b, uid_t uid) {
        struct application **applications;
        size_t n;
        int r;

        r = registry_list(b->registry, uid, 0, &applications, &n);
        if (r < 0)
                return r;
        for (size_t i = 0; i < n; i++) {
                char *path = NULL;

                r = application_path(applications[i]->id, &path);
                add_path(list, r, path);
                application_unref(applications[i]);
        }
        free(applications);
        return 0;
}

static int add_application_paths(struct path_list *list, struct bus *b) {
        _cleanup_free_ uid_t *uids = NULL;
        size_t n;
        int r;

        r = bus_shown_uids(b, &uids, &n);
        for (size_t i = 0; i < n && r >= 0; i++)
                r = add_paths_of_uid(list, b, uids[i]);
        return r;
}

static int enumerate(sd_bus *bus, const char *prefix, void *userdata, char ***ret, sd_bus_error *error) {
        struct path_list list = { 0 };
        struct bus *b = userdata;

        for (const struct session *s = b->manager->sessions; s; s = s->next)
                if (bus_shows(b, s->owner))
                        add_session_paths(&list, s);
        if (list.error == 0)
                list.error = add_application_paths(&list, b);
        if (list.error < 0) {
                path_list_done(&list);
                return list.error;
        }
        *ret = list.items;
        return 0;
}

static int append_paths(struct bus *b, const struct path_list *list, sd_bus_message *reply) {
        int r;

        r = sd_bus_message_open_container(reply, 'a', "{oa{sa{sv}}}");
        for (size_t i = 0; i < list->n && r >= 0; i++) {
                r = sd_bus_message_open_container(reply, 'e', "oa{sa{sv}}");
                if (r >= 0)
                        r = objects_append(b, list->items[i], reply);
                if (r >= 0)
                        r = sd_bus_message_close_container(reply);
        }
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

int objects_answer(struct bus *b, sd_bus_message *m, sd_bus_error *error) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        struct path_list list = { 0 };
        void *session = NULL;
        int r;

        if (!sd_bus_message_is_method_call(m, OBJECT_MANAGER, "GetManagedObjects") ||
            !sd_bus_message_has_signature(m, ""))
                return 0;
        r = session_find(b->bus, sd_bus_message_get_path(m), BUS_INTERFACE("Session"), b, &session, error);
        if (r <= 0)
                return r;
        add_session_paths(&list, session);
        r = list.error;
        if (r >= 0)
                r = sd_bus_message_new_method_return(m, &reply);
        if (r >= 0)
                r = append_paths(b, &list, reply);
        path_list_done(&list);
        if (r < 0)
                return r;
        r = sd_bus_send(b->bus, reply, NULL);
        return r < 0 ? r : 1;
}

int objects_add(struct bus *b) {
        int r;

        r = sd_bus_add_object_vtable(b->bus, NULL, BUS_ROOT, BUS_INTERFACE("Manager"), manager_vtable, b);
        for (size_t i = 0; i < ARRAY_SIZE(objects) && r >= 0; i++)
                r = sd_bus_add_fallback_vtable(b->bus, NULL, objects[i].prefix, objects[i].interface,
                                               objects[i].vtable, objects[i].find, b);
        if (r >= 0)
                r = sd_bus_add_node_enumerator(b->bus, NULL, BUS_ROOT, enumerate, b);
        if (r >= 0)
                r = sd_bus_add_object_manager(b->bus, NULL, BUS_ROOT);
        return r;
}

int objects_find(struct bus *b, const char *path, struct object *ret) {
        sd_bus_error error = SD_BUS_ERROR_NULL;
        void *userdata = NULL;
        int r = 0;

        for (size_t i = 0; i < ARRAY_SIZE(objects); i++) {
                r = objects[i].find(b->bus, path, objects[i].interface, b, &userdata, &error);
                sd_bus_error_free(&error);
                if (r < 0)
                        return r;
                if (r == 0)
                        continue;
                *ret = (struct object) {
                        .bus = b->bus,
                        .path = path,
                        .interface = objects[i].interface,
                        .vtable = objects[i].vtable,
                        .userdata = userdata,
                };
                return 1;
        }
        return 0;
}

int objects_append(struct bus *b, const char *path, sd_bus_message *m) {
        struct object object;
        int r;

        r = objects_find(b, path, &object);
        if (r <= 0)
                return r < 0 ? r : -ENOENT;
        r = sd_bus_message_append(m, "o", path);
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'a', "{sa{sv}}");
        for (size_t i = 0; i < ARRAY_SIZE(objects_standard_interfaces) && r >= 0; i++)
                r = sd_bus_message_append(m, "{sa{sv}}", objects_standard_interfaces[i], 0);
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'e', "sa{sv}");
        if (r >= 0)
                r = sd_bus_message_append(m, "s", object.interface);
        if (r >= 0)
                r = object_append_properties(m, &object);
        if (r >= 0)
                r = sd_bus_message_close_container(m);
        return r < 0 ? r : sd_bus_message_close_container(m);
}
