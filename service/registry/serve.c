/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <sched.h>
#include <string.h>
#include <sys/socket.h>

#include "common/datagram.h"
#include "service/registry/identity.h"
#include "service/registry/internal.h"

#define REGISTER_KEYS (HANDSHAKE_REGISTER | HANDSHAKE_ABI | HANDSHAKE_NAME | HANDSHAKE_EVENTS)
#define SERVER_KEYS (HANDSHAKE_NEED | HANDSHAKE_READY | HANDSHAKE_CONFIG)

static int need_events(struct application *a, uint64_t hash) {
        const struct handshake need = { .keys = HANDSHAKE_NEED };

        a->needed = hash;
        a->asked = true;
        return application_send(a, &need, NULL, 0);
}

static void set_definitions(struct application *a, struct event_definitions *d) {
        struct event_definitions *old;

        pthread_mutex_lock(&a->lock);
        old = a->definitions;
        a->definitions = d;
        pthread_mutex_unlock(&a->lock);
        event_definitions_unref(old);
        a->asked = false;
        a->locked |= a->wants_locked;
        /* Every EVENTS is answered, also where nothing changes by it. */
        a->resend = true;
}

static int take_definitions(struct application *a, struct event_definitions *d) {
        int r;

        if (a->state == APPLICATION_REGISTERED) {
                set_definitions(a, d);
                return 0;
        }
        r = application_identify(a);
        if (r < 0) {
                event_definitions_unref(d);
                return r;
        }
        set_definitions(a, d);
        registry_resume(a, a->wants_id);
        registry_register(a);
        return 0;
}

/* EVENTS with or without the definitions themselves. */
static int on_events(struct application *a, const struct handshake *h, const int *fds, size_t n_fds) {
        _cleanup_(event_definitions_unrefp) struct event_definitions *sent = NULL;
        struct event_definitions *d;
        int r;

        if (h->keys & HANDSHAKE_FORM_LOCKED)
                a->wants_locked = true;
        d = definitions_store_find(&a->account->definitions, h->events);
        if (d)
                return take_definitions(a, d);
        if (n_fds == 0)
                /* It may say so twice before it has seen the question. */
                return a->asked && a->needed == h->events ? 0 : need_events(a, h->events);
        r = event_definitions_new(fds[0], h->events, &sent);
        if (r < 0)
                return r;
        r = definitions_store_add(&a->account->definitions, sent, &d);
        if (r < 0)
                return r;
        return take_definitions(a, d);
}

static int on_register(struct application *a, const struct handshake *h) {
        if ((h->keys & REGISTER_KEYS) != REGISTER_KEYS || a->state != APPLICATION_NEW)
                return -EBADMSG;
        if (h->abi_major != HANDSHAKE_ABI_MAJOR)
                return -EPROTONOSUPPORT;
        if (h->keys & HANDSHAKE_WORD && h->word != 32 && h->word != 64)
                return -EBADMSG;
        pthread_mutex_lock(&a->lock);
        memcpy(a->name, h->name, sizeof(a->name));
        a->abi_major = h->abi_major;
        a->abi_minor = h->abi_minor;
        a->word_size = h->keys & HANDSHAKE_WORD ? (unsigned) h->word : 64;
        pthread_mutex_unlock(&a->lock);
        if (h->keys & HANDSHAKE_EXECUTABLE)
                a->executable = strdup(h->executable);
        if (h->keys & HANDSHAKE_RESUME)
                a->wants_id = h->resume;
        if (h->keys & HANDSHAKE_RESUME && h->keys & HANDSHAKE_VIEW) {
                a->kept_view = h->view;
                a->keeps_view = true;
        }
        a->state = APPLICATION_NEEDS;
        return on_events(a, h, NULL, 0);
}

static int on_message(struct application *a, const struct handshake *h, const int *fds, size_t n_fds) {
        bool is_events = h->keys & HANDSHAKE_EVENTS && !(h->keys & HANDSHAKE_REGISTER);

        if (h->keys & SERVER_KEYS || n_fds > (is_events ? 1 : 0))
                return -EBADMSG;
        if (h->keys & HANDSHAKE_REGISTER)
                return on_register(a, h);
        if (a->state == APPLICATION_NEW)
                return -EBADMSG;
        if (is_events)
                return on_events(a, h, fds, n_fds);
        if (a->state != APPLICATION_REGISTERED)
                return -EBADMSG;
        if (h->keys & HANDSHAKE_APPLIED)
                return application_applied(a, h->applied);
        if (h->keys & HANDSHAKE_ERRNO)
                /* Refused: it does not record, and nobody waits for it any longer. Earlier libraries do not say what. */
                return application_applied(a, h->keys & HANDSHAKE_GENERATION ? h->generation : a->sent);
        if (h->keys & HANDSHAKE_GET)
                a->resend = true;
        /* A message of keys that are not known here is a later minor version's. */
        return 0;
}

/*
 * It has connected, and is about to say something. Who it is can be found out meanwhile; and on one processor, where its
 * connecting has woken us before it could say anything, it goes on then.
 */
static int await_first(struct application *a) {
        int r = application_look(a);

        if (r >= 0)
                sched_yield();
        return r;
}

static int read_message(struct application *a) {
        char buffer[HANDSHAKE_SIZE_MAX];
        int fds[DATAGRAM_FDS_MAX];
        struct handshake h;
        size_t n_fds;
        int r;

        r = datagram_recv(a->fd, buffer, sizeof(buffer), fds, &n_fds, MSG_DONTWAIT);
        if (r == -EAGAIN && a->state == APPLICATION_NEW && !a->watched) {
                r = await_first(a);
                if (r >= 0)
                        r = datagram_recv(a->fd, buffer, sizeof(buffer), fds, &n_fds, MSG_DONTWAIT);
        }
        if (r == -EAGAIN)
                return 0;
        if (r < 0)
                return r;
        if (r == 0)
                return -ECONNRESET;
        r = handshake_parse(buffer, (size_t) r, &h);
        if (r >= 0)
                r = on_message(a, &h, fds, n_fds);
        datagram_close_fds(fds, n_fds);
        return r < 0 ? r : 0;
}

/* One message, which is mostly all that there is: if not, the next is an event of its own, after those of others. */
int application_read(struct application *a) {
        int r = read_message(a);

        /* One that connects and says nothing has one descriptor here, as all. */
        closep(&a->pidfd);
        a->pidfd = -1;
        return r;
}
