/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "consumer/walk.h"
#include "protocol/context.h"
#include "protocol/ctf.h"

/* Bytes of known number, then one value whose length is in the record. */
struct walk_step {
        uint32_t fixed;
        uint32_t element; /* of a sequence: bytes; 0: a string */
};

struct walk_class {
        uint32_t n_steps;
        uint32_t tail; /* bytes of known number after the last step */
        struct walk_step steps[];
};

void walker_done(struct walker *walker) {
        for (uint32_t i = 0; i < walker->n_classes; i++)
                if (walker->classes[i]) /* few are, where an id is high */
                        free(walker->classes[i]);
        free(walker->classes);
        *walker = (struct walker) {};
}

bool walker_id_is_valid(uint32_t id) {
        return id >= CTF_ID_FIRST && id <= WALK_ID_MAX && (id <= CTF_ID_COMPACT_MAX || id > CTF_ID_EXTENDED);
}

bool walker_has(const struct walker *walker, uint32_t id) {
        return id < walker->n_classes && walker->classes[id];
}

/* The application's contexts are like fields in front of the others. */
static struct walk_class *compile(const struct app_contexts *app, const struct definition *d) {
        struct walk_class *class;
        uint32_t fixed = 0;

        class = malloc(sizeof(*class) + (app->n + d->n_fields) * sizeof(class->steps[0]));
        if (!class)
                return NULL;
        class->n_steps = 0;
        for (unsigned i = 0; i < app->n + d->n_fields; i++) {
                enum definition_type type = i < app->n ? app->types[i] : d->fields[i - app->n].type;
                unsigned size = definition_type_size(type);

                if (size > 0 && !definition_type_is_sequence(type)) {
                        fixed += size;
                        continue;
                }
                class->steps[class->n_steps++] = (struct walk_step) { .fixed = fixed, .element = size };
                fixed = 0;
        }
        class->tail = fixed;
        return class;
}

static int walker_reserve(struct walker *walker, uint32_t id) {
        uint32_t n = walker->n_classes ?: 64;
        struct walk_class **classes;

        if (id < walker->n_classes)
                return 0;
        while (n <= id)
                n *= 2;
        classes = realloc(walker->classes, n * sizeof(classes[0]));
        if (!classes)
                return -ENOMEM;
        memset(classes + walker->n_classes, 0, (n - walker->n_classes) * sizeof(classes[0]));
        walker->classes = classes;
        walker->n_classes = n;
        return 0;
}

int walker_add(struct walker *walker, uint32_t id, const struct app_contexts *app,
               const struct definition *definition) {
        struct walk_class *class;

        if (walker_reserve(walker, id) < 0)
                return -ENOMEM;
        class = compile(app, definition);
        if (!class)
                return -ENOMEM;
        walker->classes[id] = class;
        return 0;
}

/* The end of a string of at most max bytes, or NULL. */
static const char *skip_string(const char *p, const char *end, size_t max) {
        size_t room = (size_t) (end - p);

        p = memchr(p, '\0', room <= max ? room : max + 1);
        return p ? p + 1 : NULL;
}

/* The payload of a record whose contexts begin at p, or NULL where they run past end. */
static const char *skip_contexts(uint32_t contexts, const char *p, const char *end) {
        uint32_t size = contexts_fixed_size(contexts);

        if ((size_t) (end - p) < size)
                return NULL;
        p += size;
        return contexts & CONTEXT_CGROUP ? skip_string(p, end, CONTEXT_CGROUP_MAX) : p;
}

/* The end of a record whose payload begins at p, or NULL where it runs past end. */
static const char *skip_payload(const struct walk_class *class, const char *p, const char *end) {
        for (uint32_t i = 0; i < class->n_steps; i++) {
                const struct walk_step *step = &class->steps[i];

                if ((size_t) (end - p) < step->fixed)
                        return NULL;
                p += step->fixed;
                if (step->element == 0) {
                        p = skip_string(p, end, (size_t) (end - p));
                        if (!p)
                                return NULL;
                } else {
                        uint32_t n;

                        if ((size_t) (end - p) < sizeof(n))
                                return NULL;
                        memcpy(&n, p, sizeof(n));
                        p += sizeof(n);
                        if ((size_t) (end - p) / step->element < n)
                                return NULL;
                        p += (size_t) n * step->element;
                }
        }
        return (size_t) (end - p) < class->tail ? NULL : p + class->tail;
}

/* Reads a record's header. The beginning of its payload, or NULL. */
static const char *read_header(const char *p, const char *end, uint64_t now, uint32_t *ret_id, uint64_t *ret_time) {
        uint32_t compact;

        if (end - p < CTF_COMPACT_SIZE)
                return NULL;
        memcpy(&compact, p, sizeof(compact));
        *ret_id = compact & ((1 << CTF_COMPACT_ID_BITS) - 1);
        if (*ret_id != CTF_ID_EXTENDED) {
                uint64_t time = (now & ~(uint64_t) CTF_COMPACT_TIME_MASK) | compact >> CTF_COMPACT_ID_BITS;

                if (time < now)
                        time += UINT64_C(1) << CTF_COMPACT_TIME_BITS;
                *ret_time = time;
                return p + CTF_COMPACT_SIZE;
        }
        if (end - p < CTF_EXTENDED_SIZE)
                return NULL;
        memcpy(ret_id, p + 1, sizeof(*ret_id));
        memcpy(ret_time, p + 1 + sizeof(*ret_id), sizeof(*ret_time));
        return p + CTF_EXTENDED_SIZE;
}

void walker_walk(const struct walker *walker, const char *records, size_t size, uint64_t begin, uint64_t latest,
                 struct walk_thread thread, struct walk_result *ret) {
        const char *p = records, *end = records + size;
        struct walk_result result = { .last_time = begin, .thread = thread };

        while (p < end) {
                const char *payload;
                uint64_t time;
                uint32_t id;

                payload = read_header(p, end, result.last_time, &id, &time);
                if (!payload || time < result.last_time || time > latest)
                        break;
                if (id == CTF_ID_THREAD) {
                        if (end - payload < CTF_THREAD_PAYLOAD)
                                break;
                        memcpy(&result.thread, payload, sizeof(result.thread));
                        p = payload + CTF_THREAD_PAYLOAD;
                } else {
                        if (!walker_has(walker, id))
                                break;
                        payload = skip_contexts(walker->contexts, payload, end);
                        if (payload)
                                payload = skip_payload(walker->classes[id], payload, end);
                        if (!payload)
                                break;
                        p = payload;
                        result.events++;
                }
                result.last_time = time;
        }
        result.valid = (size_t) (p - records);
        *ret = result;
}
