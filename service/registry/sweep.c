/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <malloc.h>
#include <sys/timerfd.h>

#include "service/domain/user.h"
#include "service/registry/internal.h"
#include "service/registry/table.h"
#include "service/state/ledger.h"

int sweep_init(struct sweep *s, uint64_t usec) {
        *s = (struct sweep) { .usec = usec ? usec : SWEEP_USEC };
        pthread_mutex_init(&s->lock, NULL);
        s->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
        return s->timer_fd < 0 ? -errno : 0;
}

void sweep_done(struct sweep *s) {
        closep(&s->timer_fd);
        pthread_mutex_destroy(&s->lock);
}

static void set_timer(struct sweep *s, uint64_t usec) {
        const struct timespec t = { .tv_sec = (time_t) (usec / 1000000), .tv_nsec = (long) (usec % 1000000 * 1000) };

        (void) timerfd_settime(s->timer_fd, 0, &(struct itimerspec) { .it_interval = t, .it_value = t }, NULL);
}

void sweep_add(struct registry *r, struct application *a) {
        struct sweep *s = &r->sweep;

        pthread_mutex_lock(&s->lock);
        if (s->next) {
                a->next = s->next;
                a->previous = s->next->previous;
                a->next->previous = a->previous->next = a;
        } else {
                a->next = a->previous = s->next = a;
                set_timer(s, s->usec);
        }
        pthread_mutex_unlock(&s->lock);
}

void sweep_remove(struct registry *r, struct application *a) {
        struct sweep *s = &r->sweep;

        pthread_mutex_lock(&s->lock);
        a->next->previous = a->previous;
        a->previous->next = a->next;
        if (s->next == a)
                s->next = a->next == a ? NULL : a->next;
        pthread_mutex_unlock(&s->lock);
}

/* The next one, with a reference. Whoever is in the circle still has one of its own. */
static struct application *take_next(struct sweep *s) {
        struct application *a;

        pthread_mutex_lock(&s->lock);
        a = s->next ? application_ref(s->next) : NULL;
        if (a)
                s->next = a->next;
        pthread_mutex_unlock(&s->lock);
        return a;
}

static void shrink_tables(struct registry *r) {
        _cleanup_free_ uid_t *uids = NULL;
        size_t n;

        table_shrink(r->by_id);
        table_shrink(r->by_pid);
        table_shrink(r->resumed);
        if (registry_list_uids(r, &uids, &n) < 0)
                return;
        /* Without a lock: an account stays as long as the registry. */
        for (size_t i = 0; i < n; i++)
                table_shrink(registry_account(r, uids[i])->applications);
}

/* The last stroke: all are gone, and RCU's thread has freed them. What many took goes back to the system. */
static bool rest(struct registry *r) {
        struct sweep *s = &r->sweep;
        bool empty;

        pthread_mutex_lock(&s->lock);
        empty = !s->next && atomic_load(&r->n_strays) == 0;
        if (empty)
                set_timer(s, 0);
        pthread_mutex_unlock(&s->lock);
        if (empty) {
                shrink_tables(r);
                roll_shrink(r->config.roll);
                ledger_shrink(r->config.domain->ledger);
                (void) malloc_trim(0);
        }
        return empty;
}

static void sift_strays(struct registry *r) {
        struct cds_lfht_node *node;
        struct cds_lfht_iter iter;

        if (atomic_load(&r->n_strays) == 0)
                return;
        rcu_read_lock();
        cds_lfht_for_each(r->accounts, &iter, node)
                strays_sift(r, CONTAINER_OF(node, struct account, node), false);
        rcu_read_unlock();
        registry_notify(r);
}

void sweep_some(struct registry *r) {
        uint64_t n = atomic_load(&r->n_connections), strokes;

        if (read(r->sweep.timer_fd, &strokes, sizeof(strokes)) < 0)
                return;
        sift_strays(r);
        if (rest(r))
                return;
        for (uint64_t i = 0; i < n && i < SWEEP_MAX; i++) {
                struct application *a = take_next(&r->sweep);

                if (!a)
                        break;
                registry_schedule(r, a, APPLICATION_CHECK);
                application_unref(a);
        }
}
