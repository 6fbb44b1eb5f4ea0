/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <string.h>

#include "service/log.h"
#include "service/model/manager.h"
#include "service/model/operation.h"
#include "service/model/session-kernel.h"
#include "service/state/keeper.h"

/*
 * Destroy: applications take their events away, the consumer is hung up on,
 * writes what is left and ends; then the session is gone. A consumer that needs
 * longer than the bound is left to finish by itself, since it holds the data.
 */

static int on_timeout(sd_event_source *source, uint64_t usec, void *userdata) {
        struct session *s = userdata;

        log_warning("session %s: its consumer has not ended after %llu s; it is left to write the rest by itself",
                    s->name, (unsigned long long) s->manager->consumer_usec / 1000000);
        manager_remove_session(s->manager, s);
        return 0;
}

/* A consumer that has failed has nothing to say any more; its units go with it. */
static bool has_consumer(const struct session *s) {
        return s->consumer && s->state != SESSION_FAILED;
}

static void hang_up(struct session *s) {
        if (has_consumer(s))
                consumer_hang_up(s->consumer);
        else
                manager_remove_session(s->manager, s);
}

static void on_kernel_stopped(const struct failure *failure, void *userdata) {
        struct session *s = userdata;

        if (operation_of(s, OPERATION_DESTROY))
                hang_up(s);
}

static void on_removed(uint32_t pending, void *userdata) {
        struct session *s = userdata;

        s->operation->waiter = NULL;
        s->operation->pending = pending;
        if (!s->kernel || session_kernel_apply(s, false, on_kernel_stopped, NULL, s) < 0)
                hang_up(s);
}

/* As hang_up(), from a later turn of the main loop, since done is never called before session_destroy() returns. */
static int on_turn(sd_event_source *source, uint64_t usec, void *userdata) {
        struct session *s = userdata;

        if (!has_consumer(s) || operation_set_timer(s->operation, s->manager->consumer_usec, on_timeout) < 0)
                manager_remove_session(s->manager, s);
        else
                consumer_hang_up(s->consumer);
        return 0;
}

static int begin(struct session *s, struct failure *failure) {
        int r;

        s->ending = true;
        keeper_put_session(s);

        if (s->state != SESSION_ACTIVE)
                return operation_set_timer(s->operation, 0, on_turn);
        s->state = SESSION_STOPPING;
        keeper_put_session(s);
        r = manager_publish(s->manager, session_scope(s), failure);
        if (r < 0) {
                s->state = SESSION_ACTIVE;
                return r;
        }
        manager_announce(s->manager, MANAGER_SESSION_CHANGED, s, NULL, NULL);
        r = operation_set_timer(s->operation, s->manager->consumer_usec, on_timeout);
        if (r < 0)
                return r;
        return waiter_new(s->manager, session_scope(s), manager_generation(s->manager), OPERATION_REMOVED_USEC, on_removed, s,
                          &s->operation->waiter);
}

int session_destroy(struct session *s, operation_done_t done, void *userdata, struct failure *failure) {
        int r;

        r = operation_new(s, OPERATION_DESTROY, done, userdata, failure);
        if (r < 0)
                return r;
        r = begin(s, failure);
        if (r < 0) {
                s->ending = false;
                keeper_put_session(s);
                s->operation->done = NULL;
                operation_finish(s, NULL);
                return fail_memory(failure);
        }
        return 0;
}

bool session_is_bound_to_connection(const struct session *s) {
        return s->client && s->client[strlen(s->client) - 1] == '/';
}

void session_client_gone(struct session *s) {
        if (s->ending)
                return;
        operation_cancel(s);
        session_end(s);
}

void session_end(struct session *s) {
        struct failure ignored;

        if (session_destroy(s, NULL, NULL, &ignored) < 0)
                manager_remove_session(s->manager, s);
}
