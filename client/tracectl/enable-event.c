/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <stdio.h>

#include "client/tracectl/change-events.h"
#include "client/tracectl/record-arguments.h"
#include "client/tracectl/say.h"
#include "client/tracectl/verbs.h"

static void print_help(void) {
        puts("Usage: tracectl enable-event [OPTION...] PATTERN...\n\n"
             "Record the events PROVIDER:NAME, * for any characters; also those of programs\n"
             "that start later. When it returns, the running ones do so.\n\n"
             "  -k, --kernel           Events of the kernel, NAME or SYSTEM:NAME\n"
             "      --syscall          With --kernel: system calls by their names, when they\n"
             "                         begin and when they return\n"
             "  -a, --all              All events, instead of PATTERN\n"
             "      --userspace-probe sdt:PATH:PROVIDER:NAME | PATH:SYMBOL\n"
             "                         With --kernel: an SDT probe of a program, or where a\n"
             "                         function begins; PATTERN is what its events are called\n"
             "      --strings N,N      Arguments of the SDT probe that are strings\n"
             "      --probe SYMBOL[+OFFSET]\n"
             "                         With --kernel: a place in the kernel\n"
             "      --function SYMBOL  With --kernel: begin and return of a function in it\n"
             "      --filter EXPR      Only where this is true: fields, $ctx.CONTEXT and\n"
             "                         $app.PROVIDER:NAME, with == != < > && || ! &\n"
             "                         and more, \"text*\"\n"
             "      --loglevel LEVEL   Only events of this level, such as warning, or above\n"
             "      --loglevel-only LEVEL\n"
             "                         Only events of this level\n"
             "      --exclude PATTERN  Not these; may be given several times\n"
             "      --pid PID          Only in this process\n"
             "      --children         And in what descends from it\n"
             "      --exe NAME         Only in programs of this executable: its path, or the\n"
             "                         last part of it, * for any characters\n"
             "      --unit UNIT        Only in this systemd unit, or slice; of whatever user\n"
             "      --uid USER         In the programs of this user; default: the session's\n"
             CHANGE_EVENTS_HELP("Through this channel; default: channel0, which is made\n"
                                "                         where it is missing")
             "\n\n"
             "Example: tracectl enable-event 'shop:*' --filter 'price > 100 && shop == \"A*\"'");
}

static int check(const char *pattern) {
        const char *wrong = record_pattern_refuse(pattern);

        if (!wrong)
                return 0;
        say("Event pattern '%s' %s.", pattern, wrong);
        return EXIT_USAGE;
}

static int apply(tracectl_session *session, const char *domain, const char *channel, const char *pattern,
                 const struct tracectl_event_options *options, uint32_t *pending) {
        return tracectl_session_enable_event(session, domain, channel, pattern, options, pending);
}

int verb_enable_event(int argc, char *argv[]) {
        return change_events(&(struct event_change) {
                .verb = "enable-event",
                .what = "enable the events",
                .done = "has these events enabled",
                .print_help = print_help,
                .check = check,
                .has_selection = true,
                .apply = apply,
        }, argc, argv);
}
