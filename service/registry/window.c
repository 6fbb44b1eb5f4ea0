/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/timerfd.h>

#include "service/registry/internal.h"
#include "service/registry/now.h"

/* Who leaves lets in two, so that a queue that has come to a standstill soon fills the window again. */
#define ENTER_MAX 2

/* So many are looked at when descriptors are needed. */
#define LOOK_MAX 8

/* Other processes of tracingd's user have descriptors in flight, too: half of what the kernel allows. */
#define FDS_SHARE 2

int windows_init(struct windows *w) {
        struct rlimit limit;

        w->fds_max = getrlimit(RLIMIT_NOFILE, &limit) < 0 ? 512 : limit.rlim_cur / FDS_SHARE;
        w->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
        return w->timer_fd < 0 ? -errno : 0;
}

void windows_done(struct windows *w) {
        closep(&w->timer_fd);
        w->timer_fd = -1;
}

void window_init(struct window *w) {
        *w = (struct window) { 0 };
        pthread_mutex_init(&w->lock, NULL);
}

void window_done(struct window *w) {
        pthread_mutex_destroy(&w->lock);
}

static void arm(struct windows *w) {
        const struct itimerspec t = { .it_value = { .tv_nsec = WINDOW_PLACE_USEC * 1000 } };

        if (!atomic_exchange(&w->armed, true))
                (void) timerfd_settime(w->timer_fd, 0, &t, NULL);
}

static void append(struct window_list *l, struct application *a) {
        a->window_previous = l->last;
        a->window_next = NULL;
        if (l->last)
                l->last->window_next = a;
        else
                l->first = a;
        l->last = a;
}

static void take_out(struct window_list *l, struct application *a) {
        if (a->window_previous)
                a->window_previous->window_next = a->window_next;
        else
                l->first = a->window_next;
        if (a->window_next)
                a->window_next->window_previous = a->window_previous;
        else
                l->last = a->window_previous;
}

static void give_place(struct window *w, struct application *a) {
        a->place = WINDOW_OPEN;
        a->placed_usec = now_usec();
        append(&w->open, a);
        w->n_open++;
        if (w->parked.first)
                arm(&a->registry->windows);
}

static void take_place(struct window *w, struct application *a) {
        if (a->place == WINDOW_LATE)
                take_out(&w->late, a);
        if (a->place == WINDOW_OPEN) {
                take_out(&w->open, a);
                w->n_open--;
        }
        if (a->place != WINDOW_PARKED)
                a->place = WINDOW_NONE;
}

static bool is_late(const struct application *a) {
        return a->placed_usec + WINDOW_PLACE_USEC <= now_usec();
}

static void make_late(struct window *w, struct application *a) {
        take_place(w, a);
        a->place = WINDOW_LATE;
        append(&w->late, a);
}

/* A parked one is somebody's until it has been scheduled. */
static void park(struct window *w, struct application *a) {
        if (a->place == WINDOW_PARKED)
                return;
        a->place = WINDOW_PARKED;
        append(&w->parked, application_ref(a));
        if (w->open.first)
                arm(&a->registry->windows);
}

/* Gives places to the next, which the caller schedules and gives back, without the lock. */
static size_t let_in(struct window *w, size_t max, struct application **ret) {
        size_t n = 0;

        while (n < max && w->n_open < WINDOW_PLACES && w->parked.first) {
                struct application *a = w->parked.first;

                take_out(&w->parked, a);
                give_place(w, a);
                ret[n++] = a;
        }
        return n;
}

static void schedule(struct application **list, size_t n) {
        for (size_t i = 0; i < n; i++) {
                registry_schedule(list[i]->registry, list[i], APPLICATION_PUSH);
                application_unref(list[i]);
        }
}

bool window_enter(struct application *a, bool urgent) {
        struct window *w = &a->account->window;
        bool parked;

        pthread_mutex_lock(&w->lock);
        parked = a->place == WINDOW_PARKED;
        take_place(w, a);
        if (w->n_open < WINDOW_PLACES || urgent) {
                if (parked)
                        take_out(&w->parked, a);
                give_place(w, a);
        } else {
                park(w, a);
                parked = false;
        }
        urgent = a->place == WINDOW_OPEN;
        pthread_mutex_unlock(&w->lock);
        if (parked)
                application_unref(a);
        return urgent;
}

static void discharge(struct application *a, uint64_t n) {
        a->charged_fds -= n;
        a->account->window.n_charged -= n;
        atomic_fetch_sub(&a->registry->windows.n_charged, n);
}

/* Never more than what is left: one user gets half, each of two a third, and so on. Under the lock. */
static bool charge(struct application *a, uint64_t n) {
        struct windows *all = &a->registry->windows;
        struct window *w = &a->account->window;
        uint64_t others = atomic_fetch_add(&all->n_charged, n);

        a->charged_fds += n;
        w->n_charged += n;
        if (others + n + w->n_charged <= all->fds_max)
                return true;
        discharge(a, n);
        return false;
}

/* One that is in a list has its socket as long as the lock is held. */
static bool has_read(const struct application *a) {
        int unread;

        return ioctl(a->fd, SIOCOUTQ, &unread) >= 0 && unread == 0;
}

/* Some that have not acknowledged in time may have read all the same. */
static void look_at_late(struct window *w) {
        for (unsigned i = 0; i < LOOK_MAX; i++) {
                struct application *a = w->open.first && is_late(w->open.first) ? w->open.first : w->late.first;

                if (!a)
                        return;
                make_late(w, a);
                if (!has_read(a))
                        continue;
                discharge(a, a->charged_fds);
                take_place(w, a);
        }
}

bool window_charge(struct application *a, size_t n) {
        struct window *w = &a->account->window;
        bool fits;

        pthread_mutex_lock(&w->lock);
        fits = charge(a, n);
        if (!fits) {
                look_at_late(w);
                fits = charge(a, n);
        }
        pthread_mutex_unlock(&w->lock);
        return fits;
}

void window_uncharge(struct application *a, size_t n) {
        struct window *w = &a->account->window;

        pthread_mutex_lock(&w->lock);
        discharge(a, n);
        pthread_mutex_unlock(&w->lock);
}

void window_starve(struct application *a) {
        struct window *w = &a->account->window;

        pthread_mutex_lock(&w->lock);
        take_place(w, a);
        park(w, a);
        pthread_mutex_unlock(&w->lock);
}

void window_leave(struct application *a) {
        struct window *w = &a->account->window;
        struct application *next[ENTER_MAX];
        size_t n = 0;

        pthread_mutex_lock(&w->lock);
        if (a->place == WINDOW_OPEN || a->place == WINDOW_LATE || a->charged_fds > 0) {
                take_place(w, a);
                discharge(a, a->charged_fds);
                n = let_in(w, ENTER_MAX, next);
        }
        pthread_mutex_unlock(&w->lock);
        schedule(next, n);
}

void window_check(struct application *a) {
        if (has_read(a))
                window_leave(a);
}

void window_drop(struct application *a) {
        struct window *w = &a->account->window;
        bool parked;

        pthread_mutex_lock(&w->lock);
        parked = a->place == WINDOW_PARKED;
        if (parked) {
                take_out(&w->parked, a);
                a->place = WINDOW_NONE;
        }
        pthread_mutex_unlock(&w->lock);
        window_leave(a);
        if (parked)
                application_unref(a);
}

/* Those that have had a place for too long give it to the next. */
static void expire(struct registry *r, struct window *w) {
        struct application *next[WINDOW_PLACES];
        size_t n = 0;

        pthread_mutex_lock(&w->lock);
        while (w->parked.first && w->open.first && is_late(w->open.first)) {
                make_late(w, w->open.first);
                if (n < WINDOW_PLACES)
                        n += let_in(w, 1, next + n);
        }
        if (w->parked.first && w->open.first)
                arm(&r->windows);
        pthread_mutex_unlock(&w->lock);
        schedule(next, n);
}

void windows_expire(struct registry *r) {
        struct cds_lfht_node *node;
        struct cds_lfht_iter iter;
        uint64_t n;

        if (read(r->windows.timer_fd, &n, sizeof(n)) < 0)
                return;
        /* Before the windows are looked at: who comes later arms it again. */
        (void) atomic_exchange(&r->windows.armed, false);
        rcu_read_lock();
        cds_lfht_for_each(r->accounts, &iter, node)
                expire(r, &CONTAINER_OF(node, struct account, node)->window);
        rcu_read_unlock();
}
