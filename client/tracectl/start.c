/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <stdio.h>
#include <stdlib.h>

#include "client/tracectl/command.h"
#include "client/tracectl/verbs.h"
#include "common/cleanup.h"

static void print_help(void) {
        puts("Usage: tracectl start [OPTION...] [SESSION]\n\n"
             "Start recording. When it returns, the programs that run and have the enabled\n"
             "events record them.\n\n"
             COMMAND_SESSION_HELP);
}

int verb_start(int argc, char *argv[]) {
        static const struct option options[] = { COMMAND_SESSION_OPTIONS, {} };
        _cleanup_(command_free) struct command command = COMMAND_INIT("start");
        int status, r;

        status = command_options(&command, argc, argv, COMMAND_SESSION_SHORT, options);
        if (status >= 0)
                return status;
        status = command_check_arguments(&command, argc, argv, 0, 1, "one session");
        if (status == 0)
                status = command_open_session(&command, argv[optind]);
        if (status != 0)
                return status;
        r = tracectl_session_start(command.session);
        if (r < 0)
                return command_fail(&command, "start recording", r);
        return command_done(&command, json_object(), "Session %s is recording.", command.session_name);
}
