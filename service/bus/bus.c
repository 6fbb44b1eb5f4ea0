/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "service/bus/bus.h"
#include "service/bus/errors.h"
#include "service/bus/options.h"

static void on_news(enum manager_news news, struct session *s, struct channel *c, struct rule *rule, void *userdata);

struct bus *bus_of(struct manager *m, sd_bus_message *message) {
        for (struct manager_listener *l = m->listeners; l; l = l->next) {
                struct bus *b = l->userdata;

                if (l->news == on_news && b->bus == sd_bus_message_get_bus(message))
                        return b;
        }
        return NULL;
}

int bus_authorize(struct bus *b, sd_bus_message *m, const struct question *question, sd_bus_error *error) {
        struct failure failure;
        int r;

        r = b->authorizer->check(b->authorizer, m, question, &failure);
        return r < 0 ? error_set(error, &failure) : r;
}

int bus_caller(struct bus *b, sd_bus_message *m, uid_t *ret, sd_bus_error *error) {
        struct failure failure;
        int r;

        r = b->authorizer->caller(b->authorizer, m, ret, &failure);
        return r < 0 ? error_set(error, &failure) : 0;
}

bool bus_shows(struct bus *b, uid_t owner) {
        return b->authorizer->shows(b->authorizer, sd_bus_get_current_message(b->bus), owner);
}

int bus_read_options(sd_bus_message *m, const struct option *options, size_t n, sd_bus_error *error) {
        struct failure failure;
        int r;

        r = options_read(m, options, n, &failure);
        return r < 0 ? error_set(error, &failure) : 0;
}

int bus_check_domain(const char *domain, sd_bus_error *error) {
        struct failure failure;

        if (strcmp(domain, "user") == 0)
                return 0;
        fail(&failure, FAILURE_UNKNOWN_DOMAIN, "Unknown domain '%.100s'; known are: user.", domain);
        return error_set(error, &failure);
}

void bus_reply_failure(struct bus *b, sd_bus_message *m, const struct failure *failure) {
        emit_flush(b->emitter);
        (void) sd_bus_reply_method_errorf(m, error_name(failure->kind), "%s", failure->text);
        sd_bus_message_unref(m);
}

void bus_reply(struct bus *b, sd_bus_message *m, sd_bus_message *reply) {
        emit_flush(b->emitter);
        (void) sd_bus_send(b->bus, reply, NULL);
        sd_bus_message_unref(m);
}

/* Everything below a session goes with it. */
static void emit_session_removed(struct bus *b, struct session *s, const char *path) {
        for (const struct rule *rule = s->rules; rule; rule = rule->next) {
                _cleanup_free_ char *p = NULL;

                if (event_path(rule, &p) >= 0)
                        emit_removed(b->emitter, p, BUS_INTERFACE("Event"));
        }
        for (const struct channel *c = s->channels; c; c = c->next) {
                _cleanup_free_ char *p = NULL;

                if (channel_path(c, &p) >= 0)
                        emit_removed(b->emitter, p, BUS_INTERFACE("Channel"));
        }
        emit_removed(b->emitter, path, BUS_INTERFACE("Session"));
        emit_session(b->emitter, "SessionRemoved", s->name, path);
}

static void on_news(enum manager_news news, struct session *s, struct channel *c, struct rule *rule, void *userdata) {
        struct bus *b = userdata;
        _cleanup_free_ char *path = NULL;
        int r;

        if (rule)
                r = event_path(rule, &path);
        else
                r = c ? channel_path(c, &path) : session_path(s, &path);
        if (r < 0)
                return;
        switch (news) {
        case MANAGER_SESSION_ADDED:
                emit_added(b->emitter, path);
                emit_session(b->emitter, "SessionNew", s->name, path);
                break;
        case MANAGER_SESSION_CHANGED:
                emit_changed(b->emitter, path, BUS_INTERFACE("Session"), "State");
                emit_changed(b->emitter, path, BUS_INTERFACE("Session"), "Reason");
                break;
        case MANAGER_SESSION_REMOVED:
                emit_session_removed(b, s, path);
                break;
        case MANAGER_CHANNEL_ADDED:
        case MANAGER_RULE_ADDED:
                emit_added(b->emitter, path);
                break;
        case MANAGER_RULE_CHANGED:
                emit_changed(b->emitter, path, BUS_INTERFACE("Event"), "Enabled");
                break;
        case MANAGER_CHANNEL_CHANGED:
                emit_changed(b->emitter, path, BUS_INTERFACE("Channel"), "Enabled");
                emit_changed(b->emitter, path, BUS_INTERFACE("Channel"), "Contexts");
                break;
        case MANAGER_SESSION_STOPPED_LATE:
                break;
        case MANAGER_RULE_REMOVED:
                emit_removed(b->emitter, path, BUS_INTERFACE("Event"));
                break;
        }
}

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

static int add_application_paths(struct path_list *list, struct bus *b, uid_t uid) {
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

static int enumerate(sd_bus *bus, const char *prefix, void *userdata, char ***ret, sd_bus_error *error) {
        struct path_list list = { 0 };
        struct bus *b = userdata;

        for (const struct session *s = b->manager->sessions; s; s = s->next)
                if (bus_shows(b, s->owner))
                        add_session_paths(&list, s);
        if (list.error == 0)
                list.error = add_application_paths(&list, b, getuid());
        if (list.error < 0) {
                for (size_t i = 0; i < list.n; i++)
                        free(list.items[i]);
                free(list.items);
                return list.error;
        }
        *ret = list.items;
        return 0;
}

static int add_objects(struct bus *b) {
        const struct {
                const char *prefix, *interface;
                const sd_bus_vtable *vtable;
                sd_bus_object_find_t find;
        } objects[] = {
                { BUS_ROOT "/session", BUS_INTERFACE("Session"), session_vtable, session_find },
                { BUS_ROOT "/session", BUS_INTERFACE("Channel"), channel_vtable, channel_find },
                { BUS_ROOT "/session", BUS_INTERFACE("Event"), event_vtable, event_find },
                { BUS_ROOT "/application", BUS_INTERFACE("Application"), application_vtable, application_find },
        };
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

static int on_message(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        struct bus *b = userdata;

        if (sd_bus_message_is_signal(m, "org.freedesktop.DBus.Local", "Disconnected"))
                b->hung_up(b->userdata);
        return 0;
}

static int serve_socket(struct bus *b, int fd) {
        sd_id128_t id;
        int r;

        r = sd_bus_new(&b->bus);
        if (r < 0)
                return r;
        r = sd_id128_randomize(&id);
        if (r >= 0)
                r = sd_bus_set_server(b->bus, 1, id);
        if (r >= 0)
                r = sd_bus_negotiate_fds(b->bus, 1);
        if (r >= 0)
                r = sd_bus_add_filter(b->bus, NULL, on_message, b);
        if (r >= 0)
                r = add_objects(b);
        if (r >= 0)
                r = sd_bus_set_fd(b->bus, fd, fd);
        return r;
}

int bus_new_private(sd_event *event, int fd, struct manager *manager, struct registry *registry,
                    struct authorizer *authorizer, void (*hung_up)(void *userdata), void *userdata,
                    struct bus **ret) {
        _cleanup_(bus_freep) struct bus *b = NULL;
        _cleanup_close_ int socket = fd;
        int r;

        b = calloc(1, sizeof(*b));
        if (!b)
                return -ENOMEM;
        b->manager = manager;
        b->registry = registry;
        b->authorizer = authorizer;
        b->hung_up = hung_up;
        b->userdata = userdata;
        r = errors_register();
        if (r < 0)
                return r;
        r = serve_socket(b, socket);
        if (r < 0)
                return r;
        socket = -1;
        r = sd_bus_start(b->bus);
        if (r >= 0)
                r = emitter_new(event, b->bus, &b->emitter);
        if (r >= 0)
                r = sd_bus_attach_event(b->bus, event, SD_EVENT_PRIORITY_NORMAL);
        if (r < 0)
                return r;
        b->listener = (struct manager_listener) { .news = on_news, .userdata = b };
        manager_add_listener(manager, &b->listener);
        *ret = TAKE_PTR(b);
        return 0;
}

struct bus *bus_free(struct bus *b) {
        if (!b)
                return NULL;
        manager_remove_listener(b->manager, &b->listener);
        emitter_free(b->emitter);
        sd_bus_flush_close_unref(b->bus);
        application_unref(b->found);
        free(b);
        return NULL;
}
