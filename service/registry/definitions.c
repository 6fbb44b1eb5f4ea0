/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>

#include "common/fd.h"
#include "common/hash.h"
#include "service/registry/definitions.h"

static void event_definitions_free(struct event_definitions *d) {
        if (d->data)
                munmap((void *) d->data, d->size);
        closep(&d->fd);
        pthread_mutex_destroy(&d->lock);
        free(d->events);
        free(d->names);
        free(d);
}

struct event_definitions *event_definitions_ref(struct event_definitions *d) {
        atomic_fetch_add_explicit(&d->refs, 1, memory_order_relaxed);
        return d;
}

struct event_definitions *event_definitions_unref(struct event_definitions *d) {
        if (d && atomic_fetch_sub_explicit(&d->refs, 1, memory_order_acq_rel) == 1)
                event_definitions_free(d);
        return NULL;
}

/* Room for "provider:name" of every event: an entry holds both, each with a NUL. */
static int read_entries(struct event_definitions *d) {
        struct definitions_reader reader;
        struct definition event;
        char *name;
        int r;

        r = definitions_reader_init(&reader, d->data, d->size);
        if (r < 0)
                return r;
        d->events = calloc((size_t) reader.n_events + 1, sizeof(*d->events));
        name = d->names = malloc(d->size);
        if (!d->events || !d->names)
                return -ENOMEM;
        for (;;) {
                size_t offset = reader.offset;

                r = definitions_reader_next(&reader, &event);
                if (r <= 0)
                        return r;
                d->events[d->n_events++] = (struct event_entry) {
                        .offset = (uint32_t) offset,
                        .size = (uint32_t) (reader.offset - offset),
                        .name = name,
                        .loglevel = event.loglevel,
                };
                name = stpcpy(name, event.provider);
                *name++ = ':';
                name = stpcpy(name, event.name) + 1;
        }
}

int event_definitions_new(int fd, uint64_t hash, struct event_definitions **ret) {
        _cleanup_(event_definitions_unrefp) struct event_definitions *d = NULL;
        int r;

        d = malloc(sizeof(*d));
        if (!d)
                return -ENOMEM;
        *d = (struct event_definitions) { .refs = 1, .hash = hash, .fd = -1 };
        pthread_mutex_init(&d->lock, NULL);
        r = memfd_map_constant(fd, DEFINITIONS_SIZE_MAX, &d->data, &d->size);
        if (r < 0)
                return r;
        if (hash_bytes(HASH_INIT, d->data, d->size) != hash)
                return -EBADMSG;
        r = read_entries(d);
        if (r < 0)
                return r;
        d->fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
        if (d->fd < 0)
                return -errno;
        *ret = TAKE_PTR(d);
        return 0;
}

int event_definitions_read(const struct event_definitions *d, uint32_t i, struct definition *ret) {
        struct definitions_reader reader = {
                .data = (const char *) d->data + d->events[i].offset,
                .size = d->events[i].size,
                .n_events = 1,
        };

        return definitions_reader_next(&reader, ret) > 0 ? 0 : -EBADMSG;
}

void definitions_store_init(struct definitions_store *store, struct quota *quota, uid_t uid) {
        *store = (struct definitions_store) { .quota = quota, .uid = uid };
        pthread_mutex_init(&store->lock, NULL);
}

void definitions_store_done(struct definitions_store *store) {
        while (store->first) {
                struct event_definitions *d = store->first;

                store->first = d->next;
                charge_done(&d->charge);
                event_definitions_unref(d);
        }
        pthread_mutex_destroy(&store->lock);
}

static struct event_definitions *find_locked(struct definitions_store *store, uint64_t hash) {
        for (struct event_definitions *d = store->first; d; d = d->next)
                if (d->hash == hash)
                        return event_definitions_ref(d);
        return NULL;
}

struct event_definitions *definitions_store_find(struct definitions_store *store, uint64_t hash) {
        struct event_definitions *d;

        pthread_mutex_lock(&store->lock);
        d = find_locked(store, hash);
        pthread_mutex_unlock(&store->lock);
        return d;
}

static bool has_room(const struct definitions_store *store, size_t size, struct charge *ret) {
        return store->n_bytes + size <= DEFINITIONS_STORE_BYTES_MAX &&
               quota_charge(store->quota, store->uid, QUOTA_DEFINITIONS, 1, ret) >= 0;
}

/* Drops what only the store holds; under its lock nobody can take a new reference. */
static bool make_room(struct definitions_store *store, size_t size, struct charge *ret) {
        bool room = has_room(store, size, ret);

        for (struct event_definitions **p = &store->first; *p && !room;) {
                struct event_definitions *d = *p;

                if (atomic_load_explicit(&d->refs, memory_order_acquire) > 1) {
                        p = &d->next;
                        continue;
                }
                *p = d->next;
                store->n_definitions--;
                store->n_bytes -= d->size;
                charge_done(&d->charge);
                event_definitions_unref(d);
                room = has_room(store, size, ret);
        }
        return room;
}

int definitions_store_add(struct definitions_store *store, struct event_definitions *d,
                          struct event_definitions **ret) {
        struct event_definitions *found;
        int r = 0;

        pthread_mutex_lock(&store->lock);
        found = find_locked(store, d->hash);
        if (!found) {
                if (make_room(store, d->size, &d->charge)) {
                        d->next = store->first;
                        store->first = event_definitions_ref(d);
                        store->n_definitions++;
                        store->n_bytes += d->size;
                        found = event_definitions_ref(d);
                } else
                        r = -EDQUOT;
        }
        pthread_mutex_unlock(&store->lock);
        if (found)
                *ret = found;
        return r;
}

int definitions_store_list(struct definitions_store *store, struct event_definitions ***ret, size_t *ret_n) {
        struct event_definitions **list;
        size_t n = 0;

        pthread_mutex_lock(&store->lock);
        list = calloc((size_t) store->n_definitions + 1, sizeof(*list));
        for (struct event_definitions *d = store->first; list && d; d = d->next)
                list[n++] = event_definitions_ref(d);
        pthread_mutex_unlock(&store->lock);
        if (!list)
                return -ENOMEM;
        *ret = list;
        *ret_n = n;
        return 0;
}
