/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <time.h>

#include "service/model/manager.h"
#include "service/model/waiter.h"
#include "service/registry/registry.h"

struct waiter {
        struct waiter *next;
        struct manager *manager;
        uid_t uid;
        uint64_t generation, steps; /* steps: registry_is_pending() */
        sd_event_source *timer;
        waiter_done_t done;
        void *userdata;
};

struct waiter *waiter_cancel(struct waiter *w) {
        if (!w)
                return NULL;
        for (struct waiter **p = &w->manager->waiters; *p; p = &(*p)->next)
                if (*p == w) {
                        *p = w->next;
                        break;
                }
        if (!w->manager->waiters)
                registry_await(w->manager->registry, REGISTRY_AWAITED_BY_CALLS, false);
        sd_event_source_disable_unref(w->timer);
        free(w);
        return NULL;
}

static void finish(struct waiter *w, uint32_t pending) {
        waiter_done_t done = w->done;
        void *userdata = w->userdata;

        waiter_cancel(w);
        done(pending, userdata);
}

/* Those that have registered and not acknowledged, and those that were woken up to register. */
static uint32_t count_pending(const struct waiter *w) {
        const struct manager *m = w->manager;
        uint32_t expected = manager_expected(m);

        /* Second: who is expected no longer is in the registry by now. Partner: registry_register(). */
        return expected + registry_count_pending(m->registry, w->uid, w->generation);
}

/* The same as whether there are any, but cheap where nothing can have changed. */
static bool is_pending(struct waiter *w) {
        const struct manager *m = w->manager;

        if (m->expected && m->expected(m->userdata) > 0)
                return true;
        return registry_is_pending(m->registry, w->uid, w->generation, &w->steps);
}

/* From the start after each that is done: what done() does may end others. */
void waiters_check(struct manager *m) {
        struct waiter *w = m->waiters;

        while (w) {
                if (is_pending(w)) {
                        w = w->next;
                        continue;
                }
                finish(w, 0);
                w = m->waiters;
        }
}

static int on_check(sd_event_source *s, void *userdata) {
        waiters_check(userdata);
        return 0;
}

static int on_timeout(sd_event_source *s, uint64_t usec, void *userdata) {
        struct waiter *w = userdata;

        finish(w, count_pending(w));
        return 0;
}

int waiters_init(struct manager *m) {
        int r;

        r = sd_event_add_defer(m->event, &m->waiters_source, on_check, m);
        if (r < 0)
                return r;
        return sd_event_source_set_enabled(m->waiters_source, SD_EVENT_OFF);
}

void waiters_done(struct manager *m) {
        while (m->waiters)
                waiter_cancel(m->waiters);
        m->waiters_source = sd_event_source_disable_unref(m->waiters_source);
}

int waiter_new(struct manager *m, uid_t uid, uint64_t generation, uint64_t usec, waiter_done_t done, void *userdata,
               struct waiter **ret) {
        struct waiter *w;
        int r;

        w = malloc(sizeof(*w));
        if (!w)
                return -ENOMEM;
        *w = (struct waiter) {
                .next = m->waiters,
                .manager = m,
                .uid = uid,
                .generation = generation,
                .done = done,
                .userdata = userdata,
        };
        r = sd_event_add_time_relative(m->event, &w->timer, CLOCK_MONOTONIC, usec, 1, on_timeout, w);
        if (r >= 0)
                r = sd_event_source_set_enabled(m->waiters_source, SD_EVENT_ONESHOT);
        if (r < 0) {
                sd_event_source_disable_unref(w->timer);
                free(w);
                return r;
        }
        m->waiters = w;
        registry_await(m->registry, REGISTRY_AWAITED_BY_CALLS, true);
        *ret = w;
        return 0;
}
