/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <stdio.h>

#include "client/tracectl/change-events.h"
#include "client/tracectl/verbs.h"

static void print_help(void) {
        puts("Usage: tracectl disable-event [OPTION...] PATTERN...\n\n"
             "Stop recording events. PATTERN is one that was enabled, just as it was written\n"
             "then; tracectl enable-event switches it on again.\n\n"
             "  -k, --kernel           Events of the kernel\n"
             CHANGE_EVENTS_HELP("Only in this channel; default: in all")
             "\n\n"
             "Example: tracectl disable-event 'shop:order_*'");
}

static int apply(tracectl_session *session, const char *domain, const char *channel, const char *pattern,
                 const struct tracectl_event_options *options, uint32_t *pending) {
        return tracectl_session_disable_event(session, domain, channel, pattern, pending);
}

int verb_disable_event(int argc, char *argv[]) {
        return change_events(&(struct event_change) {
                .verb = "disable-event",
                .what = "disable the events",
                .done = "has these events disabled",
                .print_help = print_help,
                .apply = apply,
        }, argc, argv);
}
