/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "service/bus/control.h"
#include "service/log.h"

/* When no descriptor or memory is left: the socket stays readable, and would keep the loop busy. */
#define PAUSE_USEC (100 * 1000)

struct control_client {
        struct control_client *next;
        struct control *control;
        struct bus *bus;
        bool is_gone;
};

struct control {
        const struct bus_shared *shared;
        int fd; /* borrowed */
        sd_event_source *accept_source, *pause_source, *reap_source;
        struct control_client *peers;
        size_t n;
};

static struct control_client *client_free(struct control_client *p) {
        bus_free(p->bus);
        free(p);
        return NULL;
}

/* Called by the connection itself, so it is freed later. */
static void on_hung_up(void *userdata) {
        struct control_client *p = userdata;

        p->is_gone = true;
        (void) sd_event_source_set_enabled(p->control->reap_source, SD_EVENT_ONESHOT);
}

static int on_reap(sd_event_source *s, void *userdata) {
        struct control *c = userdata;

        for (struct control_client **p = &c->peers; *p;) {
                struct control_client *gone = *p;

                if (!gone->is_gone) {
                        p = &gone->next;
                        continue;
                }
                *p = gone->next;
                c->n--;
                client_free(gone);
        }
        if (c->shared->used)
                c->shared->used(c->shared->userdata);
        return 0;
}

/* Takes fd over. */
static int add(struct control *c, int fd) {
        struct control_client *p;
        int r;

        p = calloc(1, sizeof(*p));
        if (!p) {
                close(fd);
                return -ENOMEM;
        }
        p->control = c;
        r = bus_new_peer(c->shared, fd, on_hung_up, p, &p->bus);
        if (r < 0) {
                free(p);
                return r;
        }
        p->next = c->peers;
        c->peers = p;
        c->n++;
        return 0;
}

static void pause_accepting(struct control *c) {
        (void) sd_event_source_set_enabled(c->accept_source, SD_EVENT_OFF);
        (void) sd_event_source_set_time_relative(c->pause_source, PAUSE_USEC);
        (void) sd_event_source_set_enabled(c->pause_source, SD_EVENT_ONESHOT);
}

static int on_pause_over(sd_event_source *s, uint64_t usec, void *userdata) {
        struct control *c = userdata;

        (void) sd_event_source_set_enabled(c->accept_source, SD_EVENT_ON);
        return 0;
}

static int on_connection(sd_event_source *s, int listen_fd, uint32_t revents, void *userdata) {
        struct control *c = userdata;
        int r, fd;

        fd = accept4(c->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd < 0) {
                if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)
                        pause_accepting(c);
                return 0;
        }
        if (c->n >= CONTROL_CONNECTIONS_MAX) {
                log_warning("a client of the control socket was refused: %i are connected, which is the most",
                            CONTROL_CONNECTIONS_MAX);
                close(fd);
                return 0;
        }
        r = add(c, fd);
        if (r < 0)
                log_debug("a client of the control socket was refused: %s", strerror(-r));
        return 0;
}

int control_new(const struct bus_shared *shared, int fd, struct control **ret) {
        _cleanup_(control_freep) struct control *c = NULL;
        int r, flags = fcntl(fd, F_GETFL);

        if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
                return -errno;
        c = calloc(1, sizeof(*c));
        if (!c)
                return -ENOMEM;
        c->shared = shared;
        c->fd = fd;
        r = sd_event_add_defer(shared->event, &c->reap_source, on_reap, c);
        if (r >= 0)
                r = sd_event_source_set_enabled(c->reap_source, SD_EVENT_OFF);
        if (r >= 0)
                r = sd_event_add_time_relative(shared->event, &c->pause_source, CLOCK_MONOTONIC, 0, 0, on_pause_over,
                                               c);
        if (r >= 0)
                r = sd_event_source_set_enabled(c->pause_source, SD_EVENT_OFF);
        if (r >= 0)
                r = sd_event_add_io(shared->event, &c->accept_source, fd, EPOLLIN, on_connection, c);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(c);
        return 0;
}

struct control *control_free(struct control *c) {
        if (!c)
                return NULL;
        sd_event_source_disable_unref(c->accept_source);
        sd_event_source_disable_unref(c->pause_source);
        sd_event_source_disable_unref(c->reap_source);
        while (c->peers) {
                struct control_client *p = c->peers;

                c->peers = p->next;
                client_free(p);
        }
        free(c);
        return NULL;
}

size_t control_count(const struct control *c) {
        return c->n;
}
