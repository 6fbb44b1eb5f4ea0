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
             COMMAND_SESSION_HELP
             "\n\n"
             "Example: tracectl start orders");
}

int verb_start(int argc, char *argv[]) {
        _cleanup_(command_free) struct command command = COMMAND_INIT("start");
        uint32_t pending;
        int status, r;

        status = command_begin_on_session(&command, argc, argv);
        if (status >= 0)
                return status;
        r = tracectl_session_start(command.session, &pending);
        if (r < 0)
                return command_fail(&command, "start recording", r);
        command_say_pending(&command, pending);
        return command_done(&command, json_pack("{s:I}", "pending", (json_int_t) pending),
                            "Session %s is recording.", command.session_name);
}
