/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <systemd/sd-event.h>
#include <unistd.h>

#include "service/model/manager.h"
#include "service/model/session-stream.h"
#include "service/model/session.h"

struct live_stream {
        struct live_stream *next;
        struct session *session;
        struct charge charge;
        int life; /* of the consumer's end */
        sd_event_source *source;
};

static void live_stream_free(struct live_stream *stream) {
        sd_event_source_disable_unref(stream->source);
        closep(&stream->life);
        charge_done(&stream->charge);
        free(stream);
}

void session_close_streams(struct session *s) {
        while (s->streams) {
                struct live_stream *stream = s->streams;

                s->streams = stream->next;
                live_stream_free(stream);
        }
}

static int on_end(sd_event_source *source, int fd, uint32_t events, void *userdata) {
        struct live_stream *stream = userdata, **p = &stream->session->streams;

        while (*p != stream)
                p = &(*p)->next;
        *p = stream->next;
        live_stream_free(stream);
        return 0;
}

static void on_answer(int error, const char *path, void *userdata) {
        /* Where it could not take the stream, it has closed it. */
}

static int check(const struct session *s, struct failure *failure) {
        if (s->state == SESSION_FAILED)
                return fail(failure, FAILURE_CONSUMER, "Session '%s' has failed: %s; there is nothing to follow.",
                            s->name, s->reason);
        if (!s->consumer || s->state == SESSION_CONFIGURED)
                return fail(failure, FAILURE_NOT_ACTIVE, "Session '%s' has recorded nothing yet; start it first.",
                            s->name);
        return 0;
}

static int watch(struct session *s, struct live_stream *stream) {
        return sd_event_add_io(s->manager->event, &stream->source, stream->life, EPOLLHUP, on_end, stream);
}

/* ends: the client's and the consumer's; pipe: ours and the consumer's. 0 or -errno. */
static int open_with(struct session *s, struct live_stream *stream, int ends[2], int pipe[2]) {
        struct consumer_header message = { .type = CONSUMER_STREAM, .size = sizeof(message) };
        int fds[2], r;

        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0 || pipe2(pipe, O_CLOEXEC) < 0)
                return -errno;
        stream->life = TAKE_FD(pipe[0]);
        r = watch(s, stream);
        if (r < 0)
                return r;
        fds[0] = ends[1];
        fds[1] = pipe[1];
        return consumer_request(s->consumer, &message, fds, 2, on_answer, s);
}

int session_open_stream(struct session *s, uid_t uid, int *ret_fd, struct failure *failure) {
        int ends[2] = { -1, -1 }, pipe[2] = { -1, -1 }, r;
        struct live_stream *stream;

        r = check(s, failure);
        if (r < 0)
                return r;
        stream = calloc(1, sizeof(*stream));
        if (!stream)
                return fail_memory(failure);
        *stream = (struct live_stream) { .session = s, .life = -1 };
        r = quota_charge_or_fail(&s->manager->domain->quota, uid, QUOTA_LIVE_STREAMS, 1, &stream->charge, failure);
        if (r < 0) {
                live_stream_free(stream);
                return r;
        }
        r = open_with(s, stream, ends, pipe);
        closep(&ends[1]);
        closep(&pipe[0]);
        closep(&pipe[1]);
        if (r < 0) {
                closep(&ends[0]);
                live_stream_free(stream);
                return fail(failure, FAILURE_CONSUMER, "The consumer of session '%s' cannot be asked: %s; stop the "
                            "session.", s->name, strerror(-r));
        }
        stream->next = s->streams;
        s->streams = stream;
        *ret_fd = ends[0];
        return 0;
}
