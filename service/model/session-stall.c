/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <stdio.h>

#include "service/log.h"
#include "service/model/manager.h"
#include "service/model/operation.h"
#include "service/model/session-stall.h"

/* Looks without progress until there is no hope: a network's file server may be restarted meanwhile. */
#define QUIET_MAX 7

static uint64_t progress(const struct session *s) {
        const struct consumer_status c = session_counts(s).status;

        return c.events + c.lost_ring + c.lost_output + c.lost_overwrite + c.lost_garbage + c.packets + c.bytes;
}

static void give_up(struct session *s) {
        unsigned long long seconds = QUIET_MAX * s->manager->consumer_usec / 1000000;
        char reason[160];

        snprintf(reason, sizeof(reason), "its consumer has written nothing for %llu s, and does not end; what is still "
                 "in its rings is lost", seconds);
        log_warning("session %s: %s", s->name, reason);
        session_stall_end(s);
        consumer_give_up(s->consumer, reason);
}

static void replace(struct session *s) {
        log_warning("session %s: its consumer does not write the rest of the trace; another one takes its place",
                    s->name);
        consumer_kill(s->consumer);
}

static int on_look(sd_event_source *source, uint64_t usec, void *userdata) {
        struct session *s = userdata;
        struct session_stall *stall = &s->stall;
        uint64_t now = progress(s);

        /* A Destroy has bounds of its own. */
        if (s->state != SESSION_STOPPING || operation_of(s, OPERATION_DESTROY)) {
                session_stall_end(s);
                return 0;
        }
        stall->quiet = now == stall->progress ? stall->quiet + 1 : 0;
        stall->progress = now;
        if (stall->quiet >= QUIET_MAX) {
                give_up(s);
                return 0;
        }
        if (stall->quiet == 1)
                replace(s);
        (void) sd_event_source_set_time_relative(source, s->manager->consumer_usec);
        return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

int session_stall_watch(struct session *s) {
        session_stall_end(s);
        s->stall.progress = progress(s);
        return sd_event_add_time_relative(s->manager->event, &s->stall.timer, CLOCK_MONOTONIC, s->manager->consumer_usec,
                                          0, on_look, s);
}

void session_stall_end(struct session *s) {
        sd_event_source_disable_unref(s->stall.timer);
        s->stall = (struct session_stall) {};
}
