/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <string.h>

#include "service/domain/recording-internal.h"

static void classes_free_all(struct classes *c) {
        while (c) {
                struct classes *next = c->next;

                compartment_unref(c->compartment);
                class_table_done(&c->table);
                free(c);
                c = next;
        }
}

static void recording_free(struct recording *r) {
        pthread_mutex_lock(&r->domain->lock);
        for (struct recording **p = &r->domain->recordings; *p; p = &(*p)->next)
                if (*p == r) {
                        *p = r->next;
                        break;
                }
        pthread_mutex_unlock(&r->domain->lock);
        while (r->sets) {
                struct ring_set *set = r->sets;

                r->sets = set->next;
                ring_set_free(set);
        }
        classes_free_all(r->classes);
        sender_unref(r->sender);
        pthread_mutex_destroy(&r->lock);
        free(r->session);
        free(r);
}

struct recording *recording_ref(struct recording *r) {
        atomic_fetch_add_explicit(&r->refs, 1, memory_order_relaxed);
        return r;
}

struct recording *recording_unref(struct recording *r) {
        if (r && atomic_fetch_sub_explicit(&r->refs, 1, memory_order_acq_rel) == 1)
                recording_free(r);
        return NULL;
}

int recording_new(struct user_domain *domain, uid_t owner, const char *session, bool in_files, struct sender *sender,
                  struct recording **ret) {
        struct recording *r;

        r = malloc(sizeof(*r));
        if (!r)
                return -ENOMEM;
        *r = (struct recording) { .refs = 1, .domain = domain, .session = strdup(session), .owner = owner,
                                   .in_files = in_files };
        if (!r->session) {
                free(r);
                return -ENOMEM;
        }
        r->sender = sender_ref(sender);
        pthread_mutex_init(&r->lock, NULL);
        pthread_mutex_lock(&domain->lock);
        r->next = domain->recordings;
        domain->recordings = r;
        pthread_mutex_unlock(&domain->lock);
        *ret = r;
        return 0;
}

int recording_classes(struct recording *r, uint32_t channel, struct compartment *compartment,
                      struct class_table **ret) {
        struct classes *c;

        for (c = r->classes; c; c = c->next)
                if (c->channel == channel && c->compartment == compartment) {
                        *ret = &c->table;
                        return 0;
                }
        c = malloc(sizeof(*c));
        if (!c)
                return -ENOMEM;
        *c = (struct classes) {
                .next = r->classes,
                .channel = channel,
                .compartment = compartment_ref(compartment),
        };
        r->classes = c;
        *ret = &c->table;
        return 0;
}

static int find_set(struct recording *r, const struct recording_request *q, struct ring_set **ret) {
        struct ring_set *set;
        int k;

        for (set = r->sets; set; set = set->next)
                if (set->compartment == q->compartment && set->application == q->application && !set->lost) {
                        *ret = set;
                        return 0;
                }
        k = ring_set_new(r->domain, r->sets, q->compartment, q->application, q->pid, &set);
        if (k < 0)
                return k;
        /* Who can cut a file off ends whoever has it mapped: nobody's but his own programs. */
        set->in_files = r->in_files && set->uid == r->owner;
        set->next = r->sets;
        r->sets = set;
        *ret = set;
        return 0;
}

static int prepare_locked(struct recording *r, const struct recording_request *q, uint32_t *ids, struct stream **ret) {
        struct class_table *table;
        struct app_contexts app;
        struct ring_set *set;
        struct stream *stream;
        int k;

        k = recording_classes(r, q->channel->id, q->compartment, &table);
        if (k < 0)
                return k;
        k = app_contexts_resolve(q->channel->contexts.app, q->definitions->data, q->definitions->size, &app);
        if (k < 0)
                return k;
        for (size_t i = 0; i < q->n_events; i++) {
                const struct event_entry *e = &q->definitions->events[q->events[i]];

                k = class_table_id(table, (const char *) q->definitions->data + e->offset, e->size, app.types, app.n,
                                   &ids[i]);
                if (k < 0)
                        return k;
        }
        k = find_set(r, q, &set);
        if (k < 0)
                return k;
        k = ring_set_stream(set, r->owner, r->sender, q->channel, &stream);
        if (k < 0)
                return k;
        k = ring_set_announce(set, r->sender, stream, q->definitions, q->events, ids, q->n_events);
        if (k < 0)
                return k;
        *ret = stream;
        return 0;
}

/* Why a uid may not have another stream. */
static void describe_quota(struct recording *r, uid_t uid, char *ret, size_t size) {
        struct quota *quota = &r->domain->quota;
        bool streams = quota_used(quota, uid, QUOTA_STREAMS) >= quota_limit(quota, uid, QUOTA_STREAMS);
        char text[160];

        quota_describe(quota, uid, streams ? QUOTA_STREAMS : QUOTA_RING_MEMORY, text, sizeof(text));
        snprintf(ret, size, "there is no room for its ring buffers: %s", text);
}

static void report(struct recording *r, const struct recording_request *q, int error) {
        char text[256];

        if (error == -ENOSPC)
                snprintf(text, sizeof(text), "its applications define more events than channel '%s' can hold",
                         q->channel->name);
        else if (error == -EDQUOT)
                describe_quota(r, r->owner, text, sizeof(text));
        else if (error == -EFBIG)
                snprintf(text, sizeof(text), "its ring buffers would take too much of the machine's memory");
        else if (error == -ENOBUFS)
                snprintf(text, sizeof(text), "its consumer does not take messages any more");
        else
                snprintf(text, sizeof(text), "a ring buffer of channel '%s' cannot be made: %s", q->channel->name,
                         strerror(-error));
        sender_report(r->sender, text);
}

int recording_prepare(struct recording *r, const struct recording_request *request, uint32_t *ret_ids,
                      struct stream **ret, uint64_t *ret_serial) {
        struct stream *stream;
        int k;

        pthread_mutex_lock(&r->lock);
        k = prepare_locked(r, request, ret_ids, &stream);
        if (k >= 0) {
                *ret = stream_ref(stream);
                *ret_serial = stream->serial;
        }
        pthread_mutex_unlock(&r->lock);
        if (k < 0 && k != -EPIPE)
                report(r, request, k);
        return k;
}

static struct stream *find_asked(const struct recording *r, uint64_t serial) {
        for (struct ring_set *set = r->sets; set; set = set->next)
                for (struct stream *s = set->streams; s; s = s->next)
                        if (s->in_files && s->asked == serial)
                                return s;
        return NULL;
}

bool recording_take_files(struct recording *r, uint64_t serial, int error, int fds[2]) {
        struct stream *stream;
        int k = -error;

        pthread_mutex_lock(&r->lock);
        stream = find_asked(r, serial);
        if (stream && k == 0)
                k = stream_give_files(stream, r->owner, fds);
        pthread_mutex_unlock(&r->lock);
        if (stream && k < 0) {
                char text[256];

                snprintf(text, sizeof(text), "its ring buffers cannot be put into files: %s", strerror(-k));
                sender_report(r->sender, text);
        }
        return stream;
}

void recording_release(struct recording *r, uint64_t application) {
        pthread_mutex_lock(&r->lock);
        for (struct ring_set *set = r->sets; set; set = set->next)
                if (set->application == application && !set->released)
                        ring_set_release(set, r->sender);
        pthread_mutex_unlock(&r->lock);
}

void recording_release_lost(struct recording *r, uint64_t application) {
        pthread_mutex_lock(&r->lock);
        for (struct ring_set *set = r->sets; set; set = set->next)
                if (set->lost && set->application == application && !set->released)
                        ring_set_release(set, r->sender);
        pthread_mutex_unlock(&r->lock);
}

const char *recording_session(const struct recording *r) {
        return r->session;
}

uid_t recording_owner(const struct recording *r) {
        return r->owner;
}

struct sender *recording_sender(const struct recording *r) {
        return r->sender;
}

struct recording *recording_next(const struct recording *r) {
        return r->next;
}
