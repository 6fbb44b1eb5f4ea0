/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <stdio.h>
#include <stdlib.h>

#include "client/tracectl/command.h"
#include "client/tracectl/verbs.h"
#include "common/cleanup.h"

static void print_help(void) {
        puts("Usage: tracectl clear [OPTION...] [SESSION]\n\n"
             "Forget what a session has recorded since its last rotation.\n\n"
             COMMAND_SESSION_HELP
             "\n\n"
             "Example: tracectl clear orders");
}

int verb_clear(int argc, char *argv[]) {
        _cleanup_(command_free) struct command command = COMMAND_INIT("clear");
        int status, r;

        status = command_begin_on_session(&command, argc, argv);
        if (status >= 0)
                return status;
        r = tracectl_session_clear(command.session);
        if (r < 0)
                return command_fail(&command, "clear the session", r);
        return command_done(&command, json_object(), "Session %s is empty.", command.session_name);
}
