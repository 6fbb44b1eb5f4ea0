/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "common/datagram.h"
#include "service/log.h"
#include "service/registry/identity.h"
#include "service/registry/internal.h"

/* Never waits: -EAGAIN when the socket is full. */
int application_send(struct application *a, const struct handshake *h, const int *fds, size_t n_fds) {
        char buffer[HANDSHAKE_SIZE_MAX];
        size_t size = handshake_format(h, buffer, sizeof(buffer));

        return datagram_send(a->fd, buffer, size, fds, n_fds, MSG_DONTWAIT);
}

static void set_applied(struct application *a, uint64_t generation) {
        atomic_store_explicit(&a->applied, generation, memory_order_release);
        atomic_fetch_add(&a->account->n_steps, 1);
        registry_note(a->registry);
}

int application_applied(struct application *a, uint64_t generation) {
        if (generation > a->sent)
                return -EBADMSG;
        if (generation == a->sent && !a->acknowledged) {
                a->acknowledged = true;
                registry_release_lost(a);
                registry_serve(a);
                set_applied(a, a->valid);
        }
        return 0;
}

/* The view that it was sent is right for a newer generation, too. */
static void still_valid(struct application *a, uint64_t generation) {
        a->valid = generation;
        if (a->acknowledged)
                set_applied(a, generation);
}

/* Who it is, as it cannot know itself. */
static void introduce(const struct application *a, struct handshake *h) {
        h->keys |= HANDSHAKE_READY | HANDSHAKE_APPLICATION | HANDSHAKE_PID | HANDSHAKE_UID | HANDSHAKE_GID;
        h->application = a->id;
        h->pid = (uint64_t) a->peer.pid;
        h->uid = a->peer.uid;
        h->gid = a->peer.gid;
        if (compartment_shares_pids(a->compartment))
                h->keys |= HANDSHAKE_NAMESPACE_SAME;
        if (a->group) {
                h->keys |= HANDSHAKE_CGROUP;
                handshake_set_cgroup(h, a->group->path);
        }
}

/* It has it from an earlier tracingd. To send twenty descriptors costs more than all else of a message. */
static bool has_kept(const struct application *a, const struct session_view *view) {
        return a->resumed && !a->ready_sent && a->keeps_view && a->kept_view == view->hash;
}

static bool has_ring(const struct session_view *view, const struct session_view_ring *ring) {
        for (uint32_t i = 0; i < view->n_rings; i++)
                if (view->rings[i].shared == ring->shared && view->rings[i].locked == ring->locked)
                        return true;
        return false;
}

/*
 * It has acknowledged a view with all rings of this one. To send a view's descriptors, receive, read and close them is a
 * quarter of what a change takes of both processes. One that has refused it asks for them.
 */
static bool has_rings(const struct application *a, const struct session_view *view) {
        if (a->abi_minor < HANDSHAKE_MINOR_INLINE || !a->ready_sent || !a->acknowledged)
                return false;
        for (uint32_t i = 0; i < view->n_rings; i++)
                if (!has_ring(a->view, &view->rings[i]))
                        return false;
        return true;
}

/* How a view is sent. */
enum form {
        FORM_DESCRIPTORS,
        FORM_HASH,   /* it has it */
        FORM_INLINE, /* in the message */
};

static enum form find_form(const struct application *a, const struct session_view *view) {
        if (has_kept(a, view))
                return FORM_HASH;
        return view->file->size <= HANDSHAKE_INLINE_MAX && has_rings(a, view) ? FORM_INLINE : FORM_DESCRIPTORS;
}

static int send_inline(struct application *a, const struct handshake *h, const struct session_view *view) {
        char buffer[HANDSHAKE_SIZE_MAX];
        size_t size = handshake_format(h, buffer, sizeof(buffer));

        size = handshake_append_view(buffer, sizeof(buffer), size, view->file->data, view->file->size);
        return size > 0 ? datagram_send(a->fd, buffer, size, NULL, 0, MSG_DONTWAIT) : -EMSGSIZE;
}

static int send_view(struct application *a, const struct session_view *view, enum form form) {
        struct handshake h = { .keys = HANDSHAKE_GENERATION, .generation = view->generation };
        int fds[SESSION_VIEW_FDS_MAX];

        if (a->ready_sent)
                h.keys |= HANDSHAKE_CONFIG;
        else
                introduce(a, &h);
        if (form == FORM_INLINE)
                return send_inline(a, &h, view);
        if (form == FORM_HASH) {
                h.keys |= HANDSHAKE_VIEW;
                h.view = a->kept_view;
                return application_send(a, &h, NULL, 0);
        }
        session_view_list_fds(view, fds);
        return application_send(a, &h, fds, view->n_fds);
}

/* 1, or 0: it stays pending until its socket has room, or others of its user have read what they were sent. */
static int try_send_view(struct application *a, const struct session_view *view) {
        enum form form = find_form(a, view);
        size_t n_fds = form == FORM_DESCRIPTORS ? view->n_fds : 0;
        int r;

        if (!window_charge(a, n_fds)) {
                window_starve(a);
                return 0;
        }
        r = send_view(a, view, form);
        if (r >= 0)
                return 1;
        window_uncharge(a, n_fds);
        a->blocked = r == -EAGAIN;
        /* Others of tracingd's own user have as many in flight. */
        if (r == -ETOOMANYREFS)
                window_starve(a);
        return a->blocked || r == -ETOOMANYREFS ? 0 : r;
}

static void sent(struct application *a, struct session_view *view, uint64_t generation) {
        struct session_view *old;

        pthread_mutex_lock(&a->lock);
        old = a->view;
        a->view = view;
        pthread_mutex_unlock(&a->lock);
        session_view_unref(old);
        a->view_locked = a->locked;
        a->ready_sent = true;
        a->resend = false;
        a->acknowledged = false;
        a->sent = a->valid = generation;
}

static int push(struct application *a, const struct model_view *model) {
        _cleanup_free_ uint64_t *targets = calloc(model_view_target_words(model) + 1, sizeof(*targets));
        const struct session_view_request request = {
                .model = model,
                .compartment = a->compartment,
                .definitions = a->definitions,
                .targets = targets,
                .application = a->locked ? a->id : 0,
                .pid = a->peer.pid,
        };
        _cleanup_(session_view_unrefp) struct session_view *view = NULL;
        int r = -ENOMEM;

        if (targets) {
                application_find_targets(a, model, targets);
                r = session_view_get(&request, &view);
        }
        if (r < 0) {
                /* It stays as it is, pending, until the next change. */
                log_debug("no view for application %llu: %s", (unsigned long long) a->id, strerror(-r));
                return 0;
        }
        if (a->view && !a->resend && session_view_is_same(a->view, view)) {
                still_valid(a, model->generation);
                return 0;
        }
        /* The main loop comes back when the consumers have been told of every class. */
        if (!session_view_is_ready(view))
                return 0;
        r = try_send_view(a, view);
        if (r > 0)
                sent(a, TAKE_PTR(view), model->generation);
        return r < 0 ? r : 0;
}

/* It was sent a view that it has not acknowledged. */
static bool is_asked(const struct application *a) {
        return a->ready_sent && !a->acknowledged;
}

static int push_newest(struct application *a) {
        _cleanup_(model_view_unrefp) struct model_view *model = model_view_get(a->registry->config.model);

        if (a->ready_sent && a->valid >= model->generation && a->view->definitions == a->definitions &&
            !a->resend && a->view_locked == a->locked)
                return 0;
        /* One at a time: when it acknowledges that, it gets what is the newest then. */
        if (is_asked(a) && !a->resend)
                return 0;
        /* One that waits, because it starts or has loaded an object, does not wait for others. */
        if (!window_enter(a, !a->ready_sent || a->resend))
                return 0;
        return push(a, model);
}

int application_push(struct application *a) {
        int r;

        a->blocked = false;
        r = push_newest(a);
        if (!is_asked(a))
                window_leave(a);
        return r;
}
