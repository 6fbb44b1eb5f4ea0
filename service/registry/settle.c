/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "service/registry/internal.h"

int settling_init(struct settling *s, uint64_t usec) {
        *s = (struct settling) { .usec = usec ? usec : SETTLE_USEC };
        pthread_mutex_init(&s->lock, NULL);
        s->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
        return s->timer_fd < 0 ? -errno : 0;
}

static struct application *take_all(struct settling *s) {
        struct application *list;

        pthread_mutex_lock(&s->lock);
        list = s->first;
        s->first = NULL;
        pthread_mutex_unlock(&s->lock);
        return list;
}

void settling_forget(struct settling *s) {
        for (struct application *a = take_all(s), *next; a; a = next) {
                next = a->settling_next;
                application_unref(a);
        }
}

void settling_done(struct settling *s) {
        closep(&s->timer_fd);
        s->timer_fd = -1;
        pthread_mutex_destroy(&s->lock);
}

static bool set_timer(struct settling *s) {
        const struct itimerspec t = { .it_value = { .tv_sec = (time_t) (s->usec / 1000000),
                                                    .tv_nsec = (long) (s->usec % 1000000 * 1000) } };

        return timerfd_settime(s->timer_fd, 0, &t, NULL) >= 0;
}

bool settle_begin(struct application *a) {
        struct settling *s = &a->registry->settling;
        bool begins;

        pthread_mutex_lock(&s->lock);
        /* Under the lock. Partner: settle_hasten(), which takes it after it was said that somebody waits. */
        begins = atomic_load(&a->registry->awaited) == 0 && (s->first || set_timer(s));
        if (begins) {
                a->settling_next = s->first;
                s->first = application_ref(a);
        }
        pthread_mutex_unlock(&s->lock);
        return begins;
}

struct application *settle_end(struct registry *r) {
        uint64_t n;

        return read(r->settling.timer_fd, &n, sizeof(n)) > 0 ? take_all(&r->settling) : NULL;
}

void settle_hasten(struct registry *r) {
        for (struct application *a = take_all(&r->settling), *next; a; a = next) {
                next = a->settling_next;
                registry_schedule(r, a, APPLICATION_READ);
                application_unref(a);
        }
}
