/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <stdio.h>
#include <stdlib.h>

#include "client/tracectl/command.h"
#include "client/tracectl/nearest.h"
#include "client/tracectl/verbs.h"
#include "common/cleanup.h"
#include "protocol/context.h"

static void print_help(void) {
        puts("Usage: tracectl add-context [OPTION...] TYPE...\n\n"
             "Record more with every event of a session that was not started yet: vpid, vtid\n"
             "(process and thread, as they see themselves), procname (the program), ip (the\n"
             "address of the tracepoint); and as the service sees them, also in containers:\n"
             "pid, tid (0 where it cannot be known), uid, gid, cgroup (the control group); and\n"
             "app:PROVIDER:NAME, a value that the programs tell themselves.\n\n"
             "  -c, --channel CHANNEL  Only in this channel; default: in all\n"
             COMMAND_SESSION_HELP
             "\n\n"
             "Example: tracectl add-context vpid procname");
}

/* A later service may know more types, so it is asked first. */
static int refuse(struct command *command, const char *type, int error) {
        static const char *const known[] = { "vpid", "vtid", "procname", "ip", "pid", "tid", "uid", "gid", "cgroup" };
        struct nearest nearest = NEAREST_INIT(type);
        char hint[64];

        for (size_t i = 0; i < ARRAY_SIZE(known); i++)
                nearest_offer(&nearest, known[i]);
        if (nearest.best && nearest.errors > 0) {
                snprintf(hint, sizeof(hint), " Did you mean '%s'?", nearest.best);
                command->hint = hint;
        }
        return command_fail(command, "add the context", error);
}

int verb_add_context(int argc, char *argv[]) {
        static const struct option options[] = {
                { "channel", required_argument, NULL, 'c' },
                COMMAND_SESSION_OPTIONS,
                {},
        };
        _cleanup_(command_free) struct command command = COMMAND_INIT("add-context");
        const char *channel = "";
        json_t *types;
        int status, r;

        for (int c; (c = getopt_long(argc, argv, COMMAND_SESSION_SHORT "c:", options, NULL)) >= 0;) {
                if (c == 'c') {
                        channel = optarg;
                        continue;
                }
                status = command_option(&command, c, argv, options);
                if (status >= 0)
                        return status;
        }
        status = command_check_arguments(&command, argc, argv, 1, argc, "at least one type: " CONTEXT_NAMES);
        if (status == 0)
                status = command_open_session(&command, NULL);
        if (status != 0)
                return status;
        types = json_array();
        for (int i = optind; i < argc; i++) {
                r = tracectl_session_add_context(command.session, "user", channel, argv[i]);
                if (r < 0) {
                        json_decref(types);
                        return refuse(&command, argv[i], r);
                }
                (void) json_array_append_new(types, json_from_text(argv[i]));
        }
        return command_done(&command, json_pack("{s:o}", "contexts", types),
                            "Every event of session %s will have the context from now on.", command.session_name);
}
