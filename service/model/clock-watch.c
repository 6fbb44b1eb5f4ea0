/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "service/log.h"
#include "service/model/clock-watch.h"
#include "service/model/manager.h"
#include "service/model/session-space.h"
#include "service/state/keeper.h"

#define LOOK_USEC (5 * 1000 * 1000)
#define ACCURACY_USEC (1000 * 1000)
#define LOOKS_OF_MEASUREMENT 12

/* A measurement takes less, on a machine that has time for it. */
#define MEASURED_USEC (500 * 1000)

/* Of a trace that does not say by how much its clocks may differ. */
#define UNKNOWN_NSEC 1000
#define NSEC_PER_SEC UINT64_C(1000000000)

static bool records(const struct manager *m) {
        for (const struct session *s = m->sessions; s; s = s->next)
                if (s->state == SESSION_ACTIVE)
                        return true;
        return false;
}

/* Those that are stopped begin their chunk when they are started again. */
static void change_clock(struct manager *m, const struct trace_clock_info *clock) {
        calibration_set(m->calibration, clock);
        keeper_change_clock(m, clock);
        for (struct session *s = m->sessions; s; s = s->next)
                if (s->consumer)
                        session_space_cut(s);
}

static uint64_t bound_of(const struct trace_clock_info *clock) {
        return clock->precision > 0 ? clock->precision : clock->frequency * UNKNOWN_NSEC / NSEC_PER_SEC;
}

static uint64_t nsec(const struct trace_clock_info *clock, uint64_t ticks) {
        return (uint64_t) ((double) ticks * (double) NSEC_PER_SEC / (double) clock->frequency);
}

/* Neither offset nor frequency are another because of that. */
static void compare(struct manager *m, const struct trace_clock_info *found, uint64_t difference) {
        struct trace_clock_info clock;

        if (calibration_get(m->calibration, &clock) < 0 || difference <= bound_of(&clock))
                return;
        log_warning("the clocks of two processors differ by %" PRIu64 " ns or more, and traces say that they differ by at "
                    "most %" PRIu64 ": each session begins a new chunk, which says what has been measured now",
                    nsec(&clock, difference), nsec(&clock, bound_of(&clock)));
        clock.precision = found->precision > difference ? found->precision : difference;
        change_clock(m, &clock);
}

static void take_measurement(struct manager *m) {
        struct clock_watch *w = &m->clock_watch;
        struct trace_clock_info found;
        bool measured = calibration_get(w->measuring, &found) >= 0;

        if (measured && w->left && !w->told) {
                change_clock(m, &found);
                w->told = true;
        } else if (measured)
                compare(m, &found, calibration_difference(w->measuring));
        w->measuring = calibration_free(w->measuring);
}

static void look(struct manager *m) {
        struct clock_watch *w = &m->clock_watch;

        w->looks++;
        if (!w->left && trace_clock_choose() != TRACE_CLOCK_TSC) {
                w->left = true;
                log_warning("the kernel does not trust the time stamp counter any more, by which sessions are recorded: times "
                            "may be wrong from now on, and each session begins a new chunk, with the counter as it is "
                            "measured now; to record by another clock, destroy all sessions, and make new ones when "
                            "tracingd has ended");
        }
        /* Without memory for it the next look tries again. */
        if ((w->left && !w->told) || w->looks % LOOKS_OF_MEASUREMENT == 0)
                (void) calibration_new(m->domain->clock, NULL, w->measure_bound, &w->measuring);
}

static int on_time(sd_event_source *source, uint64_t usec, void *userdata) {
        struct manager *m = userdata;

        m->clock_watch.timer = sd_event_source_disable_unref(m->clock_watch.timer);
        if (m->clock_watch.measuring)
                take_measurement(m);
        else if (records(m))
                look(m);
        if (m->clock_watch.measuring || records(m))
                clock_watch_begin(m);
        return 0;
}

/* Without memory for the timer the next session that starts sees to it. */
void clock_watch_begin(struct manager *m) {
        struct clock_watch *w = &m->clock_watch;
        uint64_t usec = w->look_usec > 0 ? w->look_usec : w->measuring ? MEASURED_USEC : LOOK_USEC;

        if (m->domain->clock == TRACE_CLOCK_TSC && !w->timer)
                (void) sd_event_add_time_relative(m->event, &w->timer, CLOCK_MONOTONIC, usec,
                                                  w->look_usec > 0 ? 1 : ACCURACY_USEC, on_time, m);
}

void clock_watch_done(struct clock_watch *w) {
        w->timer = sd_event_source_disable_unref(w->timer);
        w->measuring = calibration_free(w->measuring);
}
