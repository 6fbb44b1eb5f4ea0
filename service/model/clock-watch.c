/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "service/log.h"
#include "service/model/clock-watch.h"
#include "service/model/manager.h"
#include "service/model/session-space.h"

#define LOOK_USEC (5 * 1000 * 1000)
#define ACCURACY_USEC (1000 * 1000)

static bool records(const struct manager *m) {
        for (const struct session *s = m->sessions; s; s = s->next)
                if (s->state == SESSION_ACTIVE)
                        return true;
        return false;
}

static void lose(struct manager *m) {
        m->clock_watch.lost = true;
        log_warning("the kernel does not trust the time stamp counter any more, by which sessions are recorded: times may "
                    "be wrong from now on, and each session begins a new chunk; to record by another clock, destroy all "
                    "sessions, and make new ones when tracingd has ended");
        for (struct session *s = m->sessions; s; s = s->next)
                if (s->state == SESSION_ACTIVE)
                        session_space_cut(s);
}

static int on_time(sd_event_source *source, uint64_t usec, void *userdata) {
        struct manager *m = userdata;

        m->clock_watch.timer = sd_event_source_disable_unref(m->clock_watch.timer);
        if (!records(m))
                return 0;
        if (trace_clock_choose() != TRACE_CLOCK_TSC)
                lose(m);
        else
                clock_watch_begin(m);
        return 0;
}

/* Without memory for the timer the next session that starts sees to it. */
void clock_watch_begin(struct manager *m) {
        struct clock_watch *w = &m->clock_watch;

        if (m->domain->clock == TRACE_CLOCK_TSC && !w->lost && !w->timer)
                (void) sd_event_add_time_relative(m->event, &w->timer, CLOCK_MONOTONIC, LOOK_USEC, ACCURACY_USEC, on_time, m);
}

void clock_watch_done(struct clock_watch *w) {
        w->timer = sd_event_source_disable_unref(w->timer);
}
