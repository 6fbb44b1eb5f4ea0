/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <stdio.h>
#include <stdlib.h>

#include "client/tracectl/command.h"
#include "client/tracectl/verbs.h"
#include "common/cleanup.h"

static void print_help(void) {
        puts("Usage: tracectl disable-channel [OPTION...] NAME\n\n"
             "Switch off the events of a channel, until tracectl enable-channel NAME.\n\n"
             "  -k, --kernel           A channel of the kernel\n"
             COMMAND_SESSION_HELP
             "\n\n"
             "Example: tracectl disable-channel big -s orders");
}

int verb_disable_channel(int argc, char *argv[]) {
        static const struct option options[] = {
                { "kernel", no_argument, NULL, 'k' },
                COMMAND_SESSION_OPTIONS,
                {},
        };
        const char *domain = "user";
        _cleanup_(command_free) struct command command = COMMAND_INIT("disable-channel");
        uint32_t pending;
        int status, r;

        for (int c; (c = getopt_long(argc, argv, COMMAND_SESSION_SHORT "k", options, NULL)) >= 0;) {
                if (c == 'k') {
                        domain = "kernel";
                        continue;
                }
                status = command_option(&command, c, argv, options);
                if (status >= 0)
                        return status;
        }
        status = command_check_arguments(&command, argc, argv, 1, 1, "one name of a channel");
        if (status == 0)
                status = command_open_session(&command, NULL);
        if (status != 0)
                return status;
        r = tracectl_session_disable_channel(command.session, domain, argv[optind], &pending);
        if (r < 0)
                return command_fail(&command, "disable the channel", r);
        command_say_pending(&command, pending);
        return command_done(&command, json_pack("{s:s,s:I}", "channel", argv[optind], "pending", (json_int_t) pending),
                            "Channel %s of session %s is disabled.", argv[optind], command.session_name);
}
