/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "client/tracectl/command.h"
#include "client/tracectl/remote.h"
#include "client/tracectl/say.h"
#include "client/tracectl/top.h"
#include "client/tracectl/verbs.h"
#include "common/cleanup.h"
#include "common/parse.h"

#define SHORT_OPTIONS ":bn:s:H:h"

#define INTERVAL_MSEC 1000

static void print_help(void) {
        puts("Usage: tracectl top [OPTION...] [SESSION]\n"
             "\n"
             "Count what happens in a session while it does, on a screen that is renewed each\n"
             "second: how often each event, by which processes and threads, and how long what\n"
             "begins and ends took. PER SECOND is of the last second, all else since it was\n"
             "started; the busiest come first. 'q' ends it, and so does the session's end.\n"
             "\n"
             "  -b, --batch            Print one picture after another, each second, without\n"
             "                         a screen: for files and pipes, where that is so anyway\n"
             "      --by WHAT          Only by event, process, thread or duration; may be\n"
             "                         given several times\n"
             "  -n, --iterations N     End after so many seconds\n"
             "  -s, --session SESSION  NAME, or USER/NAME; default: the current session, or\n"
             "                         the only one\n"
             "      --user             The tracing service of this user, not the machine's\n"
             "  -H, --host [USER@]HOST Run it on another machine, over ssh\n"
             "  -h, --help             Show this text\n"
             "\n"
             "Example: tracectl top --by process orders");
}

struct arguments {
        struct command command;
        bool is_batch;
        uint64_t iterations;
        unsigned by;
};

int64_t top_now(void) {
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        return (int64_t) now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int top_wait(struct top *top, int64_t until, bool is_eager, int other_fd) {
        int r;

        do {
                int64_t left = until - top_now();
                tracectl_reader *reader;

                r = follow_next(&top->follow, other_fd, left > 0 ? (int) left : 0, &reader);
                if (r > 0)
                        r = summary_read_more(&top->summary, reader) ?: 1;
                if (r < 0 || (r > 0 && is_eager) || other_fd >= 0)
                        return r;
        } while (top_now() < until);
        return r;
}

static int print_batch(struct top *top) {
        _cleanup_free_ char *text = NULL;
        int r;

        r = top_draw(top, 0, &text);
        if (r < 0)
                return r;
        puts(text);
        if (fflush(stdout) == 0)
                return 0;
        return errno == EPIPE ? -ECANCELED : -errno; /* whoever reads has enough */
}

/* One picture each second, and one at the end of the session. */
static int run_batch(struct top *top, uint64_t iterations) {
        int64_t begin = top_now();
        int r = 0;

        for (uint64_t i = 0; r >= 0 && (iterations == 0 || i < iterations); i++) {
                int64_t now;
                int error;

                do
                        r = top_wait(top, begin + INTERVAL_MSEC, false, -1);
                while (r == -EINTR);
                now = top_now();
                error = summary_tick(&top->summary, (double) (now - begin + (now == begin)) / 1000);
                if (error >= 0)
                        error = print_batch(top);
                if (error < 0)
                        return error;
                begin = now;
        }
        return r;
}

static int set_by(unsigned *by, const char *word) {
        static const char *const words[] = { "event", "process", "thread", "duration", NULL };
        static const unsigned values[] = { SUMMARY_BY_EVENT, SUMMARY_BY_PROCESS, SUMMARY_BY_THREAD, SUMMARY_BY_SPAN };

        for (size_t i = 0; words[i]; i++)
                if (strcmp(words[i], word) == 0) {
                        *by |= values[i];
                        return -1;
                }
        return options_refuse_word("table", word, words);
}

static int set_iterations(uint64_t *iterations, const char *text) {
        if (parse_u64(text, iterations) >= 0 && *iterations > 0)
                return -1;
        say("'%s' is no number of seconds to end after. See: tracectl top --help", text);
        return EXIT_USAGE;
}

/* -1: go on; else the exit status. */
static int read_options(struct arguments *arguments, int argc, char *argv[]) {
        enum { OPTION_BY = COMMAND_OWN };
        static const struct option options[] = {
                { "batch", no_argument, NULL, 'b' },
                { "by", required_argument, NULL, OPTION_BY },
                { "iterations", required_argument, NULL, 'n' },
                { "session", required_argument, NULL, 's' },
                { "user", no_argument, NULL, COMMAND_USER },
                { "host", required_argument, NULL, 'H' },
                { "help", no_argument, NULL, 'h' },
                {},
        };
        int status = -1;

        for (int c; status < 0 && (c = getopt_long(argc, argv, SHORT_OPTIONS, options, NULL)) >= 0;)
                switch (c) {
                case 'b':
                        arguments->is_batch = true;
                        break;
                case 'n':
                        status = set_iterations(&arguments->iterations, optarg);
                        break;
                case OPTION_BY:
                        status = set_by(&arguments->by, optarg);
                        break;
                default:
                        status = command_option(&arguments->command, c, argv, options);
                }
        if (status < 0 && command_check_arguments(&arguments->command, argc, argv, 0, 1, "one session") != 0)
                status = EXIT_USAGE;
        return status;
}

static void top_done(struct top *top) {
        follow_done(&top->follow);
        summary_done(&top->summary);
}

static int run(struct arguments *arguments, const char *session) {
        struct command *command = &arguments->command;
        _cleanup_(top_done) struct top top = {
                .summary = { .by = arguments->by ?: SUMMARY_BY_USUAL, .changes = { .is_live = true } },
        };
        int status, r;

        status = command_open_session(command, session);
        if (status != 0)
                return status;
        r = follow_open(&top.follow, command->session);
        if (r < 0)
                return command_fail(command, "follow the session", r);
        top.session = command->session_name;
        if (arguments->is_batch || !isatty(STDOUT_FILENO))
                r = run_batch(&top, arguments->iterations);
        else
                r = top_run_on_screen(&top, arguments->iterations);
        if (r == -EPIPE)
                say("Session '%s' has ended, or its consumer has.", command->session_name);
        else if (r < 0 && r != -ECANCELED)
                say("Failed to follow session '%s': %s", command->session_name, strerror(-r));
        return r < 0 && r != -EPIPE && r != -ECANCELED ? EXIT_FAILURE : r > 0 ? r : EXIT_SUCCESS;
}

int verb_top(int argc, char *argv[]) {
        struct arguments arguments = { .command = COMMAND_INIT("top") };
        int status;

        status = read_options(&arguments, argc, argv);
        if (status < 0)
                status = arguments.command.host ? remote_run(arguments.command.host, arguments.command.is_user, argc,
                                                             argv, argc, SHORT_OPTIONS) :
                                                  run(&arguments, argv[optind]);
        command_free(&arguments.command);
        return status;
}
