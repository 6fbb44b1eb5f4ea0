/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "client/tracectl/command.h"
#include "client/tracectl/finished.h"
#include "client/tracectl/verbs.h"
#include "common/cleanup.h"

DEFINE_CLEANUP(tracectl_counts *, tracectl_counts_free)

static void print_help(void) {
        puts("Usage: tracectl stop [OPTION...] [SESSION]\n\n"
             "Stop recording. When it returns, the last event is in the trace. The last line\n"
             "says what was recorded, what was lost, where it is and how to look at it.\n\n"
             COMMAND_SESSION_HELP
             "\n\n"
             "Example: tracectl stop orders");
}

int verb_stop(int argc, char *argv[]) {
        _cleanup_(command_free) struct command command = COMMAND_INIT("stop");
        _cleanup_(tracectl_counts_freep) tracectl_counts *counts = NULL;
        int status, r;

        status = command_begin_on_session(&command, argc, argv);
        if (status >= 0)
                return status;
        r = tracectl_session_stop(command.session, &counts);
        if (r < 0)
                return command_fail(&command, "stop recording", r);
        command_say_pending(&command, (uint32_t) tracectl_counts_get(counts, TRACECTL_COUNT_PENDING));
        return finished_say(&command, counts, NULL);
}
