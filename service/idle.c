/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "service/idle.h"

struct idle {
        struct idle_config config;
        sd_event *event;
        sd_event_source *timer;
        uint64_t touched; /* CLOCK_MONOTONIC, microseconds */
};

static uint64_t now(const struct idle *i) {
        uint64_t usec = 0;

        (void) sd_event_now(i->event, CLOCK_MONOTONIC, &usec);
        return usec;
}

/* A touch does not move the timer, since there may be thousands; it goes on from there when it elapses. */
static int on_elapsed(sd_event_source *s, uint64_t usec, void *userdata) {
        struct idle *i = userdata;
        uint64_t end;

        if (i->config.busy(i->config.userdata))
                idle_touch(i);
        end = i->touched + i->config.usec;
        if (end <= now(i)) {
                i->config.expired(i->config.userdata);
                return 0;
        }
        (void) sd_event_source_set_time(s, end);
        return sd_event_source_set_enabled(s, SD_EVENT_ONESHOT);
}

int idle_new(sd_event *event, const struct idle_config *config, struct idle **ret) {
        _cleanup_(idle_freep) struct idle *i = NULL;
        int r;

        i = calloc(1, sizeof(*i));
        if (!i)
                return -ENOMEM;
        i->config = *config;
        i->event = sd_event_ref(event);
        idle_touch(i);
        r = sd_event_add_time(event, &i->timer, CLOCK_MONOTONIC, i->touched + config->usec, 0, on_elapsed, i);
        /* After everything else that this turn of the loop brings. */
        if (r >= 0)
                r = sd_event_source_set_priority(i->timer, SD_EVENT_PRIORITY_IDLE);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(i);
        return 0;
}

struct idle *idle_free(struct idle *i) {
        if (!i)
                return NULL;
        sd_event_source_disable_unref(i->timer);
        sd_event_unref(i->event);
        free(i);
        return NULL;
}

void idle_touch(struct idle *i) {
        i->touched = now(i);
}
