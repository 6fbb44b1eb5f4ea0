/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>

#include "common/hash.h"
#include "protocol/definitions.h"
#include "tracer/app-contexts.h"
#include "tracer/at-start.h"
#include "tracer/memory.h"
#include "tracer/objects.h"

/* Without contexts. */
#define OBJECT_SIZE_MIN offsetof(struct tracectl_object, context_start)

AT_START static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
AT_START static struct tracectl_object *objects;
AT_START static uint32_t version;
AT_START static struct snapshot *snapshots; /* the newest first; sites must not outlive their objects */

void objects_lock(void) {
        pthread_mutex_lock(&lock);
}

void objects_unlock(void) {
        pthread_mutex_unlock(&lock);
}

uint32_t objects_version(void) {
        return __atomic_load_n(&version, __ATOMIC_ACQUIRE);
}

static void changed(void) {
        __atomic_store_n(&version, version + 1, __ATOMIC_RELEASE);
}

bool object_has_contexts(const struct tracectl_object *object) {
        return object->size >= sizeof(*object) && object->context_start != object->context_stop;
}

int objects_add(struct tracectl_object *object) {
        /* Every source file's constructor registers the object that they share. */
        if (object->registered || object->size < OBJECT_SIZE_MIN || object->abi != TRACECTL_ABI)
                return 0;
        object->registered = 1;
        object->next = objects;
        objects = object;
        if (object_has_contexts(object))
                app_contexts_add(object->context_start, object->context_stop);
        else if (object->start == object->stop)
                return 0;
        changed();
        return 1;
}

static bool holds(const struct tracectl_object *object, const struct tracectl_event *event) {
        for (struct tracectl_event *const *p = object->start; p < object->stop; p++)
                if (*p == event)
                        return true;
        return false;
}

static void disable(struct tracectl_object *object) {
        for (struct tracectl_event *const *p = object->start; p < object->stop; p++)
                if (*p)
                        __atomic_store_n(&(*p)->actions, NULL, __ATOMIC_RELEASE);
}

int objects_remove(struct tracectl_object *object) {
        if (!object->registered)
                return 0;
        for (struct tracectl_object **p = &objects; *p; p = (struct tracectl_object **) &(*p)->next)
                if (*p == object) {
                        *p = object->next;
                        break;
                }
        object->registered = 0;
        if (object_has_contexts(object))
                app_contexts_remove(object->context_start, object->context_stop);
        else if (object->start == object->stop)
                return 0;
        /* When the process ends, code of this object may run after its destructor: no view turns these off any more. */
        disable(object);
        for (struct snapshot *s = snapshots; s; s = s->next)
                for (uint32_t i = 0; i < s->n_sites; i++)
                        if (s->sites[i].event && holds(object, s->sites[i].event))
                                s->sites[i].event = NULL;
        changed();
        return 1;
}

void objects_reset(void) {
        pthread_mutex_init(&lock, NULL);
        for (struct snapshot *s = snapshots, *next; s; s = next) {
                next = s->next;
                memory_free(s, s->memory_size);
        }
        snapshots = NULL;
        for (struct tracectl_object *o = objects; o; o = o->next)
                disable(o);
}

struct snapshot *snapshot_ref(struct snapshot *s) {
        s->refs++;
        return s;
}

void snapshot_unref(struct snapshot *s) {
        if (--s->refs > 0)
                return;
        for (struct snapshot **p = &snapshots; *p; p = &(*p)->next)
                if (*p == s) {
                        *p = s->next;
                        break;
                }
        memory_free(s, s->memory_size);
}

const struct site *snapshot_find_in_step(const struct snapshot *older, uint32_t *position,
                                         const struct tracectl_event *event) {
        while (*position < older->n_sites && !older->sites[*position].event)
                (*position)++;
        if (*position == older->n_sites || older->sites[*position].event != event)
                return NULL;
        return &older->sites[(*position)++];
}

static bool usable(const struct tracectl_event *event) {
        return event && event->size >= sizeof(*event) && event->abi == TRACECTL_ABI;
}

/* False where it defines nothing that could be recorded. */
static bool define(const struct tracectl_event *event, struct definition *ret) {
        if (event->n_fields > DEFINITION_FIELDS_MAX)
                return false;
        ret->provider = event->provider;
        ret->name = event->name;
        ret->loglevel = event->loglevel;
        ret->n_fields = event->n_fields;
        for (unsigned i = 0; i < event->n_fields; i++) {
                const struct tracectl_field *field =
                        (const void *) ((const char *) event->fields + (size_t) i * event->field_size);

                ret->fields[i].name = field->name;
                ret->fields[i].type = field->type;
        }
        return true;
}

static struct definition define_context(const struct tracectl_context *context) {
        return (struct definition) { .provider = context->provider, .name = context->name,
                                     .loglevel = (uint8_t) context->type };
}

static struct tracectl_context *const *first_context(const struct tracectl_object *object) {
        return object_has_contexts(object) ? object->context_start : NULL;
}

static struct tracectl_context *const *last_context(const struct tracectl_object *object) {
        return object_has_contexts(object) ? object->context_stop : NULL;
}

struct totals {
        uint32_t sites;
        size_t definitions; /* bytes at most */
};

static struct totals measure(void) {
        struct totals t = { .definitions = sizeof(struct definitions_header) };

        for (struct tracectl_object *o = objects; o; o = o->next)
                for (struct tracectl_event *const *p = o->start; p < o->stop; p++) {
                        struct definition d;

                        if (!usable(*p))
                                continue;
                        t.sites++;
                        if (define(*p, &d))
                                (void) definitions_append(NULL, 0, &t.definitions, &d);
                }
        for (struct tracectl_object *o = objects; o; o = o->next)
                for (struct tracectl_context *const *p = first_context(o); p < last_context(o); p++)
                        if (app_context_is_usable(*p)) {
                                struct definition d = define_context(*p);

                                (void) definitions_append(NULL, 0, &t.definitions, &d);
                        }
        return t;
}

/* Finds equal definitions while a snapshot is made; open addressing, at most half full. */
struct index {
        uint32_t *slots; /* definition + 1, or 0 */
        uint32_t mask;
        uint32_t *offsets; /* of each definition */
        uint32_t *sizes;
};

/* The definition at offset, which was just appended: an equal one before it, or itself as the next. */
static uint32_t index_definition(struct index *index, struct snapshot *s, size_t offset, size_t *end) {
        size_t size = *end - offset;
        uint32_t i = (uint32_t) hash_bytes(HASH_INIT, s->definitions + offset, size) & index->mask;

        for (; index->slots[i]; i = (i + 1) & index->mask) {
                uint32_t d = index->slots[i] - 1;

                if (index->sizes[d] == size &&
                    memcmp(s->definitions + index->offsets[d], s->definitions + offset, size) == 0) {
                        *end = offset;
                        return d;
                }
        }
        index->slots[i] = s->n_definitions + 1;
        index->offsets[s->n_definitions] = (uint32_t) offset;
        index->sizes[s->n_definitions] = (uint32_t) size;
        return s->n_definitions++;
}

static void add_site(struct snapshot *s, struct index *index, struct tracectl_event *event, size_t capacity,
                     size_t *end) {
        struct site *site = &s->sites[s->n_sites++];
        size_t offset = *end;
        struct definition d;

        *site = (struct site) { event, DEFINITION_NONE };
        if (s->n_definitions == DEFINITIONS_EVENTS_MAX || !define(event, &d) ||
            definitions_append(s->definitions, capacity, end, &d) < 0)
                return;
        site->definition = index_definition(index, s, offset, end);
}

/* Behind the events, up to *end. */
static void add_contexts(struct snapshot *s, size_t capacity, size_t *end) {
        uint32_t n = 0;

        for (struct tracectl_object *o = objects; o; o = o->next)
                for (struct tracectl_context *const *p = first_context(o);
                     p < last_context(o) && n < DEFINITIONS_CONTEXTS_MAX; p++) {
                        struct definition d;

                        if (!app_context_is_usable(*p))
                                continue;
                        d = define_context(*p);
                        n += definitions_append(s->definitions, capacity, end, &d) >= 0;
                }
        definitions_finish_contexts(s->definitions, n, *end);
}

static size_t align8(size_t n) {
        return (n + 7) & ~(size_t) 7;
}

/* Empty, with room for t. */
static struct snapshot *snapshot_new(const struct totals *t, struct index *index) {
        size_t slots = 16, size;
        struct snapshot *s;
        char *p;

        while (slots < 2 * (size_t) t->sites + 2)
                slots *= 2;
        size = align8(sizeof(*s)) + align8(t->definitions) +
               t->sites * (sizeof(struct site) + 2 * sizeof(uint32_t)) + slots * sizeof(uint32_t);
        p = memory_new(size);
        if (!p)
                return NULL;
        s = (struct snapshot *) p;
        *s = (struct snapshot) { .refs = 1, .memory_size = size, .version = version };
        s->definitions = p += align8(sizeof(*s));
        s->sites = (struct site *) (p += align8(t->definitions));
        index->slots = (uint32_t *) (p += t->sites * sizeof(struct site));
        index->mask = (uint32_t) slots - 1;
        index->offsets = (uint32_t *) (p += slots * sizeof(uint32_t));
        index->sizes = (uint32_t *) (p + t->sites * sizeof(uint32_t));
        return s;
}

int objects_snapshot(struct snapshot **ret) {
        size_t end = sizeof(struct definitions_header);
        struct totals t;
        struct index index;
        struct snapshot *s;

        if (snapshots && snapshots->version == version) {
                *ret = snapshot_ref(snapshots);
                return 0;
        }
        t = measure();
        s = snapshot_new(&t, &index);
        if (!s)
                return -ENOMEM;
        for (struct tracectl_object *o = objects; o; o = o->next)
                for (struct tracectl_event *const *e = o->start; e < o->stop; e++)
                        if (usable(*e))
                                add_site(s, &index, *e, t.definitions, &end);
        definitions_finish(s->definitions, s->n_definitions, end);
        add_contexts(s, t.definitions, &end);
        s->definitions_size = end;
        s->hash = hash_bytes(HASH_INIT, s->definitions, end);
        s->next = snapshots;
        snapshots = s;
        *ret = s;
        return 0;
}
