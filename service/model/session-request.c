/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <string.h>

#include "service/domain/kernel/kernel.h"
#include "service/model/manager.h"
#include "service/model/operation.h"

/*
 * Snapshot, Clear and Rotate: one request to the consumer. One that is not
 * answered in time goes on, and another one has to wait for it.
 */

static const char *noun(enum operation_kind kind) {
        return kind == OPERATION_SNAPSHOT ? "snapshot" : kind == OPERATION_ROTATE ? "chunk" : "clearing";
}

/* Also of one that nobody waits for any more. */
static void begin_chunk(struct session *s, int error) {
        if (error == 0)
                session_space_begin(s);
        session_space_look(s);
}

static void on_answer(int error, const char *path, void *userdata) {
        struct session *s = userdata;
        struct operation *o = s->operation;
        struct failure failure;

        s->request_running = false;
        /* Only one that was waiting for this answer; a later one cannot have begun. */
        if (!o || (o->kind != OPERATION_SNAPSHOT && o->kind != OPERATION_ROTATE && o->kind != OPERATION_CLEAR))
                return;
        if (error == 0) {
                operation_finish(s, NULL);
                return;
        }
        if (o->kind == OPERATION_CLEAR)
                fail(&failure, FAILURE_OUTPUT, "Session '%s' cannot be cleared: %s; look at its directory '%.200s'.",
                     s->name, strerror(error), s->output.path);
        else
                fail(&failure, FAILURE_OUTPUT, "The %s of session '%s' cannot be written to '%.200s': %s.",
                     noun(o->kind), s->name, o->path, strerror(error));
        operation_finish(s, &failure);
}

static void on_chunk_answer(int error, const char *path, void *userdata) {
        struct session *s = userdata;

        s->request_running = false;
        begin_chunk(s, error);
        on_answer(error, path, userdata);
}

static int on_timeout(sd_event_source *source, uint64_t usec, void *userdata) {
        struct session *s = userdata;
        unsigned long long seconds = s->manager->consumer_usec / 1000000;
        struct failure failure;

        fail(&failure, FAILURE_TIMEOUT, "The %s of session '%s' is not done after %llu s; it goes on in '%.200s'.",
             noun(s->operation->kind), s->name, seconds, s->operation->path);
        operation_finish(s, &failure);
        return 0;
}

static bool has_overwrite(const struct session *s) {
        for (const struct channel *c = s->channels; c; c = c->next)
                if (c->config.overwrite)
                        return true;
        return false;
}

static int check(const struct session *s, enum operation_kind kind, struct failure *failure) {
        if (s->state == SESSION_FAILED)
                return fail(failure, FAILURE_CONSUMER, "Session '%s' has failed: %s; there is nothing left to write.",
                            s->name, s->reason);
        if (s->operation)
                return 0; /* operation_new() says which one */
        if (!s->consumer || s->state == SESSION_CONFIGURED)
                return fail(failure, FAILURE_NOT_ACTIVE, "Session '%s' has recorded nothing yet; start it first.",
                            s->name);
        if (s->state == SESSION_STOPPING)
                return fail(failure, FAILURE_BUSY, "Session '%s' is still being written; try again when its state is "
                            "'stopped'.", s->name);
        /* One of our own is soon done, and this one waits for it. */
        if (s->request_running && !s->space.rotating)
                return fail(failure, FAILURE_BUSY, "Session '%s' is still writing a snapshot or a chunk; try again "
                            "later.", s->name);
        if (kind == OPERATION_SNAPSHOT && !has_overwrite(s))
                return fail(failure, FAILURE_NO_SUCH_CHANNEL,
                            "Session '%s' has no channel in overwrite mode; what it records is in its trace already.",
                            s->name);
        return 0;
}

static void on_old_answer(int error, const char *path, void *userdata) {
        struct session *s = userdata;

        s->request_running = false;
}

static void on_old_chunk_answer(int error, const char *path, void *userdata) {
        struct session *s = userdata;

        s->request_running = false;
        begin_chunk(s, error);
}

static void ignore(int error, const char *path, void *userdata) {
}

static void expect(uint64_t serial, uint32_t type, void *userdata) {
        struct session *s = userdata;
        bool chunk = type == CONSUMER_ROTATE || type == CONSUMER_CLEAR, known = chunk || type == CONSUMER_SNAPSHOT;

        if (consumer_expect(s->consumer, serial, chunk ? on_old_chunk_answer : known ? on_old_answer : ignore, s) >= 0)
                s->request_running |= known;
}

void session_expect_requests(struct session *s) {
        sender_walk_asked(consumer_sender(s->consumer), expect, s);
}

static void send_failed(struct session *s, int error, struct failure *failure) {
        fail(failure, FAILURE_CONSUMER, "The consumer of session '%s' cannot be asked: %s; stop the session.", s->name,
             strerror(-error));
}

static int send_request(struct session *s) {
        struct operation *o = s->operation;

        return consumer_request(s->consumer, &o->request.header, NULL, 0,
                                o->kind == OPERATION_SNAPSHOT ? on_answer : on_chunk_answer, s);
}

/* One that is made only now, where it can be. */
static void send_late(struct session *s, int r) {
        struct failure failure;

        s->request_running = r >= 0;
        if (r >= 0)
                return;
        send_failed(s, r, &failure);
        operation_finish(s, &failure);
}

/* One that has had no more time is not made. */
static void on_flushed(const struct failure *ignored, void *userdata) {
        struct session *s = userdata;

        s->request_running = false;
        if (s->operation && s->operation->request.header.type != 0)
                send_late(s, s->state == SESSION_FAILED ? -EPIPE : send_request(s));
}

/* What somebody has between the kernel and the consumer is part of it. */
static int flush_and_send(struct session *s) {
        if (s->kernel && kernel_recording_is_own(s->kernel))
                return kernel_recording_flush(s->kernel, on_flushed, s);
        return send_request(s);
}

void session_request_go_on(struct session *s) {
        s->request_running = false;
        if (s->operation && s->operation->request.header.type != 0)
                send_late(s, s->state == SESSION_FAILED ? -EPIPE : flush_and_send(s));
}

int session_request(struct session *s, enum operation_kind kind, struct consumer_header *message, const char *name,
                    operation_done_t done, void *userdata, struct failure *failure) {
        struct operation *o;
        int r;

        r = check(s, kind, failure);
        if (r < 0)
                return r;
        r = operation_new(s, kind, done, userdata, failure);
        if (r < 0)
                return r;
        o = s->operation;
        memcpy(&o->request, message, message->size);
        r = asprintf(&o->path, *name ? "%s/%s" : "%s%s", s->output.path, name);
        if (r < 0)
                o->path = NULL;
        r = r < 0 ? -ENOMEM : operation_set_timer(o, s->manager->consumer_usec, on_timeout);
        if (r >= 0 && !s->space.rotating)
                r = flush_and_send(s);
        if (r < 0) {
                o->done = NULL;
                operation_finish(s, NULL);
                send_failed(s, r, failure);
                return r;
        }
        s->request_running = true;
        return 0;
}
