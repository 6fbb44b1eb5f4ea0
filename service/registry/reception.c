/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include "service/log.h"
#include "service/registry/internal.h"

/*
 * Epoll entries are named by the application's number, not by its address: an
 * event may be delivered when the application is gone already.
 */
#define KEY_LISTEN UINT64_MAX
#define KEY_STOP (UINT64_MAX - 1)
#define KEY_SWEEP (UINT64_MAX - 2)

#define EVENTS 64
#define ACCEPTS_PER_TURN 64
#define RETRY_MSEC 100

static int watch(int epoll_fd, int op, int fd, uint32_t events, uint64_t key) {
        struct epoll_event event = { .events = events, .data.u64 = key };

        return epoll_ctl(epoll_fd, op, fd, &event) < 0 ? -errno : 0;
}

int reception_watch(struct registry *r, struct application *a) {
        return watch(r->epoll_fd, EPOLL_CTL_ADD, a->fd, EPOLLIN | EPOLLRDHUP | EPOLLONESHOT, a->id);
}

void reception_rearm(struct application *a) {
        uint32_t events = EPOLLIN | EPOLLRDHUP | EPOLLONESHOT | (a->blocked ? EPOLLOUT : 0);

        (void) watch(a->registry->epoll_fd, EPOLL_CTL_MOD, a->fd, events, a->id);
}

/*
 * False when no descriptor or memory is left: then the socket would stay
 * readable and keep this thread busy, so it is left alone for a moment.
 */
static bool accept_some(struct registry *r) {
        for (int i = 0; i < ACCEPTS_PER_TURN; i++) {
                int k, fd = accept4(r->config.listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

                if (fd < 0 && (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED))
                        return true;
                if (fd < 0) {
                        refusals_tell(&r->refusals, NULL, -errno);
                        return false;
                }
                k = registry_connect(r, fd);
                if (k < 0)
                        log_debug("a connection was refused: %s", strerror(-k));
        }
        return true;
}

static void dispatch(struct registry *r, const struct epoll_event *event) {
        struct application *a = registry_find_connection(r, event->data.u64);

        if (!a)
                return;
        registry_schedule(r, a, APPLICATION_READ | (event->events & EPOLLOUT ? APPLICATION_PUSH : 0));
        application_unref(a);
}

/* One round of events: whether to go on. */
static bool turn(struct registry *r, bool *paused) {
        struct epoll_event events[EVENTS];
        int n = epoll_wait(r->epoll_fd, events, EVENTS, *paused ? RETRY_MSEC : -1);

        if (*paused) {
                (void) watch(r->epoll_fd, EPOLL_CTL_ADD, r->config.listen_fd, EPOLLIN, KEY_LISTEN);
                *paused = false;
        }
        for (int i = 0; i < n; i++) {
                if (events[i].data.u64 == KEY_STOP)
                        return false;
                if (events[i].data.u64 == KEY_SWEEP)
                        sweep_some(r);
                else if (events[i].data.u64 != KEY_LISTEN)
                        dispatch(r, &events[i]);
                else if (!accept_some(r)) {
                        (void) epoll_ctl(r->epoll_fd, EPOLL_CTL_DEL, r->config.listen_fd, NULL);
                        *paused = true;
                }
        }
        return true;
}

static void *reception(void *userdata) {
        struct registry *r = userdata;
        bool paused = false;

        rcu_register_thread();
        while (turn(r, &paused))
                ;
        rcu_unregister_thread();
        return NULL;
}

int reception_start(struct registry *r) {
        int k, flags = fcntl(r->config.listen_fd, F_GETFL);

        if (flags < 0 || fcntl(r->config.listen_fd, F_SETFL, flags | O_NONBLOCK) < 0)
                return -errno;
        r->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
        r->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (r->epoll_fd < 0 || r->stop_fd < 0)
                return -errno;
        k = watch(r->epoll_fd, EPOLL_CTL_ADD, r->stop_fd, EPOLLIN, KEY_STOP);
        if (k < 0)
                return k;
        k = watch(r->epoll_fd, EPOLL_CTL_ADD, r->sweep.timer_fd, EPOLLIN, KEY_SWEEP);
        if (k < 0)
                return k;
        k = watch(r->epoll_fd, EPOLL_CTL_ADD, r->config.listen_fd, EPOLLIN, KEY_LISTEN);
        if (k < 0)
                return k;
        k = pthread_create(&r->reception, NULL, reception, r);
        if (k > 0)
                return -k;
        r->reception_runs = true;
        return 0;
}

void reception_stop(struct registry *r) {
        if (r->reception_runs) {
                (void) eventfd_write(r->stop_fd, 1);
                pthread_join(r->reception, NULL);
                r->reception_runs = false;
        }
        closep(&r->epoll_fd);
        closep(&r->stop_fd);
        r->epoll_fd = r->stop_fd = -1;
}
