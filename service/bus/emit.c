/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "common/cleanup.h"
#include "service/bus/bus.h"
#include "service/bus/emit.h"
#include "service/bus/objects.h"

#define PROPERTIES_MAX 8 /* of one object that change */

enum news_kind {
        NEWS_ADDED,
        NEWS_REMOVED,
        NEWS_CHANGED,
        NEWS_SIGNAL,
};

struct news {
        struct news *next;
        enum news_kind kind;
        uid_t owner;
        bool application;
        const char *interface;
        const char *properties[PROPERTIES_MAX];
        size_t n_properties;
        sd_bus_message *signal;
        char path[];
};

struct emitter {
        struct bus *bus;
        sd_event_source *source;
        struct news *first, **last;
};

static void news_free(struct news *n) {
        sd_bus_message_unref(n->signal);
        free(n);
}

static int on_turn(sd_event_source *s, void *userdata) {
        emit_flush(userdata);
        return 0;
}

int emitter_new(sd_event *event, struct bus *bus, struct emitter **ret) {
        struct emitter *e;
        int r;

        e = calloc(1, sizeof(*e));
        if (!e)
                return -ENOMEM;
        e->bus = bus;
        e->last = &e->first;
        r = sd_event_add_defer(event, &e->source, on_turn, e);
        if (r >= 0)
                r = sd_event_source_set_priority(e->source, SD_EVENT_PRIORITY_IDLE);
        if (r >= 0)
                r = sd_event_source_set_enabled(e->source, SD_EVENT_OFF);
        if (r < 0) {
                emitter_free(e);
                return r;
        }
        *ret = e;
        return 0;
}

static struct news *take_first(struct emitter *e) {
        struct news *n = e->first;

        if (n) {
                e->first = n->next;
                if (!e->first)
                        e->last = &e->first;
        }
        return n;
}

struct emitter *emitter_free(struct emitter *e) {
        struct news *n;

        if (!e)
                return NULL;
        while ((n = take_first(e)))
                news_free(n);
        sd_event_source_disable_unref(e->source);
        free(e);
        return NULL;
}

static struct news *news_new(enum news_kind kind, uid_t owner, const char *path) {
        struct news *n = malloc(sizeof(*n) + strlen(path) + 1);

        if (!n)
                return NULL;
        *n = (struct news) { .kind = kind, .owner = owner };
        strcpy(n->path, path);
        return n;
}

/* News that cannot be told for want of memory are lost; nothing depends on them. NULL, too, where nobody listens. */
static struct news *add(struct emitter *e, enum news_kind kind, uid_t owner, const char *path) {
        struct news *n = bus_has_audience(e->bus, owner, false) ? news_new(kind, owner, path) : NULL;

        if (!n)
                return NULL;
        *e->last = n;
        e->last = &n->next;
        (void) sd_event_source_set_enabled(e->source, SD_EVENT_ONESHOT);
        return n;
}

void emit_added(struct emitter *e, uid_t owner, const char *path) {
        (void) add(e, NEWS_ADDED, owner, path);
}

/* What came and went in the same turn was never there. */
void emit_removed(struct emitter *e, uid_t owner, const char *path, const char *interface) {
        bool was_told = true;
        struct news *n;

        for (struct news **p = &e->first; *p;) {
                n = *p;
                if (strcmp(n->path, path) != 0 || n->kind == NEWS_SIGNAL || n->kind == NEWS_REMOVED) {
                        p = &n->next;
                        continue;
                }
                was_told &= n->kind != NEWS_ADDED;
                *p = n->next;
                news_free(n);
        }
        for (e->last = &e->first; *e->last; e->last = &(*e->last)->next)
                ;
        n = was_told ? add(e, NEWS_REMOVED, owner, path) : NULL;
        if (n)
                n->interface = interface;
}

static bool has_property(const struct news *n, const char *property) {
        for (size_t i = 0; i < n->n_properties; i++)
                if (strcmp(n->properties[i], property) == 0)
                        return true;
        return false;
}

void emit_changed(struct emitter *e, uid_t owner, const char *path, const char *interface, const char *property) {
        struct news *n;

        for (n = e->first; n; n = n->next)
                if (n->kind == NEWS_CHANGED && strcmp(n->path, path) == 0)
                        break;
        if (!n)
                n = add(e, NEWS_CHANGED, owner, path);
        if (!n || n->n_properties == PROPERTIES_MAX || has_property(n, property))
                return;
        n->interface = interface;
        n->properties[n->n_properties++] = property;
}

void emit_signal(struct emitter *e, uid_t owner, sd_bus_message *signal) {
        struct news *n = add(e, NEWS_SIGNAL, owner, sd_bus_message_get_path(signal));

        if (n)
                n->signal = sd_bus_message_ref(signal);
}

static int build_removed(const struct news *n, sd_bus_message *m) {
        const char *const *standard = objects_standard_interfaces;
        int r;

        r = sd_bus_message_append(m, "o", n->path);
        if (r >= 0)
                r = sd_bus_message_append(m, "as", 4, standard[0], standard[1], standard[2], n->interface);
        return r;
}

static int build_changed(struct emitter *e, const struct news *n, sd_bus_message *m) {
        struct object object;
        int r;

        r = objects_find(e->bus, n->path, &object);
        if (r <= 0)
                return r < 0 ? r : -ENOENT;
        r = sd_bus_message_append(m, "s", n->interface);
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'a', "{sv}");
        for (size_t i = 0; i < n->n_properties && r >= 0; i++)
                r = object_append_property(m, &object, n->properties[i]);
        if (r >= 0)
                r = sd_bus_message_close_container(m);
        return r < 0 ? r : sd_bus_message_append(m, "as", 0);
}

static int build(struct emitter *e, const struct news *n, sd_bus_message **ret) {
        static const char *const members[] = {
                [NEWS_ADDED] = "InterfacesAdded",
                [NEWS_REMOVED] = "InterfacesRemoved",
                [NEWS_CHANGED] = "PropertiesChanged",
        };
        bool changed = n->kind == NEWS_CHANGED;
        int r;

        if (n->kind == NEWS_SIGNAL) {
                *ret = sd_bus_message_ref(n->signal);
                return 0;
        }
        r = sd_bus_message_new_signal(e->bus->bus, ret, changed ? n->path : BUS_ROOT,
                                      changed ? "org.freedesktop.DBus.Properties"
                                              : "org.freedesktop.DBus.ObjectManager",
                                      members[n->kind]);
        if (r < 0)
                return r;
        if (n->kind == NEWS_ADDED)
                return objects_append(e->bus, n->path, *ret);
        return changed ? build_changed(e, n, *ret) : build_removed(n, *ret);
}

static void tell(struct emitter *e, const struct news *n) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;

        if (build(e, n, &m) >= 0)
                bus_send_signal(e->bus, n->owner, n->application, m);
}

static void tell_now(struct emitter *e, enum news_kind kind, uid_t owner, const char *path, const char *interface) {
        struct news *n = news_new(kind, owner, path);

        if (!n)
                return;
        n->interface = interface;
        n->application = true;
        e->bus->telling = true;
        tell(e, n);
        e->bus->telling = false;
        news_free(n);
}

void emit_added_now(struct emitter *e, uid_t owner, const char *path) {
        tell_now(e, NEWS_ADDED, owner, path, NULL);
}

void emit_removed_now(struct emitter *e, uid_t owner, const char *path, const char *interface) {
        tell_now(e, NEWS_REMOVED, owner, path, interface);
}

void emit_flush(struct emitter *e) {
        struct news *n;

        e->bus->telling = true;
        while ((n = take_first(e))) {
                tell(e, n);
                news_free(n);
        }
        e->bus->telling = false;
}
