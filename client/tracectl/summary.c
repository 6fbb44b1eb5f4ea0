/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/tracectl/options.h"
#include "client/tracectl/progress.h"
#include "client/tracectl/remote.h"
#include "client/tracectl/say.h"
#include "client/tracectl/summary.h"
#include "client/tracectl/verbs.h"
#include "client/tracectl/view-names.h"
#include "client/tracectl/view-trace.h"
#include "common/cleanup.h"
#include "common/parse.h"

#define SHORT_OPTIONS ":b:cn:hH:"

#define ROWS 20

struct summary_arguments {
        const char *host; /* where to run, or NULL */
        bool is_user;
        struct view_select select;
        enum json_mode json;
        const char *path;
};

static void print_help(void) {
        puts("Usage: tracectl summary [OPTION...] [DIR|SESSION]\n"
             "\n"
             "Count what a recording has: events and how many a second, by name, by process\n"
             "and by thread; and how long what begins and ends took (NAME_begin and NAME_end,\n"
             "NAME_entry and NAME_exit, NAME_start and NAME_stop or NAME_done, calls of libc).\n"
             "Without an argument, the newest recording here or else the current session's.\n"
             "\n"
             "  -b, --by WHAT      Only by event, process, thread, duration, or by the values\n"
             "                     of the field of that name; may be given several times\n"
             "  -c, --count        Only count the events of each name: the fastest of all\n"
             "  -n, --lines N      At most so many lines of each table (default: 20; 0: all)\n"
             "      --json[=MODE]  Print JSON, with all lines: pretty, short or off\n"
             "      --since=TIME, --until=TIME, --event=GLOB, --pid=PID, --process=GLOB,\n"
             "      --filter=EXPR  Only such events, as with tracectl view\n"
             "      --user         SESSION is one of this user's service, not the machine's\n"
             "  -H, --host=[USER@]HOST\n"
             "                     Do it on another machine, over ssh, where DIR is\n"
             "  -h, --help         Print this text\n"
             "\n"
             "Example: tracectl summary --by customer shop-20260131-120000");
}

static int set_by(struct summary *summary, const char *word) {
        static const struct {
                const char *word;
                enum summary_by by;
        } words[] = {
                { "event", SUMMARY_BY_EVENT },
                { "process", SUMMARY_BY_PROCESS },
                { "thread", SUMMARY_BY_THREAD },
                { "duration", SUMMARY_BY_SPAN },
        };

        for (size_t i = 0; i < ARRAY_SIZE(words); i++)
                if (strcmp(words[i].word, word) == 0) {
                        summary->by |= words[i].by;
                        return 0;
                }
        if (summary->field && strcmp(summary->field, word) != 0) {
                say("One field can be counted, not both '%s' and '%s'. See: tracectl summary --help", summary->field,
                    word);
                return EXIT_USAGE;
        }
        summary->field = word;
        summary->by |= SUMMARY_BY_FIELD;
        return 0;
}

static int set_rows(struct summary *summary, const char *text) {
        uint64_t rows;

        if (parse_u64(text, &rows) >= 0 && rows <= UINT32_MAX) {
                summary->rows = (uint32_t) rows;
                return 0;
        }
        say("'%s' is no number of lines. See: tracectl summary --help", text);
        return EXIT_USAGE;
}

/* Counting looks at no event, so it can tell nothing else. */
static int check_count(struct summary *summary, const struct summary_arguments *arguments) {
        if (!summary->is_count) {
                if (summary->by == 0)
                        summary->by = SUMMARY_BY_USUAL;
                return 0;
        }
        if (summary->by != 0 || view_select_is_used(&arguments->select)) {
                say("--count only counts events by name, and goes with --since and --until alone. "
                    "See: tracectl summary --help");
                return EXIT_USAGE;
        }
        summary->by = SUMMARY_BY_EVENT;
        return 0;
}

/* -1: go on; else the exit status. */
static int read_options(struct summary *summary, struct summary_arguments *arguments, int argc, char *argv[]) {
        enum { OPTION_JSON = 256, OPTION_USER };
        static const struct option options[] = {
                { "by", required_argument, NULL, 'b' },
                { "count", no_argument, NULL, 'c' },
                { "lines", required_argument, NULL, 'n' },
                { "json", optional_argument, NULL, OPTION_JSON },
                { "user", no_argument, NULL, OPTION_USER },
                { "host", required_argument, NULL, 'H' },
                VIEW_SELECT_OPTIONS,
                { "help", no_argument, NULL, 'h' },
                {},
        };
        int r = 0;

        for (int c; r == 0 && (c = getopt_long(argc, argv, SHORT_OPTIONS, options, NULL)) >= 0;)
                switch (c) {
                case 'b':
                        r = set_by(summary, optarg);
                        break;
                case 'c':
                        summary->is_count = true;
                        break;
                case 'n':
                        r = set_rows(summary, optarg);
                        break;
                case OPTION_JSON:
                        if (!json_mode_parse(optarg, &arguments->json)) {
                                say("There is no mode '%s' of JSON; it is pretty, short or off.", optarg);
                                return EXIT_USAGE;
                        }
                        break;
                case OPTION_USER:
                        arguments->is_user = true;
                        break;
                case 'H':
                        arguments->host = optarg;
                        break;
                case 'h':
                        print_help();
                        return EXIT_SUCCESS;
                default:
                        if (!view_select_option(c))
                                return options_refuse("summary", c, argv, options);
                        r = view_select_add(&arguments->select, view_select_option(c), optarg);
                }
        if (r == 0)
                r = check_count(summary, arguments);
        if (r != 0)
                return r;
        if (optind + 1 < argc) {
                say("'summary' takes one directory, but there is also '%s'. See: tracectl summary --help",
                    argv[optind + 1]);
                return EXIT_USAGE;
        }
        arguments->path = optind < argc ? argv[optind] : NULL;
        return -1;
}

static int print(const struct summary *summary, const struct summary_arguments *arguments, const char *path) {
        int r;

        if (arguments->json != JSON_MODE_OFF)
                return json_print(arguments->json, summary_to_json(summary));
        r = summary_print(summary, path);
        if (r < 0) {
                say("Failed to print the summary: %s", strerror(-r));
                return EXIT_FAILURE;
        }
        return EXIT_SUCCESS;
}

int summary_show(const char *path) {
        _cleanup_(view_trace_done) struct view_trace trace = {};
        _cleanup_(summary_done) struct summary summary = { .rows = ROWS, .by = SUMMARY_BY_USUAL };
        int r;

        r = view_trace_open(&trace, path, false);
        if (r != 0)
                return -EIO;
        r = summary_read(&summary, trace.reader, NULL);
        view_trace_say_reports(&trace);
        return r < 0 ? r : summary_print(&summary, path);
}

static void arguments_done(struct summary_arguments *arguments) {
        view_select_done(&arguments->select);
}

int verb_summary(int argc, char *argv[]) {
        static const char *const tables[] = { "event", "process", "thread", "duration", NULL };
        _cleanup_(view_trace_done) struct view_trace trace = {};
        _cleanup_(summary_done) struct summary summary = { .rows = ROWS };
        _cleanup_(arguments_done) struct summary_arguments arguments = {};
        _cleanup_free_ char *path = NULL;
        int r;

        view_select_init(&arguments.select);
        r = read_options(&summary, &arguments, argc, argv);
        if (r >= 0)
                return r;
        if (arguments.host)
                return remote_run(arguments.host, arguments.is_user, argc, argv, argc, SHORT_OPTIONS);
        r = view_trace_find(arguments.is_user, arguments.path, &path);
        if (r == 0)
                r = view_trace_open(&trace, path, false);
        if (r != 0)
                return r;
        if (arguments.select.has_range)
                tracectl_reader_set_range(trace.reader, arguments.select.since, arguments.select.until);
        view_names_check(&arguments.select, trace.reader);
        /* Counting alone does not look for signals: they end it as they are. */
        if (!summary.is_count)
                progress_catch_signals();
        r = summary_read(&summary, trace.reader, view_select_is_used(&arguments.select) ? &arguments.select : NULL);
        progress_die();
        view_trace_say_reports(&trace);
        if (r < 0) {
                say("Failed to read the events: %s", strerror(-r));
                return EXIT_FAILURE;
        }
        if (summary.n > 0 && summary.n_without_field == summary.n)
                view_names_check_field(summary.field, trace.reader, tables);
        return print(&summary, &arguments, path);
}
