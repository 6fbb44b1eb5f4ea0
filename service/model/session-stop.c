/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <string.h>
#include <time.h>

#include "service/model/manager.h"
#include "service/model/operation.h"
#include "service/model/session-kernel.h"
#include "service/state/keeper.h"

/*
 * Stop: the model without the session is published; applications take their
 * events away and acknowledge; only then is the consumer told to write what is
 * left. A consumer that needs longer than the client is made to wait leaves the
 * session in state "stopping" until it is done, or until nobody believes that it
 * will be (session-stall.h).
 */

static void on_stopped(int error, const char *path, void *userdata) {
        struct session *s = userdata;
        bool late;

        session_stall_end(s);
        /* Errors of the output are in the counters; there is nothing else to do about them here. */
        s->state = SESSION_STOPPED;
        session_space_look(s);
        session_disk_look(s);
        manager_announce(s->manager, MANAGER_SESSION_CHANGED, s, NULL, NULL);
        /* Whoever asked an earlier tracingd hears it by the signal. */
        late = !operation_of(s, OPERATION_STOP) || !s->operation->done;
        if (operation_of(s, OPERATION_STOP))
                operation_finish(s, NULL);
        if (late)
                manager_announce(s->manager, MANAGER_SESSION_STOPPED_LATE, s, NULL, NULL);
}

static uint64_t now_usec(const struct session *s) {
        uint64_t now = 0;

        (void) sd_event_now(s->manager->event, CLOCK_MONOTONIC, &now);
        return now;
}

static int on_timeout(sd_event_source *source, uint64_t usec, void *userdata) {
        operation_finish(userdata, NULL);
        return 0;
}

/* Nobody writes any more. */
static void write_rest(struct session *s) {
        struct consumer_header message = { .type = CONSUMER_STOP, .size = sizeof(message) };
        uint64_t now = now_usec(s);
        int r;

        r = consumer_request(s->consumer, &message, NULL, 0, on_stopped, s);
        if (r >= 0)
                r = operation_set_timer(s->operation, s->operation->deadline > now ? s->operation->deadline - now : 0,
                                        on_timeout);
        if (r >= 0)
                r = session_stall_watch(s);
        if (r < 0)
                session_fail(s, "its consumer does not take messages any more");
}

static void on_kernel_stopped(const struct failure *failure, void *userdata) {
        struct session *s = userdata;

        if (operation_of(s, OPERATION_STOP) && s->state == SESSION_STOPPING)
                write_rest(s);
}

/* The kernel last, as it was the first to record. */
static void on_removed(uint32_t pending, void *userdata) {
        struct session *s = userdata;

        s->operation->waiter = NULL;
        s->operation->pending = pending;
        if (!s->kernel || session_kernel_apply(s, false, on_kernel_stopped, NULL, s) < 0)
                write_rest(s);
}

static int await_removal(struct session *s, struct failure *failure) {
        int r;

        manager_announce(s->manager, MANAGER_SESSION_CHANGED, s, NULL, NULL);
        r = waiter_new(s->manager, session_scope(s), manager_generation(s->manager), OPERATION_REMOVED_USEC, on_removed, s,
                       &s->operation->waiter);
        return r < 0 ? fail_memory(failure) : 0;
}

static int check_stop(const struct session *s, struct failure *failure) {
        if (s->state == SESSION_FAILED)
                return fail(failure, FAILURE_CONSUMER, "Session '%s' has failed: %s; what was written until then is in "
                            "'%s'.", s->name, s->reason, s->output.path);
        if (s->state == SESSION_STOPPING)
                return fail(failure, FAILURE_BUSY,
                            "Session '%s' is still being written; its state will be 'stopped' after that.", s->name);
        if (s->state != SESSION_ACTIVE)
                return fail(failure, FAILURE_NOT_ACTIVE, "Session '%s' is not active; start it first.", s->name);
        return 0;
}

int session_stop(struct session *s, operation_done_t done, void *userdata, struct failure *failure) {
        int r;

        r = check_stop(s, failure);
        if (r < 0)
                return r;
        r = operation_new(s, OPERATION_STOP, done, userdata, failure);
        if (r < 0)
                return r;
        s->operation->deadline = now_usec(s) + s->manager->consumer_usec;
        s->state = SESSION_STOPPING;
        /* Known to the next tracingd before any application knows: it will not take a half-stopped one for active. */
        keeper_put_session(s);
        r = manager_publish(s->manager, session_scope(s), failure);
        if (r >= 0)
                r = await_removal(s, failure);
        if (r < 0) {
                s->state = SESSION_ACTIVE;
                keeper_put_session(s);
                s->operation->done = NULL;
                operation_finish(s, NULL);
        }
        return r;
}

int session_continue_stop(struct session *s) {
        struct failure ignored;
        int r;

        r = operation_new(s, OPERATION_STOP, NULL, NULL, &ignored);
        if (r < 0)
                return r;
        s->operation->deadline = now_usec(s) + s->manager->consumer_usec;
        return await_removal(s, &ignored);
}
