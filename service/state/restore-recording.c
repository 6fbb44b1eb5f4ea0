/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <string.h>

#include "common/fd.h"
#include "protocol/definitions.h"
#include "service/log.h"
#include "service/model/session-kernel.h"
#include "service/state/restore.h"

/* The rings of the store, of a message RINGS; -1 both where one of them is gone. */
static struct stream_remains claim_rings(struct fd_store *store, const struct remains_message *m) {
        struct stream_remains r = { .ring_id = ((const struct record_rings *) m->more)->ring };

        r.ring_fd = fd_store_claim(store, &m->record.files[0], &r.ring_stored);
        r.positions_fd = fd_store_claim(store, &m->record.files[1], &r.positions_stored);
        if (r.ring_fd < 0 || r.positions_fd < 0) {
                fd_store_remove(store, &r.ring_stored);
                fd_store_remove(store, &r.positions_stored);
                closep(&r.ring_fd);
                closep(&r.positions_fd);
                r.ring_fd = r.positions_fd = -1;
        }
        return r;
}

static struct iovec more_of(const struct remains_message *m) {
        return (struct iovec) { .iov_base = (void *) m->more, .iov_len = m->record.more_size };
}

static int restore_rings(struct session *s, struct fd_store *store, const struct remains_message *m) {
        const struct consumer_rings *message = (const struct consumer_rings *) m->body;
        const struct stream_remains remains = claim_rings(store, m);
        const int fds[] = { remains.ring_fd, remains.positions_fd };
        const struct iovec more = more_of(m);
        bool lost;
        int r;

        /* Copies of the descriptors come first: they are the stream's afterwards, whatever becomes of it. */
        r = remains.ring_fd < 0 ? 0 : sender_restore_message(recording_sender(s->recording), m->body, fds, 2, &more);
        if (r < 0) {
                closep((int *) &remains.ring_fd);
                closep((int *) &remains.positions_fd);
                return r;
        }
        return recording_restore_rings(s->recording, message, m->more, &remains, &lost);
}

/* The consumer is asked for the files again. */
static int restore_ring_files(struct session *s, const struct remains_message *m) {
        const struct iovec more = more_of(m);
        int r;

        r = sender_restore_message(recording_sender(s->recording), m->body, NULL, 0, &more);
        return r < 0 ? r : recording_restore_ring_files(s->recording, (const struct consumer_ring_files *) m->body,
                                                        m->more);
}

static const struct channel *find_channel(const struct session *s, uint32_t id) {
        const struct channel *c = s->channels;

        while (c && c->config.id != id)
                c = c->next;
        return c;
}

/* The definitions are a file of their own now, where class i is entry i. */
static int restore_classes(struct session *s, const struct remains_message *m) {
        _cleanup_free_ struct consumer_classes *message = malloc(m->body->size);
        const struct iovec more = more_of(m);
        const struct channel *channel;
        _cleanup_close_ int fd = -1;
        int r;

        if (!message)
                return -ENOMEM;
        channel = find_channel(s, ((const struct consumer_classes *) m->body)->stream);
        if (!channel)
                return -EBADMSG;
        memcpy(message, m->body, m->body->size);
        for (uint32_t i = 0; i < message->n_classes; i++)
                message->classes[i].event = i;
        r = recording_restore_classes(s->recording, message, &channel->config.contexts, m->more, m->record.more_size);
        if (r < 0 || recording_is_lost(s->recording, message->set))
                return r;
        r = memfd_new_constant("tracectl-definitions", m->more, m->record.more_size, &fd);
        if (r < 0)
                return r;
        return sender_restore_message(recording_sender(s->recording), &message->header, &fd, 1, &more);
}

static int restore_release(struct session *s, const struct remains_message *m) {
        const struct consumer_release *message = (const struct consumer_release *) m->body;
        int r;

        r = sender_restore_message(recording_sender(s->recording), m->body, NULL, 0, NULL);
        return r < 0 ? r : recording_restore_release(s->recording, message);
}

/* What is not in the store any more the consumer's successor does without. */
static int restore_kernel(struct session *s, struct fd_store *store, const struct remains_message *m) {
        int fds[RECORD_MESSAGE_FILES] = { -1, -1 }, r;
        uint64_t stored;
        bool lost = false;

        r = session_kernel_remake(s);
        for (uint32_t i = 0; i < m->record.n_files && r >= 0; i++) {
                fds[i] = fd_store_claim(store, &m->record.files[i], &stored);
                lost |= fds[i] < 0;
                if (fds[i] >= 0)
                        r = kernel_recording_note_stored(s->kernel, stored);
        }
        if (r >= 0 && !lost)
                r = sender_restore_message(recording_sender(s->recording), m->body, fds, m->record.n_files, NULL);
        closep(&fds[0]);
        closep(&fds[1]);
        return r == -EOPNOTSUPP ? 0 : r;
}

static int restore_message(struct session *s, struct fd_store *store, const struct remains_message *m) {
        struct sender *sender = recording_sender(s->recording);
        int fd;

        switch (m->body->type) {
        case CONSUMER_OUTPUT:
                return sender_restore_message(sender, m->body, &s->output.fd, s->output.fd >= 0, NULL);
        case CONSUMER_SESSION:
                fd = sender_status_fd(sender);
                return sender_restore_message(sender, m->body, &fd, 1, NULL);
        case CONSUMER_RINGS:
                return restore_rings(s, store, m);
        case CONSUMER_RING_FILES:
                return restore_ring_files(s, m);
        case CONSUMER_CLASSES:
                return restore_classes(s, m);
        case CONSUMER_RELEASE:
                return restore_release(s, m);
        case CONSUMER_KERNEL:
        case CONSUMER_KERNEL_CPUS:
        case CONSUMER_KERNEL_EVENTS:
        case CONSUMER_KERNEL_STATE:
                return restore_kernel(s, store, m);
        default:
                return sender_restore_message(sender, m->body, NULL, 0, NULL);
        }
}

static int restore_messages(struct session *s, struct fd_store *store, const struct remains_session *remains) {
        int r = 0;

        for (size_t i = 0; i < remains->n_messages && r >= 0; i++)
                r = restore_message(s, store, &remains->messages[i]);
        for (size_t i = 0; i < remains->n_names && r >= 0; i++)
                r = recording_restore_name(s->recording, remains->names[i].record.uid, remains->names[i].name);
        return r;
}

static int restore_consumer(struct session *s, struct fd_store *store, const struct remains_session *remains) {
        const struct consumer_handlers handlers = session_consumer_handlers(s);
        const struct consumer_spec spec = session_consumer_spec(s);
        struct consumer_remains r = {
                .unit = remains->unit,
                .restarts = remains->consumer.restarts,
                .connection_fd = -1,
                .failed = s->state == SESSION_FAILED,
        };
        int k;

        r.status_fd = fd_store_claim(store, &remains->consumer.status, &r.status_stored);
        if (r.status_fd < 0)
                return r.status_fd;
        /* What nobody claims is let go of: the consumer writes what there is, and ends. */
        if (!remains->refused)
                r.connection_fd = fd_store_claim(store, &remains->consumer.connection, &r.connection_stored);
        if (r.connection_fd < 0)
                r.connection_fd = -1;
        k = consumer_restore(s->manager->event, &s->manager->starter, &spec, &r, &handlers, &s->consumer);
        if (k < 0) {
                closep(&r.connection_fd);
                fd_store_remove(store, &r.connection_stored);
        }
        return k;
}

int restore_recording(struct session *s, struct fd_store *store, const struct remains_session *remains) {
        int r;

        r = restore_consumer(s, store, remains);
        if (r < 0)
                return r;
        r = recording_new(s->manager->domain, s->owner, s->name, s->output.has_rings,
                          consumer_sender(s->consumer), &s->recording);
        /* Of one that is refused the counters go on, until its consumer has ended. */
        if (r >= 0 && !remains->refused)
                r = restore_messages(s, store, remains);
        if (r < 0) {
                s->recording = recording_unref(s->recording);
                consumer_detach(TAKE_PTR(s->consumer));
        }
        return r;
}
