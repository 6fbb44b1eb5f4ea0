/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <stdlib.h>

#include "service/domain/user.h"
#include "service/registry/internal.h"
#include "service/registry/now.h"

struct stray {
        struct stray *next;
        struct peer peer;
        int pidfd;          /* -1 where the kernel gives none */
        uint64_t id;        /* of the application that it was */
        uint64_t applied;   /* generation */
        uint64_t until;     /* CLOCK_MONOTONIC, µs */
        struct charge charge;
        bool locked;        /* it has rings of its own */
};

void strays_init(struct strays *s) {
        pthread_mutex_init(&s->lock, NULL);
}

/* They are gone by then. */
void strays_done(struct strays *s) {
        pthread_mutex_destroy(&s->lock);
}

/* It may have rings: of the view that it was sent, of one before that, or of an earlier tracingd. */
static bool may_record(const struct application *a) {
        return a->view ? a->view->n_rings > 0 || !a->acknowledged : a->resumed;
}

static bool is_there(const struct stray *s, uint64_t now) {
        return now < s->until && peer_is_alive(s->pidfd, &s->peer);
}

static void put(struct registry *r, struct strays *list, struct stray *s) {
        pthread_mutex_lock(&list->lock);
        s->next = list->first;
        list->first = s;
        pthread_mutex_unlock(&list->lock);
        atomic_fetch_add(&list->n, 1);
        atomic_fetch_add(&r->n_strays, 1);
}

bool strays_add(struct application *a) {
        struct registry *r = a->registry;
        struct stray *s;

        /* Without an identity it cannot be known again. */
        if (!may_record(a) || a->peer.process == 0)
                return false;
        s = malloc(sizeof(*s));
        if (!s)
                return false;
        *s = (struct stray) {
                .peer = a->peer,
                .pidfd = -1,
                .id = a->id,
                .applied = atomic_load(&a->applied),
                .until = now_usec() + (r->config.stray_usec ? r->config.stray_usec : STRAY_USEC),
                .locked = a->locked,
        };
        if (peer_identify(a->fd, &s->peer, &s->pidfd) < 0) {
                free(s);
                return false;
        }
        s->charge = a->charge;
        a->charge = (struct charge) { 0 };
        put(r, &a->account->strays, s);
        return true;
}

static void drop(struct registry *r, struct account *account, struct stray *s) {
        atomic_fetch_sub(&account->strays.n, 1);
        /* Who waits counts again. */
        atomic_fetch_add(&account->n_steps, 1);
        registry_note(r);
        if (s->locked)
                user_domain_release(r->config.domain, s->id);
        registry_leave(r, &s->charge);
        atomic_fetch_sub(&r->n_strays, 1);
        closep(&s->pidfd);
        free(s);
}

/* Takes out those that match, as a list that nobody else knows of. */
static struct stray *take_out(struct strays *list, bool (*matches)(const struct stray *s, const void *key),
                              const void *key) {
        struct stray **p = &list->first, *taken = NULL;

        pthread_mutex_lock(&list->lock);
        while (*p) {
                struct stray *s = *p;

                if (!matches(s, key)) {
                        p = &s->next;
                        continue;
                }
                *p = s->next;
                s->next = taken;
                taken = s;
        }
        pthread_mutex_unlock(&list->lock);
        return taken;
}

static void drop_list(struct registry *r, struct account *account, struct stray *s) {
        while (s) {
                struct stray *next = s->next;

                drop(r, account, s);
                s = next;
        }
}

static bool is_process(const struct stray *s, const void *key) {
        const struct peer *peer = key;

        return s->peer.process == peer->process && s->peer.pid == peer->pid;
}

void strays_remove(struct application *a) {
        struct strays *list = &a->account->strays;

        if (atomic_load(&list->n) > 0)
                drop_list(a->registry, a->account, take_out(list, is_process, &a->peer));
}

uint32_t strays_count(struct account *account, uint64_t generation) {
        struct strays *list = &account->strays;
        uint64_t now;
        uint32_t n = 0;

        if (atomic_load(&list->n) == 0)
                return 0;
        now = now_usec();
        pthread_mutex_lock(&list->lock);
        for (const struct stray *s = list->first; s; s = s->next)
                n += s->applied < generation && is_there(s, now);
        pthread_mutex_unlock(&list->lock);
        return n;
}

/* now: UINT64_MAX for all of them. */
static bool is_over(const struct stray *s, const void *now) {
        return !is_there(s, *(const uint64_t *) now);
}

void strays_sift(struct registry *r, struct account *account, bool all) {
        uint64_t now = all ? UINT64_MAX : now_usec();

        if (atomic_load(&account->strays.n) > 0)
                drop_list(r, account, take_out(&account->strays, is_over, &now));
}
