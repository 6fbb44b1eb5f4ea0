/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <time.h>

#include "service/model/manager.h"
#include "service/model/operation.h"

static const char *kind_to_string(enum operation_kind kind) {
        static const char *const names[] = {
                [OPERATION_START] = "being started",
                [OPERATION_STOP] = "being stopped",
                [OPERATION_SNAPSHOT] = "writing a snapshot",
                [OPERATION_DESTROY] = "being destroyed",
                [OPERATION_CLEAR] = "being cleared",
                [OPERATION_ROTATE] = "being rotated",
        };

        return names[kind];
}

int operation_new(struct session *s, enum operation_kind kind, operation_done_t done, void *userdata,
                  struct failure *failure) {
        struct operation *o;

        if (s->operation)
                return fail(failure, FAILURE_BUSY, "Session '%s' is %s; try again when that is over.", s->name,
                            kind_to_string(s->operation->kind));
        o = malloc(sizeof(*o));
        if (!o)
                return fail_memory(failure);
        *o = (struct operation) { .session = s, .kind = kind, .done = done, .userdata = userdata };
        s->operation = o;
        return 0;
}

int operation_set_timer(struct operation *o, uint64_t usec, sd_event_time_handler_t on_timeout) {
        o->timer = sd_event_source_disable_unref(o->timer);
        return sd_event_add_time_relative(o->session->manager->event, &o->timer, CLOCK_MONOTONIC, usec, 1, on_timeout,
                                          o->session);
}

struct operation *operation_of(struct session *s, enum operation_kind kind) {
        return s->operation && s->operation->kind == kind ? s->operation : NULL;
}

void operation_finish(struct session *s, const struct failure *failure) {
        struct operation *o = TAKE_PTR(s->operation);
        const struct operation_result result = {
                .failure = failure,
                .session = s,
                .generation = o->generation,
                .pending = o->pending,
                .path = o->path,
        };

        waiter_cancel(o->waiter);
        sd_event_source_disable_unref(o->timer);
        if (o->done)
                o->done(&result, o->userdata);
        free(o->path);
        free(o);
}

void operation_cancel(struct session *s) {
        struct failure failure;

        if (!s->operation)
                return;
        if (s->manager->leaving)
                fail(&failure, FAILURE_BUSY, "tracingd is being started again; look at session '%s' then.", s->name);
        else if (!s->manager->shutting_down)
                fail(&failure, FAILURE_BUSY, "Session '%s' ends with the client that it was bound to; make another one.",
                     s->name);
        else
                fail(&failure, FAILURE_BUSY, "tracingd ends; session '%s' ends with it.", s->name);
        operation_finish(s, &failure);
}

void operation_consumer_failed(struct session *s, const char *reason) {
        struct failure failure;

        if (!s->operation)
                return;
        if (s->operation->kind == OPERATION_DESTROY) {
                manager_remove_session(s->manager, s);
                return;
        }
        /* It has failed before it could tell where it writes, or has opened anything. */
        if (*s->output.path == '\0')
                fail(&failure, FAILURE_CONSUMER, "Session '%s' has failed: %s; destroy it and make a new one.", s->name,
                     reason);
        else
                fail(&failure, FAILURE_CONSUMER, "Session '%s' has failed: %s; what was written until then is in "
                     "'%.200s'.", s->name, reason, s->output.path);
        operation_finish(s, &failure);
}
