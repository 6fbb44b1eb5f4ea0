/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/tracectl/command.h"
#include "client/tracectl/current.h"
#include "client/tracectl/say.h"
#include "client/tracectl/verbs.h"
#include "common/cleanup.h"

static void print_help(void) {
        puts("Usage: tracectl set-session [OPTION...] SESSION\n\n"
             "Make a session (NAME, or USER/NAME) the current one, which the other verbs mean\n"
             "when they are told no other.\n\n"
             COMMAND_HELP
             "\n\n"
             "Example: tracectl set-session orders");
}

int verb_set_session(int argc, char *argv[]) {
        static const struct option options[] = { COMMAND_OPTIONS, {} };
        _cleanup_(command_free) struct command command = COMMAND_INIT("set-session");
        int status, r;

        status = command_options(&command, argc, argv, COMMAND_SHORT, options);
        if (status >= 0)
                return status;
        if (command.host) {
                say("A current session is one of this machine's service. Name those of another host with -s.");
                return EXIT_USAGE;
        }
        status = command_check_arguments(&command, argc, argv, 1, 1, "one session");
        if (status == 0)
                status = command_open_session(&command, argv[optind]);
        if (status != 0)
                return status;
        r = current_write(command.is_user, command.session_name);
        if (r < 0) {
                say("Failed to keep which session is the current one: %s. Name it with -s instead.", strerror(-r));
                return EXIT_FAILURE;
        }
        return command_done(&command, json_object(), "The current session is %s.", command.session_name);
}
