/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <string.h>

#include "protocol/definitions.h"
#include "service/domain/recording-internal.h"

/* A recording is made again from the messages that had described it to its consumer. Nobody else has it yet. */

static struct ring_set *find_set(const struct recording *r, uint64_t id) {
        for (struct ring_set *set = r->sets; set; set = set->next)
                if (set->id == id && id != 0)
                        return set;
        return NULL;
}

static int find_stream(const struct recording *r, uint64_t set_id, uint32_t channel, struct ring_set **ret_set,
                       struct stream **ret) {
        struct ring_set *set = find_set(r, set_id);

        for (struct stream *s = set ? set->streams : NULL; s; s = s->next)
                if (s->channel == channel) {
                        *ret_set = set;
                        *ret = s;
                        return 0;
                }
        return -EBADMSG;
}

static void add_set(struct recording *r, struct ring_set *set) {
        set->next = r->sets;
        r->sets = set;
}

static void read_key(const struct record_rings *more, struct compartment_key *ret) {
        /* Keys are compared as bytes. */
        memset(ret, 0, sizeof(*ret));
        ret->uid = more->uid;
        ret->word_size = more->word_size;
        ret->user_namespace = more->user_namespace;
        ret->pid_namespace = more->pid_namespace;
        ret->alone = more->alone;
        memcpy(ret->label, more->label, sizeof(ret->label) - 1);
}

static int get_set(struct recording *r, const struct consumer_rings *message, const struct record_rings *more,
                   struct ring_set **ret) {
        struct compartment_key key;
        struct ring_set *set = find_set(r, message->set);
        int k;

        if (!set) {
                read_key(more, &key);
                k = ring_set_restore(r->domain, message, more, &key, &set);
                if (k < 0)
                        return k;
                add_set(r, set);
        }
        *ret = set;
        return 0;
}

int recording_restore_rings(struct recording *r, const struct consumer_rings *message, const struct record_rings *more,
                            const struct stream_remains *remains, bool *ret_lost) {
        struct stream *stream;
        struct ring_set *set;
        int k;

        k = stream_restore(r->domain, message->stream, r->owner, remains, &stream);
        if (k < 0)
                return k;
        k = get_set(r, message, more, &set);
        if (k < 0) {
                stream_unref(stream);
                return k;
        }
        stream->serial = message->header.serial;
        stream->next = set->streams;
        set->streams = stream;
        set->lost |= stream->ring_fd < 0;
        *ret_lost = stream->ring_fd < 0;
        return 0;
}

int recording_restore_ring_files(struct recording *r, const struct consumer_ring_files *message,
                                 const struct record_rings *more) {
        struct stream *stream;
        struct ring_set *set;
        int k;

        k = stream_restore_in_files(r->domain, message, r->owner, more->ring, &stream);
        if (k < 0)
                return k;
        k = get_set(r, &message->rings, more, &set);
        if (k < 0) {
                stream_unref(stream);
                return k;
        }
        set->in_files = true;
        stream->serial = stream->asked = message->rings.header.serial;
        stream->next = set->streams;
        set->streams = stream;
        return 0;
}

static int restore_class(struct class_table *table, struct stream *stream, struct definitions_reader *reader,
                         const struct app_contexts *app, uint32_t id) {
        struct definition ignored;
        size_t begin = reader->offset;
        int k;

        k = definitions_reader_next(reader, &ignored);
        if (k <= 0)
                return k < 0 ? k : -EBADMSG;
        k = class_table_restore(table, reader->data + begin, reader->offset - begin, app->types, app->n, id);
        return k < 0 ? k : stream_add_class(stream, id);
}

int recording_restore_classes(struct recording *r, const struct consumer_classes *message,
                              const struct context_set *contexts, const void *data, size_t size) {
        struct app_contexts app;
        struct definitions_reader reader;
        struct class_table *table;
        struct stream *stream;
        struct ring_set *set;
        int k;

        k = find_stream(r, message->set, message->stream, &set, &stream);
        if (k >= 0)
                k = recording_classes(r, message->stream, set->compartment, &table);
        if (k >= 0)
                k = definitions_reader_init(&reader, data, size);
        if (k >= 0)
                k = app_contexts_resolve(contexts->app, data, size, &app);
        for (uint32_t i = 0; i < message->n_classes && k >= 0; i++)
                k = restore_class(table, stream, &reader, &app, message->classes[i].id);
        if (k >= 0)
                stream->serial = message->header.serial;
        return k;
}

int recording_restore_release(struct recording *r, const struct consumer_release *message) {
        struct ring_set *set = find_set(r, message->set);

        if (set)
                ring_set_end(set, sender_keep(r->sender));
        return 0;
}

int recording_restore_name(struct recording *r, uid_t uid, const char *name) {
        struct ring_set *set;
        int k;

        for (set = r->sets; set; set = set->next)
                if (set->uid == uid && strcmp(set->name, name) == 0)
                        return 0;
        k = ring_set_restore_name(r->domain, uid, name, &set);
        if (k < 0)
                return k;
        add_set(r, set);
        ring_set_end(set, sender_keep(r->sender));
        return 0;
}

bool recording_is_lost(const struct recording *r, uint64_t id) {
        const struct ring_set *set = find_set(r, id);

        return set && set->lost;
}
