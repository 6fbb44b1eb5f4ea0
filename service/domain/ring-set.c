/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include "protocol/definitions.h"
#include "protocol/ring.h"
#include "service/domain/ring-set.h"

static void forget_streams(struct ring_set *set) {
        while (set->streams) {
                struct stream *s = set->streams;

                set->streams = s->next;
                stream_unref(s);
        }
}

void ring_set_free(struct ring_set *set) {
        ledger_drop(set->domain->ledger, &set->entry);
        forget_streams(set);
        compartment_unref(set->compartment);
        free(set);
}

static void choose_name(struct ring_set *set, const struct ring_set *others) {
        char base[32];

        if (set->application)
                snprintf(base, sizeof(base), "process-%i", (int) set->pid);
        else
                snprintf(base, sizeof(base), "shared");
        for (unsigned n = 1;; n++) {
                const struct ring_set *other;

                if (n == 1)
                        snprintf(set->name, sizeof(set->name), "%s", base);
                else
                        snprintf(set->name, sizeof(set->name), "%s-%u", base, n);
                for (other = others; other; other = other->next)
                        if (other->uid == set->uid && strcmp(other->name, set->name) == 0)
                                break;
                if (!other)
                        return;
        }
}

int ring_set_new(struct user_domain *domain, const struct ring_set *others, struct compartment *compartment,
                 uint64_t application, pid_t pid, struct ring_set **ret) {
        struct ring_set *set;
        uint8_t uuid[16];

        if (getrandom(uuid, sizeof(uuid), 0) != sizeof(uuid))
                return -EIO;
        /* Version 4, variant 1, as RFC 4122 has it. */
        uuid[6] = (uint8_t) ((uuid[6] & 0x0f) | 0x40);
        uuid[8] = (uint8_t) ((uuid[8] & 0x3f) | 0x80);
        set = malloc(sizeof(*set));
        if (!set)
                return -ENOMEM;
        *set = (struct ring_set) {
                .domain = domain,
                .id = user_domain_next_id(domain),
                .uid = compartment->key.uid,
                .compartment = compartment_ref(compartment),
                .application = application,
                .pid = application ? pid : 0,
        };
        memcpy(set->uuid, uuid, sizeof(set->uuid));
        choose_name(set, others);
        *ret = set;
        return 0;
}

int ring_set_restore(struct user_domain *domain, const struct consumer_rings *message, const struct record_rings *more,
                     const struct compartment_key *key, struct ring_set **ret) {
        struct compartment *compartment;
        struct ring_set *set;
        int r;

        r = compartment_get(&domain->compartments, key, &compartment);
        if (r < 0)
                return r;
        set = malloc(sizeof(*set));
        if (!set) {
                compartment_unref(compartment);
                return -ENOMEM;
        }
        *set = (struct ring_set) {
                .domain = domain,
                .id = message->set,
                .uid = key->uid,
                .compartment = compartment,
                .application = more->application,
                .pid = message->pid,
        };
        memcpy(set->uuid, message->uuid, sizeof(set->uuid));
        snprintf(set->name, sizeof(set->name), "%.*s", (int) sizeof(set->name) - 1, message->set_name);
        user_domain_note_id(domain, set->id);
        *ret = set;
        return 0;
}

int ring_set_restore_name(struct user_domain *domain, uid_t uid, const char *name, struct ring_set **ret) {
        struct ring_set *set = malloc(sizeof(*set));

        if (!set)
                return -ENOMEM;
        *set = (struct ring_set) { .domain = domain, .uid = uid, .released = true };
        snprintf(set->name, sizeof(set->name), "%s", name);
        *ret = set;
        return 0;
}

static struct record_rings describe(const struct ring_set *set, const struct stream *stream) {
        const struct compartment_key *key = &set->compartment->key;
        struct record_rings r = {
                .size = sizeof(r),
                .word_size = key->word_size,
                .ring = stream->ring_id,
                .application = set->application,
                .uid = key->uid,
                .label_size = sizeof(r.label),
                .user_namespace = key->user_namespace,
                .pid_namespace = key->pid_namespace,
                .alone = key->alone,
        };

        memcpy(r.label, key->label, sizeof(r.label));
        return r;
}

static struct consumer_rings rings_of(const struct ring_set *set, const struct model_channel *channel,
                                      const struct stream *stream) {
        struct consumer_rings m = {
                .header = { .type = CONSUMER_RINGS, .size = sizeof(m) },
                .set = set->id,
                .stream = stream->channel,
                .uid = set->compartment->key.uid,
                .word_size = set->compartment->key.word_size,
                .pid = set->pid,
                .contexts = channel->contexts.bits,
        };

        memcpy(m.app_contexts, channel->contexts.app, sizeof(m.app_contexts));
        memcpy(m.uuid, set->uuid, sizeof(m.uuid));
        memcpy(m.set_name, set->name, sizeof(m.set_name));
        snprintf(m.channel, sizeof(m.channel), "%s", channel->name);
        return m;
}

static int send_rings(const struct ring_set *set, struct sender *sender, const struct model_channel *channel,
                      struct stream *stream) {
        struct consumer_rings message = rings_of(set, channel, stream);
        const int fds[] = { stream->ring_fd, stream->positions_fd };
        struct record_rings record = describe(set, stream);
        const struct iovec more = { .iov_base = &record, .iov_len = sizeof(record) };

        return sender_send_with(sender, &message.header, fds, ARRAY_SIZE(fds), &more, &stream->serial);
}

static int send_ring_files(const struct ring_set *set, struct sender *sender, const struct model_channel *channel,
                           struct stream *stream) {
        struct consumer_ring_files message = {
                .rings = rings_of(set, channel, stream),
                .flags = stream_ring_flags(channel, set->application != 0),
                .n_cpus = set->domain->n_cpus,
                .n_subbufs = channel->n_subbufs,
                .subbuf_size = channel->subbuf_size,
        };
        struct record_rings record = describe(set, stream);
        const struct iovec more = { .iov_base = &record, .iov_len = sizeof(record) };
        int r;

        message.rings.header = (struct consumer_header) { .type = CONSUMER_RING_FILES, .size = sizeof(message) };
        r = sender_send_with(sender, &message.rings.header, NULL, 0, &more, &stream->serial);
        stream->asked = stream->serial;
        return r;
}

static int make_stream(struct ring_set *set, uid_t payer, struct sender *sender, const struct model_channel *channel,
                       struct stream **ret) {
        _cleanup_(stream_unrefp) struct stream *stream = NULL;
        int r;

        if (set->in_files)
                r = stream_new_in_files(set->domain, channel, payer, set->application != 0, &stream);
        else
                r = stream_new(set->domain, channel, payer, set->application != 0, &stream);
        if (r >= 0)
                r = set->in_files ? send_ring_files(set, sender, channel, stream)
                                  : send_rings(set, sender, channel, stream);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(stream);
        return 0;
}

int ring_set_stream(struct ring_set *set, uid_t payer, struct sender *sender, const struct model_channel *channel,
                    struct stream **ret) {
        struct stream *stream;
        int r;

        for (struct stream *s = set->streams; s; s = s->next)
                if (s->channel == channel->id) {
                        *ret = s;
                        return 0;
                }
        r = make_stream(set, payer, sender, channel, &stream);
        if (r < 0)
                return r;
        stream->next = set->streams;
        set->streams = *ret = stream;
        return 0;
}

/* What lies behind the events: the application's own contexts. */
static size_t contexts_of(const struct event_definitions *definitions, const char **ret, uint32_t *ret_n) {
        struct definitions_reader reader;

        if (definitions_reader_init_contexts(&reader, definitions->data, definitions->size) < 0 || reader.n_events == 0)
                return *ret_n = 0;
        *ret = reader.data + reader.offset;
        *ret_n = reader.n_events;
        return reader.size - reader.offset;
}

/* Definitions of these classes alone, for a tracingd that does not have the application's any more. */
static int collect(const struct event_definitions *definitions, const struct consumer_classes *message, uint32_t n,
                   struct iovec *ret) {
        size_t size = sizeof(struct definitions_header), offset = size, contexts_size;
        uint32_t n_contexts;
        const char *contexts = NULL;
        char *data;

        contexts_size = contexts_of(definitions, &contexts, &n_contexts);
        for (uint32_t i = 0; i < n; i++)
                size += definitions->events[message->classes[i].event].size;
        data = malloc(size + contexts_size);
        if (!data)
                return -ENOMEM;
        for (uint32_t i = 0; i < n; i++) {
                const struct event_entry *e = &definitions->events[message->classes[i].event];

                memcpy(data + offset, (const char *) definitions->data + e->offset, e->size);
                offset += e->size;
        }
        definitions_finish(data, n, size);
        if (n_contexts > 0) {
                memcpy(data + size, contexts, contexts_size);
                definitions_finish_contexts(data, n_contexts, size + contexts_size);
        }
        *ret = (struct iovec) { .iov_base = data, .iov_len = size + contexts_size };
        return 0;
}

static int send_classes(const struct ring_set *set, struct sender *sender, struct stream *stream,
                        const struct event_definitions *definitions, struct consumer_classes *message, uint32_t n) {
        struct iovec more = { 0 };
        int r;

        message->header = (struct consumer_header) {
                .type = CONSUMER_CLASSES,
                .size = (uint32_t) (sizeof(*message) + n * sizeof(message->classes[0])),
        };
        message->set = set->id;
        message->stream = stream->channel;
        message->n_classes = n;
        r = sender_keep(sender)->ledger ? collect(definitions, message, n, &more) : 0;
        if (r < 0)
                return r;
        r = sender_send_with(sender, &message->header, &definitions->fd, 1, more.iov_base ? &more : NULL,
                             &stream->serial);
        free(more.iov_base);
        return r;
}

static void forget(struct stream *stream, const struct consumer_classes *message, uint32_t n) {
        for (uint32_t i = 0; i < n; i++)
                stream->announced[message->classes[i].id / 64] &= ~(UINT64_C(1) << message->classes[i].id % 64);
}

int ring_set_announce(struct ring_set *set, struct sender *sender, struct stream *stream,
                      const struct event_definitions *definitions, const uint32_t *events, const uint32_t *ids,
                      size_t n) {
        _cleanup_free_ struct consumer_classes *message = NULL;
        uint32_t k = 0;
        int r;

        message = malloc(CONSUMER_MESSAGE_MAX);
        if (!message)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++) {
                if (!stream_has_class(stream, ids[i])) {
                        r = stream_add_class(stream, ids[i]);
                        if (r < 0) {
                                forget(stream, message, k);
                                return r;
                        }
                        message->classes[k++] = (struct consumer_class) { .event = events[i], .id = ids[i] };
                }
                if (k == CONSUMER_CLASSES_MAX || (i + 1 == n && k > 0)) {
                        r = send_classes(set, sender, stream, definitions, message, k);
                        if (r < 0) {
                                forget(stream, message, k);
                                return r;
                        }
                        k = 0;
                }
        }
        return 0;
}

void ring_set_end(struct ring_set *set, const struct keep *keep) {
        const struct record_set_name record = { .size = sizeof(record), .uid = set->uid, .key = keep->key };
        const char *name = set->name;

        forget_streams(set);
        set->released = true;
        if (!set->entry)
                (void) record_put(keep->ledger, &set->entry, RECORD_SET_NAME, &record, sizeof(record), &name, 1);
}

void ring_set_release(struct ring_set *set, struct sender *sender) {
        for (struct stream *s = set->streams; s; s = s->next) {
                struct consumer_release message = {
                        .header = { .type = CONSUMER_RELEASE, .size = sizeof(message) },
                        .set = set->id,
                        .stream = s->channel,
                };

                (void) sender_send(sender, &message.header, NULL, 0, &s->serial);
        }
        ring_set_end(set, sender_keep(sender));
}
