/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <stdio.h>
#include <stdlib.h>

#include "client/tracectl/command.h"
#include "client/tracectl/text.h"
#include "client/tracectl/verbs.h"
#include "common/cleanup.h"

static void print_help(void) {
        puts("Usage: tracectl rotate [OPTION...] [SESSION]\n\n"
             "Put what was recorded so far aside, into a complete trace of its own, and print\n"
             "where that is. Recording goes on.\n\n"
             COMMAND_SESSION_HELP
             "\n\n"
             "Example: tracectl rotate orders");
}

int verb_rotate(int argc, char *argv[]) {
        _cleanup_(command_free) struct command command = COMMAND_INIT("rotate");
        _cleanup_free_ char *path = NULL, *shown = NULL;
        int status, r;

        status = command_begin_on_session(&command, argc, argv);
        if (status >= 0)
                return status;
        r = tracectl_session_rotate(command.session, &path);
        if (r < 0)
                return command_fail(&command, "rotate the trace", r);
        shown = text_escaped_copy(path);
        if (!shown)
                return command_out_of_memory();
        return command_done(&command, json_pack("{s:o}", "output", json_from_text(path)), "%s", shown);
}
