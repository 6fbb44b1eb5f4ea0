/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * How tracingd begins and ends as a service. With sessions it goes at once and
 * leaves them to the next one (leave_sessions()). When nobody has used it:
 *
 *   1. applications that wait shall go on waiting;
 *   2. the service manager is told (STOPPING=1): whatever asks for us from now on
 *      starts us again after we have ended, instead of finding us running. There
 *      is no way back from this, so new sessions are refused;
 *   3. the name is given back. The bus answers after all calls that it had sent
 *      to the name, and those are answered as usual;
 *   4. we end, after whoever has called in between is gone, or had a moment.
 *
 * What arrives on the sockets meanwhile stays there for the next tracingd.
 */

#include <poll.h>
#include <systemd/sd-daemon.h>
#include <time.h>

#include "service/internal.h"
#include "service/log.h"
#include "service/model/limits-file.h"
#include "service/state/fd-store.h"
#include "service/state/ledger.h"

#define BUS_USEC (1000 * 1000)        /* that a message bus may take to let us in before we are ready without it */
#define LINGER_USEC (5 * 1000 * 1000) /* for replies to calls that came while we left */

static void notify(const struct service *s, const char *state) {
        /* In private mode the socket is of the service that we are part of. */
        if (s->mode != SERVICE_PRIVATE)
                (void) sd_notify(0, state);
}

void life_ready(struct service *s) {
        s->ready_timer = sd_event_source_disable_unref(s->ready_timer);
        if (s->ready)
                return;
        s->ready = true;
        notify(s, "READY=1\nSTATUS=Processing requests...");
}

static int on_bus_late(sd_event_source *source, uint64_t usec, void *userdata) {
        struct service *s = userdata;

        log_debug("the message bus does not answer yet");
        life_ready(s);
        return 0;
}

static bool has_unread(int fd) {
        struct pollfd p = { .fd = fd, .events = POLLIN };

        return poll(&p, 1, 0) > 0;
}

/* Applications that have registered do not count: they can wait without us. */
static bool is_busy(void *userdata) {
        struct service *s = userdata;

        return s->manager->sessions || (s->message_bus && message_bus_clients(s->message_bus) > 0) ||
               control_count(s->control) > 0 || has_unread(s->control_fd) || has_unread(s->register_fd);
}

static void end_loop(void *userdata) {
        struct service *s = userdata;

        (void) sd_event_exit(s->event, 0);
}

static int on_lingered(sd_event_source *source, uint64_t usec, void *userdata) {
        end_loop(userdata);
        return 0;
}

static void on_left(void *userdata) {
        struct service *s = userdata;

        if (!s->used || !is_busy(s) ||
            sd_event_add_time_relative(s->event, &s->linger_timer, CLOCK_MONOTONIC, LINGER_USEC, 0, on_lingered, s) < 0)
                end_loop(s);
}

static void on_refusing(void *userdata) {
}

static void on_idle(void *userdata) {
        struct service *s = userdata;

        log_debug("nobody needs tracingd any longer");
        s->leaving = true;
        s->used = false;
        wake_rest(s->wake);
        notify(s, "STOPPING=1");
        /* There are none to end; no new ones can be made. */
        manager_shutdown(s->manager, on_refusing, s);
        if (!s->message_bus || message_bus_leave(s->message_bus, on_left) == 0)
                on_left(s);
}

void life_used(struct service *s) {
        s->used = true;
        if (s->idle)
                idle_touch(s->idle);
        if (s->linger_timer && !is_busy(s))
                end_loop(s);
}

int life_begin(struct service *s, const struct service_config *config) {
        const struct idle_config idle = {
                .usec = config->idle_usec,
                .busy = is_busy,
                .expired = on_idle,
                .userdata = s,
        };
        int r = 0;

        if (s->mode == SERVICE_PRIVATE)
                return 0;
        if (config->idle_usec > 0)
                r = idle_new(s->event, &idle, &s->idle);
        if (r >= 0)
                r = sd_event_set_watchdog(s->event, true);
        if (r < 0)
                return r;
        if (s->message_bus && message_bus_is_joining(s->message_bus))
                return sd_event_add_time_relative(s->event, &s->ready_timer, CLOCK_MONOTONIC, BUS_USEC, 0, on_bus_late,
                                                  s);
        life_ready(s);
        return 0;
}

void life_end(struct service *s) {
        sd_event_source_disable_unref(s->ready_timer);
        sd_event_source_disable_unref(s->linger_timer);
        idle_free(s->idle);
}

static void on_warning(const char *sentence, void *userdata) {
        log_warning("%s", sentence);
}

/* Of users' limits; all else is told us by those who want it. */
void life_configure(struct service *s) {
        const struct limits_places places = { .root = "", .warn = on_warning };

        if (s->mode == SERVICE_SYSTEM && limits_load(&s->domain->quota, &places) < 0)
                log_warning("There is not enough memory to read tracingd.conf; the limits stay as they were.");
}

void service_reload(struct service *s) {
        struct timespec now;

        (void) clock_gettime(CLOCK_MONOTONIC, &now);
        (void) sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%llu",
                          (unsigned long long) now.tv_sec * 1000000 + (unsigned long long) now.tv_nsec / 1000);
        life_configure(s);
        notify(s, "READY=1");
}

/*
 * Whether we are asked to end for good or are started again afterwards, nobody
 * says. Everything is in the state; applications go on writing, and consumers,
 * whose connections the service manager holds, go on emptying rings. Where it is
 * for good it lets go of them, and they write what there is and end. Where it was
 * not the manager that asked, our status has it start us again.
 */
static void leave_sessions(struct service *s) {
        log_debug("sessions are left to the next tracingd");
        notify(s, "STOPPING=1");
        ledger_close(s->domain->ledger);
        roll_close(s->roll);
        fd_store_close(s->store);
        unit_starter_leave(s->units);
        wake_leave(s->wake);
        manager_leave(s->manager);
        (void) sd_event_exit(s->event, SERVICE_LEFT_SESSIONS);
}

void service_end(struct service *s) {
        if (s->leaving) {
                end_loop(s);
                return;
        }
        if (s->units && s->manager->sessions && ledger_is_stored(s->domain->ledger)) {
                leave_sessions(s);
                return;
        }
        notify(s, "STOPPING=1");
        wake_rest(s->wake);
        manager_shutdown(s->manager, end_loop, s);
}
