/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/tracectl/command.h"
#include "client/tracectl/monitor-print.h"
#include "client/tracectl/record-signals.h"
#include "client/tracectl/say.h"
#include "client/tracectl/session-argument.h"
#include "client/tracectl/verbs.h"
#include "common/cleanup.h"
#include "common/parse.h"

struct monitor {
        struct command command;
        struct session_argument session; /* name NULL: any */
        bool with_all, with_applications;
        uint64_t n_left; /* notices to print; 0: all */
        bool was_following, is_over;
        int status;
};

DEFINE_CLEANUP(tracectl_follower *, tracectl_follower_free)

static void print_help(void) {
        puts("Usage: tracectl monitor [OPTION...] [SESSION]\n"
             "\n"
             "Print what happens in the tracing service while it does, a line each: sessions,\n"
             "channels and event rules that come, change or go, recordings that fail, and the\n"
             "service itself. SESSION, NAME or USER/NAME, stands for itself and what is in it,\n"
             "and need not be there yet. Ctrl-C ends it.\n"
             "\n"
             "  -a, --all              Print what is there at the beginning, too\n"
             "      --applications     Also programs that come and go\n"
             "  -n, --lines N          End after so many lines\n"
             COMMAND_HELP
             "\n\n"
             "Example: tracectl monitor --json=short orders");
}

static bool is_wanted(const struct monitor *monitor, const tracectl_notice *notice) {
        enum tracectl_change change = tracectl_notice_get_change(notice);
        const char *session = tracectl_notice_get_session(notice);

        if (change == TRACECTL_CHANGE_FOLLOWING || change == TRACECTL_CHANGE_LOST)
                return true;
        if (!monitor->was_following && !monitor->with_all)
                return false;
        if (!monitor->session.name)
                return true;
        return session && strcmp(session, monitor->session.name) == 0 &&
                (monitor->session.uid == (uid_t) -1 || monitor->session.uid == tracectl_notice_get_owner(notice));
}

static void end(struct monitor *monitor, int status) {
        monitor->is_over = true;
        monitor->status = status;
}

static void on_notice(tracectl_connection *connection, const tracectl_notice *notice, void *userdata) {
        struct monitor *monitor = userdata;
        enum tracectl_change change = tracectl_notice_get_change(notice);
        int r;

        if (monitor->is_over)
                return;
        if (change == TRACECTL_CHANGE_LOST && !monitor->was_following) {
                end(monitor, command_fail(&monitor->command, "follow the service", -EIO));
                return;
        }
        if (is_wanted(monitor, notice)) {
                r = monitor_print(notice, monitor->command.json);
                if (r == -ENOMEM)
                        end(monitor, command_out_of_memory());
                else if (r < 0 || (monitor->n_left > 0 && --monitor->n_left == 0))
                        end(monitor, EXIT_SUCCESS); /* of a write that failed, main() speaks */
        }
        monitor->was_following |= change == TRACECTL_CHANGE_FOLLOWING;
}

/* Until there is something to do; 1 when it is the end. */
static int wait_for_news(const struct monitor *monitor, const struct signals *signals) {
        struct pollfd fds[] = {
                { .fd = tracectl_connection_get_fd(monitor->command.connection),
                  .events = (short) tracectl_connection_get_events(monitor->command.connection) },
                { .fd = signals->fd, .events = POLLIN },
                { .fd = STDOUT_FILENO }, /* tells that nobody reads any more */
        };
        uint64_t usec;

        /* Something may have been read already; calls that are waited for end by themselves, each second is often enough. */
        if (tracectl_connection_get_timeout(monitor->command.connection, &usec) >= 0 && usec == 0)
                return 0;
        if (poll(fds, ARRAY_SIZE(fds), 1000) < 0 && errno != EINTR)
                return -errno;
        return fds[1].revents != 0 || (fds[2].revents & POLLERR) != 0;
}

static int run(struct monitor *monitor) {
        struct tracectl_follow_options options = TRACECTL_FOLLOW_OPTIONS_INIT;
        _cleanup_(tracectl_follower_freep) tracectl_follower *follower = NULL;
        _cleanup_(signals_done) struct signals signals = SIGNALS_NULL;
        int status, r;

        status = command_connect(&monitor->command);
        if (status != 0)
                return status;
        r = signals_take(&signals);
        if (r < 0) {
                say("Failed to set up signals: %s.", strerror(-r));
                return EXIT_FAILURE;
        }
        options.applications = monitor->with_applications;
        r = tracectl_follow(monitor->command.connection, &options, on_notice, monitor, &follower);
        while (r >= 0) {
                r = tracectl_connection_process(monitor->command.connection);
                if (monitor->is_over)
                        return monitor->status;
                if (r >= 0)
                        r = wait_for_news(monitor, &signals);
                if (r > 0)
                        return EXIT_SUCCESS;
        }
        return command_fail(&monitor->command, "follow the service", r);
}

static int set_lines(struct monitor *monitor, const char *text) {
        if (parse_u64(text, &monitor->n_left) >= 0 && monitor->n_left > 0)
                return -1;
        say("'%s' is no number of lines to end after. See: tracectl monitor --help", text);
        return EXIT_USAGE;
}

/* -1: go on; else the exit status. */
static int read_options(struct monitor *monitor, int argc, char *argv[]) {
        enum { OPTION_APPLICATIONS = COMMAND_OWN };
        static const struct option options[] = {
                { "all", no_argument, NULL, 'a' },
                { "applications", no_argument, NULL, OPTION_APPLICATIONS },
                { "lines", required_argument, NULL, 'n' },
                COMMAND_OPTIONS,
                {},
        };
        int status = -1;

        for (int c; status < 0 && (c = getopt_long(argc, argv, COMMAND_SHORT "an:", options, NULL)) >= 0;)
                switch (c) {
                case 'a':
                        monitor->with_all = true;
                        break;
                case 'n':
                        status = set_lines(monitor, optarg);
                        break;
                case OPTION_APPLICATIONS:
                        monitor->with_applications = true;
                        break;
                default:
                        status = command_option(&monitor->command, c, argv, options);
                }
        if (status < 0 && command_check_arguments(&monitor->command, argc, argv, 0, 1, "one session") != 0)
                status = EXIT_USAGE;
        return status;
}

static int read_session(struct monitor *monitor, const char *argument) {
        int status;

        if (!argument)
                return 0;
        status = session_argument_parse(argument, &monitor->session);
        /* Without a user: whoever has one of that name. */
        if (status == 0 && monitor->session.name == argument)
                monitor->session.uid = (uid_t) -1;
        return status;
}

int verb_monitor(int argc, char *argv[]) {
        struct monitor monitor = { .command = COMMAND_INIT("monitor") };
        int status;

        status = read_options(&monitor, argc, argv);
        if (status < 0)
                status = read_session(&monitor, argv[optind]) ?: run(&monitor);
        command_free(&monitor.command);
        return status;
}
