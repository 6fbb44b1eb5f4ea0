/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <sys/socket.h>

#include "service/unit/sender-internal.h"

/* A consumer dies and another one comes: what it must be sent again, and what need not. */

int sender_announce_resumed(struct sender *s) {
        const struct consumer_header header = {
                .type = CONSUMER_RESUMED,
                .size = sizeof(header),
                .serial = s->serial + 1,
        };
        struct message *m;
        int r;

        r = message_new(&header, NULL, 0, NULL, &m);
        if (r < 0)
                return r;
        sender_append(s, m);
        s->resumed_serial = ++s->serial;
        return 0;
}

static bool is_rings(const struct message *m) {
        return m->body->header.type == CONSUMER_RINGS || m->body->header.type == CONSUMER_RING_FILES;
}

static bool has_rings(const struct sender *s, uint64_t set) {
        struct message *m;

        TAILQ_FOREACH(m, &s->describing, entries)
                if (is_rings(m) && m->body->rings.set == set)
                        return true;
        return false;
}

/* Of rings that the new consumer will never hear of. */
static void drop_lost_releases(struct sender *s) {
        struct message *next;

        for (struct message *m = TAILQ_FIRST(&s->describing); m; m = next) {
                next = TAILQ_NEXT(m, entries);
                if (m->body->header.type == CONSUMER_RELEASE && !has_rings(s, m->body->release.set))
                        sender_drop(s, &s->describing, m);
        }
}

static int connect_locked(struct sender *s) {
        struct message *m, *first = TAILQ_FIRST(&s->describing);
        int r;

        /* The one for the last consumer that did not leave. */
        m = TAILQ_LAST(&s->describing, messages);
        while (m && m->body->header.type != CONSUMER_RESUMED)
                m = TAILQ_PREV(m, messages, entries);
        if (m)
                sender_drop(s, &s->describing, m);
        if (s->n_releases > 0)
                drop_lost_releases(s);
        if (first && first->left) {
                r = sender_announce_resumed(s);
                if (r < 0)
                        return r;
        }
        TAILQ_FOREACH(m, &s->describing, entries)
                message_set_resumed(m);
        TAILQ_FOREACH(m, &s->asking, entries)
                message_set_resumed(m);
        s->next_describing = TAILQ_FIRST(&s->describing);
        s->next_asking = TAILQ_FIRST(&s->asking);
        return 0;
}

int sender_connect(struct sender *s, int fd) {
        int r;

        pthread_mutex_lock(&s->lock);
        r = connect_locked(s);
        if (r >= 0) {
                s->fd = fd;
                s->away = false;
        }
        pthread_mutex_unlock(&s->lock);
        /* The main loop drains. */
        if (r >= 0)
                sender_poke_main_loop(s);
        return r;
}

void sender_disconnect(struct sender *s) {
        pthread_mutex_lock(&s->lock);
        s->away = true;
        closep(&s->fd);
        s->fd = -1;
        pthread_mutex_unlock(&s->lock);
}

static struct message *find(const struct messages *list, uint64_t serial) {
        struct message *m;

        TAILQ_FOREACH(m, list, entries)
                if (m->body->header.serial == serial)
                        return m;
        return NULL;
}

/* Whether each of the set's streams has been released. */
static bool is_released(const struct sender *s, uint64_t set) {
        size_t n_streams = 0, n_released = 0, n_waiting = 0;
        struct message *m;

        TAILQ_FOREACH(m, &s->describing, entries) {
                if (!message_is_of_set(m, set))
                        continue;
                n_streams += is_rings(m);
                n_released += m->body->header.type == CONSUMER_RELEASE && m->acknowledged;
                n_waiting += m->body->header.type == CONSUMER_RELEASE && !m->acknowledged;
        }
        /* Streams whose rings did not survive tracingd are released without a description. */
        return n_streams <= n_released && n_waiting == 0;
}

/*
 * A ring set that is released needs nobody's description any more. Until its
 * last stream is, a consumer's successor needs all of it: it writes the set's
 * metadata, which is one file, from its beginning.
 */
static void released(struct sender *s, struct message *release) {
        const uint64_t set = release->body->release.set;
        struct message *next;

        release->acknowledged = true;
        if (!is_released(s, set))
                return;
        for (struct message *m = TAILQ_FIRST(&s->describing); m; m = next) {
                next = TAILQ_NEXT(m, entries);
                if (message_is_of_set(m, set))
                        sender_drop(s, &s->describing, m);
        }
}

uint32_t sender_acknowledge(struct sender *s, uint64_t serial) {
        struct message *m;
        uint32_t type = 0;

        pthread_mutex_lock(&s->lock);
        if (serial == s->output_serial)
                type = CONSUMER_OUTPUT;
        else if (serial == s->session_serial)
                type = CONSUMER_SESSION;
        else if (serial == s->resumed_serial)
                type = CONSUMER_RESUMED;
        else if ((m = find(&s->asking, serial))) {
                type = m->body->header.type;
                sender_drop(s, &s->asking, m);
        } else if (s->n_releases > 0 && (m = find(&s->describing, serial)) &&
                   m->body->header.type == CONSUMER_RELEASE) {
                type = CONSUMER_RELEASE;
                released(s, m);
        }
        pthread_mutex_unlock(&s->lock);
        return type;
}

bool sender_describes(struct sender *s, uint64_t serial) {
        bool found;

        pthread_mutex_lock(&s->lock);
        found = find(&s->describing, serial);
        pthread_mutex_unlock(&s->lock);
        return found;
}

void sender_break(struct sender *s) {
        pthread_mutex_lock(&s->lock);
        s->broken = true;
        sender_drop_all(s);
        if (s->fd >= 0) {
                shutdown(s->fd, SHUT_WR);
                sender_wake_consumer(s);
        }
        pthread_mutex_unlock(&s->lock);
}

