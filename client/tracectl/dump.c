/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <stdio.h>
#include <stdlib.h>

#include "client/tracectl/command.h"
#include "client/tracectl/verbs.h"
#include "common/cleanup.h"

static void print_help(void) {
        puts("Usage: tracectl dump [OPTION...] [SESSION]\n\n"
             "Print the profile that makes such a session, for tracectl apply.\n\n"
             COMMAND_SESSION_HELP
             "\n\n"
             "Example: tracectl dump orders >orders.conf");
}

int verb_dump(int argc, char *argv[]) {
        _cleanup_(command_free) struct command command = COMMAND_INIT("dump");
        _cleanup_free_ char *profile = NULL;
        int status, r;

        status = command_begin_on_session(&command, argc, argv);
        if (status >= 0)
                return status;
        r = tracectl_session_dump(command.session, &profile);
        if (r < 0)
                return command_fail(&command, "ask for the profile", r);
        if (command_wants_json(&command))
                return command_done(&command, json_pack("{s:o}", "profile", json_from_text(profile)), "%s", "");
        fputs(profile, stdout);
        return EXIT_SUCCESS;
}
