/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "common/cleanup.h"
#include "service/bus/bus.h"
#include "service/bus/emit.h"

enum news_kind {
        NEWS_ADDED,
        NEWS_REMOVED,
        NEWS_CHANGED,
        NEWS_SESSION,
};

struct news {
        struct news *next;
        enum news_kind kind;
        const char *interface, *member;
        char *name; /* of a session */
        char path[];
};

struct emitter {
        sd_bus *bus;
        sd_event_source *source;
        struct news *first, **last;
};

static void news_free(struct news *n) {
        free(n->name);
        free(n);
}

static int on_turn(sd_event_source *s, void *userdata) {
        emit_flush(userdata);
        return 0;
}

int emitter_new(sd_event *event, sd_bus *bus, struct emitter **ret) {
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

/* News that cannot be told for want of memory are lost; nothing depends on them. */
static void add(struct emitter *e, enum news_kind kind, const char *path, const char *interface, const char *member,
                const char *name) {
        struct news *n;

        n = malloc(sizeof(*n) + strlen(path) + 1);
        if (!n)
                return;
        *n = (struct news) { .kind = kind, .interface = interface, .member = member };
        strcpy(n->path, path);
        if (name && !(n->name = strdup(name))) {
                news_free(n);
                return;
        }
        *e->last = n;
        e->last = &n->next;
        (void) sd_event_source_set_enabled(e->source, SD_EVENT_ONESHOT);
}

static struct news *find(struct emitter *e, enum news_kind kind, const char *path, const char *member) {
        for (struct news *n = e->first; n; n = n->next)
                if (n->kind == kind && (!member || strcmp(n->member, member) == 0) && strcmp(n->path, path) == 0)
                        return n;
        return NULL;
}

void emit_added(struct emitter *e, const char *path) {
        add(e, NEWS_ADDED, path, NULL, NULL, NULL);
}

/* What came and went in the same turn was never there. */
void emit_removed(struct emitter *e, const char *path, const char *interface) {
        bool was_told = true;

        for (struct news **p = &e->first; *p;) {
                struct news *n = *p;

                if (strcmp(n->path, path) != 0 || n->kind == NEWS_SESSION || n->kind == NEWS_REMOVED) {
                        p = &n->next;
                        continue;
                }
                was_told &= n->kind != NEWS_ADDED;
                *p = n->next;
                news_free(n);
        }
        for (e->last = &e->first; *e->last; e->last = &(*e->last)->next)
                ;
        if (was_told)
                add(e, NEWS_REMOVED, path, interface, NULL, NULL);
}

void emit_changed(struct emitter *e, const char *path, const char *interface, const char *property) {
        if (!find(e, NEWS_CHANGED, path, property))
                add(e, NEWS_CHANGED, path, interface, property, NULL);
}

void emit_session(struct emitter *e, const char *member, const char *name, const char *path) {
        add(e, NEWS_SESSION, path, BUS_INTERFACE("Manager"), member, name);
}

static void tell(struct emitter *e, const struct news *n) {
        switch (n->kind) {
        case NEWS_ADDED:
                (void) sd_bus_emit_object_added(e->bus, n->path);
                break;
        case NEWS_REMOVED:
                (void) sd_bus_emit_interfaces_removed(e->bus, n->path, n->interface, NULL);
                break;
        case NEWS_CHANGED:
                (void) sd_bus_emit_properties_changed(e->bus, n->path, n->interface, n->member, NULL);
                break;
        case NEWS_SESSION:
                (void) sd_bus_emit_signal(e->bus, BUS_ROOT, n->interface, n->member, "so", n->name, n->path);
                break;
        }
}

void emit_flush(struct emitter *e) {
        struct news *n;

        while ((n = take_first(e))) {
                tell(e, n);
                news_free(n);
        }
}
