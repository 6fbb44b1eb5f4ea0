/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <string.h>

#include "common/fd.h"
#include "service/unit/sender-internal.h"

/* tracingd goes and another one comes: what a sender leaves, and how it is made from that. */

int sender_put(struct sender *s, struct message *m, const struct iovec *more) {
        static const char padding[8];
        struct record_message record = {
                .size = sizeof(record),
                .key = s->keep.key,
                .n_files = (uint32_t) m->n_files,
                .body_size = m->body->header.size,
                .more_size = more ? (uint32_t) more->iov_len : 0,
        };
        const struct iovec parts[] = {
                { .iov_base = &record, .iov_len = sizeof(record) },
                { .iov_base = m->body, .iov_len = record.body_size },
                { .iov_base = (void *) padding, .iov_len = -record.body_size % 8 },
                { .iov_base = more ? more->iov_base : NULL, .iov_len = record.more_size },
        };

        /* That one is for this connection, and the other for a client of this tracingd. */
        if (m->body->header.type == CONSUMER_RESUMED || m->body->header.type == CONSUMER_STREAM)
                return 0;
        for (size_t i = 0; i < m->n_files && s->keep.ledger; i++)
                record.files[i] = fd_identity_of(m->files[i]->fd);
        return ledger_put(s->keep.ledger, &m->entry, RECORD_MESSAGE, parts, ARRAY_SIZE(parts));
}

int sender_restore(const struct keep *keep, int status_fd, uint64_t stored, struct sender **ret) {
        _cleanup_(sender_unrefp) struct sender *s = NULL;
        _cleanup_close_ int fd = status_fd;
        uint64_t size;
        int r;

        r = memfd_check_shared(fd, &size);
        if (r >= 0 && size < CONSUMER_STATUS_SIZE_MIN)
                r = -EBADMSG;
        if (r < 0)
                return r;
        r = sender_make(keep, true, &s);
        if (r < 0)
                return r;
        s->status_fd = TAKE_FD(fd);
        r = sender_map_status(s);
        if (r < 0)
                return r;
        s->status_stored = stored;
        /* Above all of the earlier ones, of which those that were answered are not known any more. */
        s->serial = keep->life << 32;
        *ret = TAKE_PTR(s);
        return 0;
}

static void note_serial(struct sender *s, const struct consumer_header *header) {
        if (header->serial > s->serial)
                s->serial = header->serial;
        if (header->type == CONSUMER_OUTPUT)
                s->output_serial = header->serial;
        else if (header->type == CONSUMER_SESSION)
                s->session_serial = header->serial;
}

int sender_restore_message(struct sender *s, const struct consumer_header *header, const int *fds, size_t n_fds,
                           const struct iovec *more) {
        struct message *m;
        int r;

        r = message_new(header, fds, n_fds, &s->definitions, &m);
        if (r < 0)
                return r;
        r = sender_put(s, m, more);
        if (r < 0) {
                message_free(m);
                return r;
        }
        pthread_mutex_lock(&s->lock);
        sender_append(s, m);
        /* Perhaps it has. */
        m->left = true;
        s->n_waiting--;
        s->n_waiting_bytes -= header->size;
        note_serial(s, header);
        sender_note_told(s, header);
        pthread_mutex_unlock(&s->lock);
        return 0;
}

/* Behind OUTPUT and SESSION, which this consumer has answered. */
static struct message *first_in_doubt(struct sender *s) {
        struct message *m;

        TAILQ_FOREACH(m, &s->describing, entries)
                if (m->body->header.type != CONSUMER_OUTPUT && m->body->header.type != CONSUMER_SESSION)
                        return m;
        return NULL;
}

int sender_attach(struct sender *s, int fd) {
        struct message *m;
        int r;

        pthread_mutex_lock(&s->lock);
        s->next_describing = NULL;
        /* The last tracingd may have gone before it could tell a consumer that it knows everything. */
        r = sender_announce_resumed(s);
        if (r >= 0) {
                s->next_describing = first_in_doubt(s);
                s->next_asking = TAILQ_FIRST(&s->asking);
                TAILQ_FOREACH(m, &s->asking, entries)
                        message_set_resumed(m);
                s->fd = fd;
                s->away = false;
        }
        pthread_mutex_unlock(&s->lock);
        if (r >= 0)
                sender_poke_main_loop(s);
        return r;
}

void sender_walk_asked(struct sender *s, void (*each)(uint64_t serial, uint32_t type, void *userdata), void *userdata) {
        struct message *m;

        pthread_mutex_lock(&s->lock);
        TAILQ_FOREACH(m, &s->asking, entries)
                each(m->body->header.serial, m->body->header.type, userdata);
        pthread_mutex_unlock(&s->lock);
}
