/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "service/journal.h"
#include "service/log.h"
#include "service/model/manager.h"
#include "service/model/session-disk.h"

/* units/tracectl.catalog explains them. They never change. */
#define ID_FAILS "6e2f2d0cf4c54ce5b9f2a4d5c3b8e701"
#define ID_WORKS "b1d4a6f07b3e4b59a1c97d20e8f4530c"

#define QUIET_USEC (1000 * 1000)

static void write_journal(const struct session *s, const char *id, const char *priority, const char *text,
                          uint64_t lost) {
        char owner[16], count[24];

        if (!s->manager->journal) {
                log_warning("%s", text);
                return;
        }
        snprintf(owner, sizeof(owner), "%u", (unsigned) s->owner);
        snprintf(count, sizeof(count), "%" PRIu64, lost);
        const struct journal_field fields[] = {
                { "MESSAGE", text },
                { "MESSAGE_ID", id },
                { "PRIORITY", priority },
                { "SYSLOG_IDENTIFIER", "tracingd" },
                { "TRACECTL_SESSION", s->name },
                { "TRACECTL_OWNER_UID", owner },
                { "TRACECTL_OUTPUT", s->output.path },
                { "TRACECTL_LOST", count },
        };

        (void) journal_send(s->manager->journal, fields, ARRAY_SIZE(fields));
}

static void tell(struct session *s, int error) {
        uint64_t lost = session_counts(s).status.lost_output;
        char text[512];

        s->disk.error = error;
        if (error != 0)
                snprintf(text, sizeof(text), "Session '%s' of user %u cannot write to '%.200s': %s; events are lost "
                         "until it can.", s->name, (unsigned) s->owner, s->output.path, strerror(error));
        else
                snprintf(text, sizeof(text), "Session '%s' of user %u writes to '%.200s' again; %" PRIu64 " events "
                         "were lost.", s->name, (unsigned) s->owner, s->output.path, lost);
        write_journal(s, error ? ID_FAILS : ID_WORKS, error ? "4" : "5", text, lost);
        manager_announce(s->manager, MANAGER_SESSION_CHANGED, s, NULL, NULL);
}

static int on_quiet(sd_event_source *source, uint64_t usec, void *userdata) {
        struct session *s = userdata;
        const struct consumer_status status = session_counts(s).status;

        s->disk.timer = sd_event_source_disable_unref(s->disk.timer);
        if (status.output_error == 0 && status.lost_output == s->disk.lost)
                tell(s, 0);
        else
                session_disk_look(s);
        return 0;
}

void session_disk_look(struct session *s) {
        const struct consumer_status status = session_counts(s).status;

        if (status.output_error != 0) {
                s->disk.timer = sd_event_source_disable_unref(s->disk.timer);
                if (status.output_error != s->disk.error)
                        tell(s, status.output_error);
        } else if (s->disk.error != 0 && !s->disk.timer) {
                s->disk.lost = status.lost_output;
                /* Without memory for the timer it works again at once. */
                if (sd_event_add_time_relative(s->manager->event, &s->disk.timer, CLOCK_MONOTONIC, QUIET_USEC, 0, on_quiet,
                                               s) < 0)
                        tell(s, 0);
        }
}

void session_disk_end(struct session *s) {
        s->disk.timer = sd_event_source_disable_unref(s->disk.timer);
}
