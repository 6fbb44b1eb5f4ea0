/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include "service/domain/ring-set.h"

static void forget_streams(struct ring_set *set) {
        while (set->streams) {
                struct stream *s = set->streams;

                set->streams = s->next;
                stream_unref(s);
        }
}

void ring_set_free(struct ring_set *set) {
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
                        if (other->compartment->key.uid == set->compartment->key.uid &&
                            strcmp(other->name, set->name) == 0)
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
                .id = atomic_fetch_add(&domain->last_id, 1) + 1,
                .compartment = compartment_ref(compartment),
                .application = application,
                .pid = application ? pid : 0,
        };
        memcpy(set->uuid, uuid, sizeof(set->uuid));
        choose_name(set, others);
        *ret = set;
        return 0;
}

static int send_rings(const struct ring_set *set, struct sender *sender, const struct model_channel *channel,
                      struct stream *stream) {
        struct consumer_rings message = {
                .header = { .type = CONSUMER_RINGS, .size = sizeof(message) },
                .set = set->id,
                .stream = stream->channel,
                .uid = set->compartment->key.uid,
                .word_size = set->compartment->key.word_size,
                .pid = set->pid,
                .contexts = channel->contexts.bits,
        };
        const int fds[] = { stream->ring_fd, stream->positions_fd };

        memcpy(message.app_contexts, channel->contexts.app, sizeof(message.app_contexts));
        memcpy(message.uuid, set->uuid, sizeof(message.uuid));
        memcpy(message.set_name, set->name, sizeof(message.set_name));
        snprintf(message.channel, sizeof(message.channel), "%s", channel->name);
        return sender_send(sender, &message.header, fds, ARRAY_SIZE(fds), &stream->serial);
}

int ring_set_stream(struct ring_set *set, uid_t payer, struct sender *sender, const struct model_channel *channel,
                    struct stream **ret) {
        _cleanup_(stream_unrefp) struct stream *stream = NULL;
        int r;

        for (struct stream *s = set->streams; s; s = s->next)
                if (s->channel == channel->id) {
                        *ret = s;
                        return 0;
                }
        r = stream_new(set->domain, channel, payer, set->application != 0, &stream);
        if (r < 0)
                return r;
        r = send_rings(set, sender, channel, stream);
        if (r < 0)
                return r;
        stream->next = set->streams;
        set->streams = stream;
        *ret = TAKE_PTR(stream);
        return 0;
}

static int send_classes(const struct ring_set *set, struct sender *sender, struct stream *stream,
                        const struct event_definitions *definitions, struct consumer_classes *message, uint32_t n) {
        message->header = (struct consumer_header) {
                .type = CONSUMER_CLASSES,
                .size = (uint32_t) (sizeof(*message) + n * sizeof(message->classes[0])),
        };
        message->set = set->id;
        message->stream = stream->channel;
        message->n_classes = n;
        return sender_send(sender, &message->header, &definitions->fd, 1, &stream->serial);
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

void ring_set_release(struct ring_set *set, struct sender *sender) {
        for (struct stream *s = set->streams; s; s = s->next) {
                struct consumer_release message = {
                        .header = { .type = CONSUMER_RELEASE, .size = sizeof(message) },
                        .set = set->id,
                        .stream = s->channel,
                };

                (void) sender_send(sender, &message.header, NULL, 0, &s->serial);
        }
        forget_streams(set);
        set->released = true;
}
