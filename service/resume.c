/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "service/internal.h"
#include "service/log.h"
#include "service/model/waiter.h"
#include "service/registry/peer.h"

/*
 * After a restart applications come back by themselves. Until they have, what is
 * asked about applications is not settled. Those whose process has ended are
 * found by looking. When nobody has come back for so many looks, nobody is waited
 * for any longer: the others are stopped. But as long as some come, the machine
 * may be slow, and who comes late keeps his number and his rings.
 */

#define LOOK_USEC (500 * 1000)
#define LOOKS_MAX 10

/* So many are looked at in a turn of the main loop: two milliseconds. */
#define LOOKS_PER_TURN 128

static bool is_there(const struct roll_entry *entry) {
        _cleanup_close_ int fd = -1;
        uint64_t process;

        /* Nobody can tell: its time will be over. */
        if (entry->pid <= 0 || entry->process == 0)
                return true;
        fd = (int) syscall(SYS_pidfd_open, entry->pid, 0);
        return fd >= 0 && process_identity(entry->pid, fd, &process) >= 0 && process == entry->process;
}

/* Its own rings, if it had any, are its consumer's to finish. */
static void on_gone(const struct roll_entry *entry, void *userdata) {
        struct service *s = userdata;

        log_debug("application %llu has not come back", (unsigned long long) entry->id);
        user_domain_release_lost(s->domain, entry->id);
}

static void settle(struct service *s) {
        s->roll_timer = sd_event_source_disable_unref(s->roll_timer);
        wake_await(s->wake, false);
        /* Whoever wrote to shared rings that are lost has others now. */
        user_domain_release_lost(s->domain, 0);
        waiters_check(s->manager);
}

static int look_again(sd_event_source *source, uint64_t usec) {
        (void) sd_event_source_set_time_relative(source, usec);
        return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

static int on_look(sd_event_source *source, uint64_t usec, void *userdata) {
        struct service *s = userdata;
        bool all;

        if (s->roll_position == 0) {
                bool fewer = roll_missing(s->roll) < s->roll_missing;

                s->roll_looks = fewer ? 1 : s->roll_looks + 1;
                s->roll_missing = roll_missing(s->roll);
                /* While they come, those that have ended can wait, who has come back cannot. */
                if (fewer && wake_is_waking(s->wake))
                        return look_again(source, LOOK_USEC);
        }
        all = roll_sift(s->roll, &s->roll_position, LOOKS_PER_TURN, s->roll_looks < LOOKS_MAX ? is_there : NULL,
                        on_gone, s);
        if (!all)
                return look_again(source, 0);
        s->roll_missing = roll_missing(s->roll);
        if (s->roll_missing == 0) {
                settle(s);
                return 0;
        }
        return look_again(source, LOOK_USEC);
}

int resume_begin(struct service *s) {
        if (roll_missing(s->roll) == 0) {
                settle(s);
                return 0;
        }
        s->roll_missing = roll_missing(s->roll);
        /* Exact: a look that is half done goes on at once. */
        return sd_event_add_time_relative(s->event, &s->roll_timer, CLOCK_MONOTONIC, LOOK_USEC, 1, on_look, s);
}

void resume_end(struct service *s) {
        s->roll_timer = sd_event_source_disable_unref(s->roll_timer);
}
