/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "common/datagram.h"
#include "service/log.h"
#include "service/unit/consumer.h"

/* Between the end of its connection and the news of its exit, which tells why. */
#define EXIT_USEC (2 * 1000 * 1000)

struct request {
        struct request *next;
        uint64_t serial;
        consumer_answer_t answer;
        void *userdata;
};

struct consumer {
        sd_event *event;
        struct sender *sender;
        struct consumer_handlers handlers;
        struct request *requests;
        int pidfd;
        bool ending, detached, over; /* over: failed() or ended() was called */
        sd_event_source *socket_source, *queue_source, *exit_source, *late_source;
};

static sd_event_source *source_disable_unref(sd_event_source *s) {
        return sd_event_source_disable_unref(s);
}

static void forget_requests(struct consumer *c) {
        while (c->requests) {
                struct request *q = c->requests;

                c->requests = q->next;
                free(q);
        }
}

static void stop_watching(struct consumer *c) {
        c->socket_source = source_disable_unref(c->socket_source);
        c->queue_source = source_disable_unref(c->queue_source);
        c->late_source = source_disable_unref(c->late_source);
}

struct consumer *consumer_free(struct consumer *c) {
        if (!c)
                return NULL;
        stop_watching(c);
        c->exit_source = source_disable_unref(c->exit_source);
        forget_requests(c);
        closep(&c->pidfd);
        sender_unref(c->sender);
        sd_event_unref(c->event);
        free(c);
        return NULL;
}

/*
 * The last thing that its session hears of a consumer; the handlers may free it.
 * A detached one stays until its child has been reaped.
 */
static void finish(struct consumer *c, const char *reason) {
        stop_watching(c);
        if (c->detached) {
                if (!c->exit_source)
                        consumer_free(c);
                return;
        }
        if (c->over)
                return;
        c->over = true;
        if (c->ending)
                c->handlers.ended(c->handlers.userdata);
        else
                c->handlers.failed(reason, c->handlers.userdata);
}

static int on_exit_news(sd_event_source *s, int fd, uint32_t revents, void *userdata) {
        struct consumer *c = userdata;
        char reason[128] = "its consumer ended";
        siginfo_t info = { 0 };

        if (waitid(P_PIDFD, (id_t) fd, &info, WEXITED) >= 0) {
                if (info.si_code == CLD_EXITED)
                        snprintf(reason, sizeof(reason), "its consumer ended with status %i", info.si_status);
                else
                        snprintf(reason, sizeof(reason), "its consumer was killed by signal %i (%s)", info.si_status,
                                 strsignal(info.si_status));
        }
        log_debug("consumer: %s", reason);
        c->exit_source = source_disable_unref(c->exit_source);
        finish(c, reason);
        return 0;
}

static int on_late(sd_event_source *s, uint64_t usec, void *userdata) {
        finish(userdata, "its consumer closed the connection");
        return 0;
}

static void connection_ended(struct consumer *c) {
        c->socket_source = source_disable_unref(c->socket_source);
        c->queue_source = source_disable_unref(c->queue_source);
        if (c->pidfd < 0 || sd_event_add_time_relative(c->event, &c->late_source, CLOCK_MONOTONIC, EXIT_USEC, 0,
                                                       on_late, c) < 0)
                finish(c, "its consumer closed the connection");
}

/* Errors of the output are counted in the status page, and the consumer goes on. */
static bool is_output_error(int error) {
        return error == ENOSPC || error == EDQUOT || error == EIO || error == EFBIG || error == EROFS ||
               error == ESTALE;
}

static void answered(struct consumer *c, const struct consumer_ack *ack, const char *path) {
        for (struct request **p = &c->requests; *p; p = &(*p)->next) {
                struct request *q = *p;

                if (q->serial != ack->header.serial)
                        continue;
                *p = q->next;
                q->answer(ack->error, path, q->userdata);
                free(q);
                return;
        }
        if (ack->error != 0 && !is_output_error(ack->error)) {
                char reason[128];

                snprintf(reason, sizeof(reason), "its consumer refused a ring or its events: %s",
                         strerror(ack->error));
                finish(c, reason);
        }
}

/* Reads one answer: 1, 0 when there is none, -errno at the end of the connection. */
static int read_answer(struct consumer *c, struct consumer_output_ack *ret) {
        int fds[DATAGRAM_FDS_MAX];
        size_t n_fds;
        int r;

        *ret = (struct consumer_output_ack) { 0 };
        r = datagram_recv(sender_fd(c->sender), ret, sizeof(*ret), fds, &n_fds, MSG_DONTWAIT);
        if (r == -EAGAIN)
                return 0;
        if (r == 0)
                return -ECONNRESET;
        if (r < 0)
                return r;
        datagram_close_fds(fds, n_fds);
        if ((r != sizeof(ret->ack) && r != sizeof(*ret)) || ret->ack.header.type != CONSUMER_ACK ||
            ret->ack.header.size != (uint32_t) r)
                return -EBADMSG;
        ret->path[sizeof(ret->path) - 1] = '\0';
        return 1;
}

static void drain(struct consumer *c) {
        int r = sender_drain(c->sender);

        if (r == 1)
                (void) sd_event_source_set_io_events(c->socket_source, EPOLLIN);
        else if (r == 0)
                (void) sd_event_source_set_io_events(c->socket_source, EPOLLIN | EPOLLOUT);
        if (r == 1 && !c->detached)
                c->handlers.drained(c->handlers.userdata);
}

static int on_socket(sd_event_source *s, int fd, uint32_t revents, void *userdata) {
        struct consumer *c = userdata;
        struct consumer_output_ack answer;
        int r;

        if (revents & EPOLLOUT)
                drain(c);
        /* One a turn: an answer's handler may free the consumer. */
        r = read_answer(c, &answer);
        if (r < 0)
                connection_ended(c);
        else if (r > 0)
                answered(c, &answer.ack, answer.path);
        return 0;
}

static int on_queue(sd_event_source *s, int fd, uint32_t revents, void *userdata) {
        struct consumer *c = userdata;
        _cleanup_free_ char *problem = sender_take_problem(c->sender);

        drain(c);
        if (problem)
                finish(c, problem);
        return 0;
}

static int watch(struct consumer *c) {
        int r;

        r = sd_event_add_io(c->event, &c->socket_source, sender_fd(c->sender), EPOLLIN, on_socket, c);
        if (r < 0)
                return r;
        r = sd_event_add_io(c->event, &c->queue_source, sender_event_fd(c->sender), EPOLLIN, on_queue, c);
        if (r < 0 || c->pidfd < 0)
                return r;
        r = sd_event_add_io(c->event, &c->exit_source, c->pidfd, EPOLLIN, on_exit_news, c);
        if (r < 0)
                return r;
        /* Its last answers come before the news of its end. */
        return sd_event_source_set_priority(c->exit_source, SD_EVENT_PRIORITY_NORMAL + 1);
}

int consumer_new(sd_event *event, const struct consumer_starter *starter, const struct consumer_spec *spec,
                 const struct consumer_handlers *handlers, struct consumer **ret) {
        _cleanup_(consumer_freep) struct consumer *c = NULL;
        _cleanup_close_ int ours = -1, theirs = -1;
        int pair[2], r;

        c = malloc(sizeof(*c));
        if (!c)
                return -ENOMEM;
        *c = (struct consumer) { .event = sd_event_ref(event), .handlers = *handlers, .pidfd = -1 };
        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
                return -errno;
        ours = pair[0];
        theirs = pair[1];
        r = sender_new(ours, &c->sender);
        if (r < 0)
                return r;
        ours = -1;
        r = starter->start(theirs, starter->userdata, &c->pidfd);
        if (r < 0)
                return r;
        r = watch(c);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(c);
        return 0;
}

int consumer_request(struct consumer *c, struct consumer_header *message, const int *fds, size_t n_fds,
                     consumer_answer_t answer, void *userdata) {
        struct request *q;
        uint64_t serial;
        int r;

        q = malloc(sizeof(*q));
        if (!q)
                return -ENOMEM;
        r = sender_send(c->sender, message, fds, n_fds, &serial);
        if (r < 0) {
                free(q);
                return r;
        }
        *q = (struct request) { .next = c->requests, .serial = serial, .answer = answer, .userdata = userdata };
        c->requests = q;
        return 0;
}

void consumer_hang_up(struct consumer *c) {
        c->ending = true;
        sender_hang_up(c->sender);
}

void consumer_detach(struct consumer *c) {
        c->ending = c->detached = true;
        forget_requests(c);
        sender_hang_up(c->sender);
        if (c->over && !c->exit_source)
                consumer_free(c);
}

struct sender *consumer_sender(struct consumer *c) {
        return c->sender;
}

const char *consumer_unit(const struct consumer *c) {
        return "";
}

uint32_t consumer_restarts(const struct consumer *c) {
        return 0;
}
