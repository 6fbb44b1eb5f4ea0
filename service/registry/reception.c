/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include "service/log.h"
#include "service/registry/internal.h"

static int watch(int epoll_fd, int op, int fd, uint32_t events, uint64_t key) {
        struct epoll_event event = { .events = events, .data.u64 = key };

        return epoll_ctl(epoll_fd, op, fd, &event) < 0 ? -errno : 0;
}

int reception_watch(struct application *a) {
        uint32_t events = EPOLLIN | EPOLLRDHUP | EPOLLONESHOT | (a->blocked ? EPOLLOUT : 0);
        int k;

        k = watch(a->registry->epoll_fd, a->watched ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, a->fd, events, a->connection);
        a->watched = true;
        return k;
}

static void listen_again(struct registry *r) {
        (void) watch(r->epoll_fd, EPOLL_CTL_MOD, r->config.listen_fd, EPOLLIN | EPOLLONESHOT, KEY_LISTEN);
}

/*
 * When no descriptor or memory is left the socket would stay readable and keep
 * the threads busy, so it is left alone for a moment.
 */
static void pause_listening(struct registry *r, int error) {
        refusals_tell(&r->refusals, NULL, error);
        atomic_store(&r->paused, true);
}

void reception_continue(struct registry *r) {
        if (atomic_load_explicit(&r->paused, memory_order_relaxed) && atomic_exchange(&r->paused, false))
                listen_again(r);
}

/* The next one is another thread's while this one is served. */
struct application *reception_accept(struct registry *r) {
        struct application *a;
        int k, fd = accept4(r->config.listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

        if (fd < 0 && errno != EAGAIN && errno != EINTR && errno != ECONNABORTED) {
                pause_listening(r, -errno);
                return NULL;
        }
        listen_again(r);
        if (fd < 0)
                return NULL;
        k = registry_connect(r, fd, &a);
        if (k >= 0)
                return a;
        log_debug("a connection was refused: %s", strerror(-k));
        return NULL;
}

int reception_init(struct registry *r) {
        int k, flags = fcntl(r->config.listen_fd, F_GETFL);

        if (flags < 0 || fcntl(r->config.listen_fd, F_SETFL, flags | O_NONBLOCK) < 0)
                return -errno;
        r->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
        r->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        r->work_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (r->epoll_fd < 0 || r->stop_fd < 0 || r->work_fd < 0)
                return -errno;
        k = watch(r->epoll_fd, EPOLL_CTL_ADD, r->stop_fd, EPOLLIN, KEY_STOP);
        if (k >= 0)
                k = watch(r->epoll_fd, EPOLL_CTL_ADD, r->work_fd, EPOLLIN, KEY_WORK);
        if (k >= 0)
                k = watch(r->epoll_fd, EPOLL_CTL_ADD, r->sweep.timer_fd, EPOLLIN, KEY_SWEEP);
        if (k >= 0)
                k = watch(r->epoll_fd, EPOLL_CTL_ADD, r->windows.timer_fd, EPOLLIN, KEY_WINDOWS);
        if (k >= 0)
                k = watch(r->epoll_fd, EPOLL_CTL_ADD, r->settling.timer_fd, EPOLLIN, KEY_SETTLING);
        return k < 0 ? k : watch(r->epoll_fd, EPOLL_CTL_ADD, r->config.listen_fd, EPOLLIN | EPOLLONESHOT, KEY_LISTEN);
}

void reception_done(struct registry *r) {
        closep(&r->epoll_fd);
        closep(&r->stop_fd);
        closep(&r->work_fd);
        r->epoll_fd = r->stop_fd = r->work_fd = -1;
}
