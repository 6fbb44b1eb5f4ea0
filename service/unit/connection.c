/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "common/datagram.h"
#include "service/unit/consumer-internal.h"

/* The connection to a consumer: answers come in, and what had to wait goes out. */

/* Errors of the output are counted in the status page, and the consumer goes on. */
static bool is_output_error(int error) {
        return error == ENOSPC || error == EDQUOT || error == EIO || error == EFBIG || error == EROFS ||
               error == ESTALE;
}

static struct request *take_request(struct consumer *c, uint64_t serial) {
        for (struct request **p = &c->requests; *p; p = &(*p)->next) {
                struct request *q = *p;

                if (q->serial == serial) {
                        *p = q->next;
                        return q;
                }
        }
        return NULL;
}

/* Nobody asked, or not again: the first consumer was told the same and could do it. */
static void check_unasked(struct consumer *c, uint64_t serial, uint32_t type, int error) {
        _cleanup_free_ char *problem = NULL;
        char reason[128];

        if (error == 0 || type == CONSUMER_RESUMED)
                return;
        /* What an earlier tracingd had said to this very connection alone, as that everything is known again. */
        if (c->is_unit && !type && !sender_describes(c->sender, serial))
                return;
        if (type == CONSUMER_OUTPUT)
                snprintf(reason, sizeof(reason), "its consumer cannot open the output again: %s", strerror(error));
        else if (type != CONSUMER_SESSION && is_output_error(error))
                return;
        else
                snprintf(reason, sizeof(reason), "its consumer refused a ring or its events: %s", strerror(error));
        /* Where a ring could not be made there is nothing to which what was said after it belongs. */
        problem = sender_take_problem(c->sender);
        consumer_finish(c, problem ? problem : reason);
}

/* An answer to what describes rings. Whether its error is known to whom it concerns. */
static bool told(struct consumer *c, const struct consumer_ack *ack, int fds[2]) {
        bool files = false;

        if (c->detached || c->failed)
                return false;
        if (c->handlers.files)
                files = c->handlers.files(ack->header.serial, ack->error, fds, c->handlers.userdata);
        if (sender_note_done(c->sender, ack->header.serial))
                c->handlers.drained(c->handlers.userdata);
        return files;
}

static void answered(struct consumer *c, const struct consumer_ack *ack, const char *path, int fds[2]) {
        uint32_t type = c->is_unit ? sender_acknowledge(c->sender, ack->header.serial) : 0;
        _cleanup_free_ struct request *q = NULL;

        if (type == CONSUMER_SESSION && ack->error == 0) {
                c->has_session = true;
                supervisor_lives(c->supervisor);
                consumer_keep(c);
        }
        q = take_request(c, ack->header.serial);
        if (q)
                q->answer(ack->error, path, q->userdata);
        else if (type != 0 || !told(c, ack, fds))
                check_unasked(c, ack->header.serial, type, ack->error);
}

/* Reads one answer, or a notice: 1, 0 when there is none, -errno at the end of the connection. */
static int read_answer(struct consumer *c, struct consumer_output_ack *ret, int ret_fds[2]) {
        int fds[DATAGRAM_FDS_MAX];
        bool is_notice;
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
        if (n_fds == 2) {
                ret_fds[0] = TAKE_FD(fds[0]);
                ret_fds[1] = TAKE_FD(fds[1]);
        } else
                datagram_close_fds(fds, n_fds);
        is_notice = ret->ack.header.type == CONSUMER_NOTICE;
        if ((r != sizeof(ret->ack) && (r != sizeof(*ret) || is_notice)) || ret->ack.header.size != (uint32_t) r ||
            (ret->ack.header.type != CONSUMER_ACK && !is_notice))
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

static void noticed(struct consumer *c) {
        if (!c->ending && !c->failed && c->handlers.noticed)
                c->handlers.noticed(c->handlers.userdata);
}

static int on_socket(sd_event_source *s, int fd, uint32_t revents, void *userdata) {
        struct consumer *c = userdata;
        struct consumer_output_ack answer;
        int fds[2] = { -1, -1 }, r;

        if (revents & EPOLLOUT)
                drain(c);
        /* One a turn: an answer's handler may free the consumer. */
        r = read_answer(c, &answer, fds);
        if (r < 0)
                consumer_connection_ended(c);
        else if (r > 0 && answer.ack.header.type == CONSUMER_NOTICE)
                noticed(c);
        else if (r > 0)
                answered(c, &answer.ack, answer.path, fds);
        closep(&fds[0]);
        closep(&fds[1]);
        return 0;
}

static int on_queue(sd_event_source *s, int fd, uint32_t revents, void *userdata) {
        struct consumer *c = userdata;
        _cleanup_free_ char *problem = sender_take_problem(c->sender);

        drain(c);
        if (problem)
                consumer_finish(c, problem);
        return 0;
}

int consumer_watch_socket(struct consumer *c) {
        return sd_event_add_io(c->event, &c->socket_source, sender_fd(c->sender), EPOLLIN, on_socket, c);
}

void consumer_unwatch_socket(struct consumer *c) {
        c->socket_source = sd_event_source_disable_unref(c->socket_source);
}

int consumer_watch_queue(struct consumer *c) {
        return sd_event_add_io(c->event, &c->queue_source, sender_event_fd(c->sender), EPOLLIN, on_queue, c);
}
