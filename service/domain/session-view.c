/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <string.h>

#include "service/domain/session-view.h"
#include "service/domain/view-build.h"

static void session_view_free(struct session_view *v) {
        for (uint32_t i = 0; i < v->n_rings; i++) {
                stream_unref(v->rings[i].shared);
                stream_unref(v->rings[i].locked);
                recording_unref(v->rings[i].recording);
        }
        view_file_unref(v->file);
        event_definitions_unref(v->definitions);
        compartment_unref(v->compartment);
        free(v->targets);
        free(v);
}

struct session_view *session_view_ref(struct session_view *v) {
        atomic_fetch_add_explicit(&v->refs, 1, memory_order_relaxed);
        return v;
}

static void unlist(struct session_view *v) {
        for (struct session_view **p = &v->definitions->views; *p; p = &(*p)->next)
                if (*p == v) {
                        *p = v->next;
                        return;
                }
}

struct session_view *session_view_unref(struct session_view *v) {
        bool last;

        if (!v)
                return NULL;
        /* Under the lock: session_view_get() must not find one that is going. */
        pthread_mutex_lock(&v->definitions->lock);
        last = atomic_fetch_sub_explicit(&v->refs, 1, memory_order_acq_rel) == 1;
        if (last && v->listed)
                unlist(v);
        pthread_mutex_unlock(&v->definitions->lock);
        if (last)
                session_view_free(v);
        return NULL;
}

static int copy_targets(const struct session_view_request *q, struct session_view *v) {
        v->n_targets = model_view_target_words(q->model);
        if (v->n_targets == 0)
                return 0;
        v->targets = calloc(v->n_targets, sizeof(*v->targets));
        if (!v->targets)
                return -ENOMEM;
        if (q->targets)
                memcpy(v->targets, q->targets, v->n_targets * sizeof(*v->targets));
        return 0;
}

static int new_view(const struct session_view_request *q, struct session_view **ret) {
        struct session_view *v;
        int r;

        v = calloc(1, sizeof(*v));
        if (!v)
                return -ENOMEM;
        v->refs = 1;
        v->generation = q->model->generation;
        v->definitions = event_definitions_ref(q->definitions);
        v->compartment = compartment_ref(q->compartment);
        r = copy_targets(q, v);
        if (r >= 0)
                r = view_build(q, v);
        if (r < 0) {
                session_view_free(v);
                return r;
        }
        *ret = v;
        return 0;
}

/* Of one generation, so that both have the same targets. */
static bool fits(const struct session_view *v, const struct session_view_request *q) {
        return v->generation == q->model->generation && v->compartment == q->compartment &&
               (v->n_targets == 0 || memcmp(v->targets, q->targets, v->n_targets * sizeof(*v->targets)) == 0);
}

static int get_shared(const struct session_view_request *q, struct session_view **ret) {
        struct session_view *v;
        int r;

        for (v = q->definitions->views; v; v = v->next)
                if (fits(v, q)) {
                        *ret = session_view_ref(v);
                        return 0;
                }
        r = new_view(q, &v);
        if (r < 0)
                return r;
        v->listed = true;
        v->next = q->definitions->views;
        q->definitions->views = v;
        *ret = v;
        return 0;
}

int session_view_get(const struct session_view_request *q, struct session_view **ret) {
        int r;

        if (q->application)
                return new_view(q, ret);
        pthread_mutex_lock(&q->definitions->lock);
        r = get_shared(q, ret);
        pthread_mutex_unlock(&q->definitions->lock);
        return r;
}

/* The acquire pairs with stream_give_files(). */
static bool is_made(const struct stream *s) {
        return !s || atomic_load_explicit(&s->is_made, memory_order_acquire);
}

static bool is_ready(const struct session_view_ring *ring) {
        const struct sender *sender = recording_sender(ring->recording);

        if (!ring->shared->in_files)
                return sender_has_sent(sender, ring->serial);
        return is_made(ring->shared) && is_made(ring->locked) && sender_has_done(sender, ring->serial);
}

bool session_view_is_ready(const struct session_view *v) {
        for (uint32_t i = 0; i < v->n_rings; i++)
                if (!is_ready(&v->rings[i]))
                        return false;
        return true;
}

static size_t list_stream(const struct stream *s, int *ret) {
        if (!s)
                return 0;
        ret[0] = s->ring_fd;
        ret[1] = s->positions_readonly_fd;
        return 2;
}

void session_view_list_fds(const struct session_view *v, int ret[SESSION_VIEW_FDS_MAX]) {
        size_t n = 0;

        ret[n++] = v->file->fd;
        for (uint32_t i = 0; i < v->n_rings; i++) {
                n += list_stream(v->rings[i].shared, ret + n);
                n += list_stream(v->rings[i].locked, ret + n);
        }
}

bool session_view_is_same(const struct session_view *a, const struct session_view *b) {
        return a == b || (a->definitions == b->definitions && a->file->size == b->file->size &&
                          memcmp(a->file->data + sizeof(struct view_header), b->file->data + sizeof(struct view_header),
                                 a->file->size - sizeof(struct view_header)) == 0);
}
