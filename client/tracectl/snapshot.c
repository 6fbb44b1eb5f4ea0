/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <stdio.h>
#include <stdlib.h>

#include "client/tracectl/command.h"
#include "client/tracectl/finished.h"
#include "client/tracectl/verbs.h"
#include "common/cleanup.h"

DEFINE_CLEANUP(tracectl_counts *, tracectl_counts_free)

static void print_help(void) {
        puts("Usage: tracectl snapshot [OPTION...] [NAME]\n\n"
             "Write what the rings of a flight recorder hold now into a directory NAME (by\n"
             "default the next number) of its output. It goes on recording.\n\n"
             COMMAND_SESSION_HELP);
}

int verb_snapshot(int argc, char *argv[]) {
        static const struct option options[] = { COMMAND_SESSION_OPTIONS, {} };
        _cleanup_(command_free) struct command command = COMMAND_INIT("snapshot");
        _cleanup_(tracectl_counts_freep) tracectl_counts *counts = NULL;
        _cleanup_free_ char *path = NULL;
        int status, r;

        status = command_options(&command, argc, argv, COMMAND_SESSION_SHORT, options);
        if (status >= 0)
                return status;
        status = command_check_arguments(&command, argc, argv, 0, 1, "one name");
        if (status == 0)
                status = command_open_session(&command, NULL);
        if (status != 0)
                return status;
        r = tracectl_session_snapshot(command.session, argv[optind], &path, &counts);
        if (r < 0)
                return command_fail(&command, "write the snapshot", r);
        return finished_say(&command, counts, path);
}
