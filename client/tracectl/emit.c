/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <stdio.h>
#include <stdlib.h>

#include "client/tracectl/command.h"
#include "client/tracectl/emit-event.h"
#include "client/tracectl/say.h"
#include "client/tracectl/tracepoints.h"
#include "client/tracectl/verbs.h"
#include "common/cleanup.h"

static void print_help(void) {
        puts("Usage: tracectl emit [OPTION...] PROVIDER:NAME [FIELD[:TYPE]=VALUE...]\n"
             "\n"
             "Record an event, from a script. Whoever records it from programs, records it\n"
             "from here: a session with that event enabled, or tracectl record around the\n"
             "script. A value that is a whole number becomes an i64, another number an f64,\n"
             "and all else a string, unless TYPE says so: i64, u64, hex64, f64, string.\n"
             "\n"
             "  -q, --quiet            Say nothing where nobody recorded it\n"
             "  -h, --help             Show this text\n"
             "\n"
             "Example: tracectl emit shop:closed id=7 rate=1.5 name=ada code:string=007");
}

/* To the library, this is a program with one event. */
static int emit(struct emit_event *event, bool is_quiet) {
        static struct tracectl_object object = { .size = sizeof(object), .abi = TRACECTL_ABI };
        static struct tracectl_event *events[1];
        struct tracepoints tracepoints;
        int status;

        status = tracepoints_load(&tracepoints);
        if (status != 0)
                return status;
        events[0] = &event->event;
        object.start = events;
        object.stop = events + 1;
        tracepoints.object_register(&object);
        if (tracepoint_is_on(&event->event)) {
                if (tracepoints.record_spans(&event->event, event->spans, event->event.n_fields) == 0 && !is_quiet)
                        say("'%s:%s' was not recorded: tracingd does not answer. See: systemctl status tracingd",
                            event->event.provider, event->event.name);
        } else if (!is_quiet)
                say("Nobody recorded '%s:%s'. To have it recorded: tracectl enable-event --help", event->event.provider,
                    event->event.name);
        return EXIT_SUCCESS;
}

int verb_emit(int argc, char *argv[]) {
        static const struct option options[] = {
                { "quiet", no_argument, NULL, 'q' },
                { "help", no_argument, NULL, 'h' },
                {},
        };
        /* Beyond the end of this function: the library looks at it until the process has ended. */
        static struct emit_event event;
        bool is_quiet = false;
        int status;

        for (int c; (c = getopt_long(argc, argv, "+:qh", options, NULL)) >= 0;)
                if (c == 'h') {
                        print_help();
                        return EXIT_SUCCESS;
                } else if (c == 'q')
                        is_quiet = true;
                else
                        return options_refuse("emit", c, argv, options);
        if (optind == argc) {
                say("'emit' needs the name of an event. See: tracectl emit --help");
                return EXIT_USAGE;
        }
        status = emit_event_set_name(&event, argv[optind]);
        for (int i = optind + 1; status == 0 && i < argc; i++)
                status = emit_event_add_field(&event, argv[i]);
        if (status == 0)
                return emit(&event, is_quiet);
        emit_event_done(&event);
        return status;
}
