/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "client/tracectl/command.h"
#include "client/tracectl/finished.h"
#include "client/tracectl/verbs.h"
#include "common/cleanup.h"

#define NAME_SIZE 64

DEFINE_CLEANUP(tracectl_counts *, tracectl_counts_free)

static void print_help(void) {
        puts("Usage: tracectl snapshot [OPTION...] [NAME]\n\n"
             "Write what the rings of a flight recorder hold now into a new directory of its\n"
             "output; NAME is by default snapshot- and the time. It goes on recording.\n\n"
             COMMAND_SESSION_HELP
             "\n\n"
             "Example: tracectl snapshot before-the-crash -s orders");
}

/* As those of record; the microseconds keep two snapshots of one second apart. */
static int name_by_time(char name[static NAME_SIZE]) {
        char stamp[32];
        struct timespec now;
        struct tm tm;

        if (clock_gettime(CLOCK_REALTIME, &now) < 0 || !localtime_r(&now.tv_sec, &tm) ||
            strftime(stamp, sizeof(stamp), "%Y%m%d-%H%M%S", &tm) == 0)
                return -EOVERFLOW;
        snprintf(name, NAME_SIZE, "snapshot-%s-%06ld", stamp, now.tv_nsec / 1000);
        return 0;
}

int verb_snapshot(int argc, char *argv[]) {
        static const struct option options[] = { COMMAND_SESSION_OPTIONS, {} };
        _cleanup_(command_free) struct command command = COMMAND_INIT("snapshot");
        _cleanup_(tracectl_counts_freep) tracectl_counts *counts = NULL;
        _cleanup_free_ char *path = NULL;
        char name[NAME_SIZE];
        int status, r;

        status = command_options(&command, argc, argv, COMMAND_SESSION_SHORT, options);
        if (status >= 0)
                return status;
        status = command_check_arguments(&command, argc, argv, 0, 1, "one name");
        if (status == 0)
                status = command_open_session(&command, NULL);
        if (status != 0)
                return status;
        r = argv[optind] ? 0 : name_by_time(name);
        if (r >= 0)
                r = tracectl_session_snapshot(command.session, argv[optind] ? argv[optind] : name, &path, &counts);
        if (r < 0)
                return command_fail(&command, "write the snapshot", r);
        return finished_say(&command, counts, path);
}
