/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/tracectl/options.h"
#include "client/tracectl/output-calls.h"
#include "client/tracectl/output-file.h"
#include "client/tracectl/pager.h"
#include "client/tracectl/progress.h"
#include "client/tracectl/remote.h"
#include "client/tracectl/say.h"
#include "client/tracectl/verbs.h"
#include "client/tracectl/view-follow.h"
#include "client/tracectl/view-names.h"
#include "client/tracectl/view-output.h"
#include "client/tracectl/view-select.h"
#include "client/tracectl/view-trace.h"
#include "common/cleanup.h"

#define SHORT_OPTIONS ":ado:O:S:U:e:p:g:fhH:"

struct view {
        const struct view_output *output;
        struct view_select select;
        const char *host; /* where to run, or NULL */
        bool with_markers, with_date, with_durations, with_uncertain, with_calls, without_pager, is_user, is_following;
        const char *path; /* NULL: whichever is meant */
        const char *file; /* NULL: stdout */
};

static void print_help(void) {
        puts("Usage: tracectl view [OPTION...] [DIR|SESSION]\n"
             "\n"
             "Print the events of a recording in the order of their time: when, process and\n"
             "thread, which event, and its fields. DIR is what tracectl record made, or any\n"
             "directory with CTF 1.8 traces in or below it; SESSION, where there is no such\n"
             "directory, stands for the output of a session. Without both, the newest\n"
             "recording in the current directory or else the current session's.\n"
             "\n"
             "  -a, --all        Also tracectl:thread events, which say whose events follow,\n"
             "                   and the state dump of the kernel's traces\n"
             "  -d, --date       Print the date before the time\n"
             "  -o, --output=FORM What to write: text, json (an object a line), csv, chrome\n"
             "                   (for trace viewers), folded (for flame graphs), or html\n"
             "                   (a page that shows them in a browser)\n"
             "  -O, --output-file=FILE\n"
             "                   Write FILE, whole or not at all, instead of stdout\n"
             "  -S, --since=TIME, -U, --until=TIME\n"
             "                   Only events from TIME on, and before: '2026-01-31 12:00:00',\n"
             "                   12:00:00.25, yesterday, -5min\n"
             "  -e, --event=GLOB Only events of this name, such as 'libc:*'\n"
             "  -p, --pid=PID    Only what this process recorded\n"
             "      --process=GLOB\n"
             "                   Only processes of this name, where context procname tells it\n"
             "      --filter=EXPR\n"
             "                   Only where this is true: fields and $ctx.CONTEXT, as in C\n"
             "  -g, --grep=REGEX Only lines like this; without capitals, in either case\n"
             "  -f, --follow     Print what SESSION records from now on, as it happens\n"
             "      --durations  With events that end what another began, how long it took\n"
             "      --calls      Each system call in one line, when it has returned: names of\n"
             "                   files, result, and how long it took, as strace has it\n"
             "      --uncertain  Mark events so close to one of another processor before them\n"
             "                   that it may have been the other way round, with a ~\n"
             "      --no-pager   Print to the terminal at once, not page by page\n"
             "      --user       SESSION is one of this user's service, not the machine's\n"
             "  -H, --host=[USER@]HOST\n"
             "                   Do it on another machine, over ssh, where DIR and FILE are\n"
             "  -h, --help       Print this text\n"
             "\n"
             "Times are local ($TZ). On a terminal the text goes through $PAGER, and is\n"
             "coloured unless $NO_COLOR is set. Events that the recording had to discard are\n"
             "counted on stderr at the end.\n"
             "\n"
             "Examples: tracectl view --event='libc:open*' ls-20260131-120000\n"
             "          tracectl view -o html -O ls.html ls-20260131-120000");
}

static const char *name_of(const struct option *options, int value) {
        while (options->val != value)
                options++;
        return options->name;
}

/* Two events become a line, so nothing that is said of one event alone goes with it. As check_options(). */
static int use_calls(struct view *view) {
        const struct view_output *output = view_output_calls(view->output);
        const char *other = view->with_durations ? "--durations" :
                view->with_uncertain ? "--uncertain" : view->select.filter ? "--filter" : NULL;

        if (!output || other) {
                say("--calls makes one line of two events; it goes without %s%s", other ? other : "the output ",
                    other ? "" : view->output->name);
                return EXIT_USAGE;
        }
        view->output = output;
        return -1;
}

/* -1: go on; else the exit status. */
static int check_options(struct view *view, int argc, char *argv[]) {
        if (optind + 1 < argc) {
                say("'view' takes one directory, but there is also '%s'. See: tracectl view --help", argv[optind + 1]);
                return EXIT_USAGE;
        }
        if (view->select.grep && !view->output->is_text) {
                say("--grep looks at lines of text, which the output '%s' does not have", view->output->name);
                return EXIT_USAGE;
        }
        view->path = optind < argc ? argv[optind] : NULL;
        return view->with_calls ? use_calls(view) : -1;
}

/* As check_options(). */
static int read_options(struct view *view, int argc, char *argv[]) {
        enum { OPTION_NO_PAGER = 256, OPTION_USER, OPTION_DURATIONS, OPTION_UNCERTAIN, OPTION_CALLS,
               OPTION_PROCESS, OPTION_FILTER };
        static const struct option options[] = {
                { "all", no_argument, NULL, 'a' },
                { "date", no_argument, NULL, 'd' },
                { "output", required_argument, NULL, 'o' },
                { "output-file", required_argument, NULL, 'O' },
                { "since", required_argument, NULL, 'S' },
                { "until", required_argument, NULL, 'U' },
                { "event", required_argument, NULL, 'e' },
                { "pid", required_argument, NULL, 'p' },
                { "process", required_argument, NULL, OPTION_PROCESS },
                { "filter", required_argument, NULL, OPTION_FILTER },
                { "grep", required_argument, NULL, 'g' },
                { "follow", no_argument, NULL, 'f' },
                { "durations", no_argument, NULL, OPTION_DURATIONS },
                { "uncertain", no_argument, NULL, OPTION_UNCERTAIN },
                { "calls", no_argument, NULL, OPTION_CALLS },
                { "no-pager", no_argument, NULL, OPTION_NO_PAGER },
                { "user", no_argument, NULL, OPTION_USER },
                { "host", required_argument, NULL, 'H' },
                { "help", no_argument, NULL, 'h' },
                {},
        };

        int r;

        for (int c; (c = getopt_long(argc, argv, SHORT_OPTIONS, options, NULL)) >= 0;)
                switch (c) {
                case 'a':
                        view->with_markers = true;
                        break;
                case 'd':
                        view->with_date = true;
                        break;
                case 'o':
                        view->output = view_output_find(optarg);
                        if (!view->output)
                                return view_output_refuse(optarg);
                        break;
                case 'O':
                        view->file = optarg;
                        break;
                case 'f':
                        view->is_following = true;
                        break;
                case OPTION_DURATIONS:
                        view->with_durations = true;
                        break;
                case OPTION_UNCERTAIN:
                        view->with_uncertain = true;
                        break;
                case OPTION_CALLS:
                        view->with_calls = true;
                        break;
                case OPTION_NO_PAGER:
                        view->without_pager = true;
                        break;
                case OPTION_USER:
                        view->is_user = true;
                        break;
                case 'H':
                        view->host = optarg;
                        break;
                case 'h':
                        print_help();
                        return EXIT_SUCCESS;
                default:
                        r = c == '?' || c == ':' ? options_refuse("view", c, argv, options) :
                                                   view_select_add(&view->select, name_of(options, c), optarg);
                        if (r != 0)
                                return r;
                }
        return check_options(view, argc, argv);
}

static bool wants_colours(void) {
        const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");

        return isatty(STDOUT_FILENO) && (!no_color || *no_color == '\0') && term && strcmp(term, "dumb") != 0;
}

static int open_output(const struct view *view, struct output_file *file) {
        int r;

        if (!view->file)
                return 0;
        r = output_file_open(file, view->file);
        if (r < 0) {
                say("Failed to create %s: %s", view->file, strerror(-r));
                return EXIT_FAILURE;
        }
        return 0;
}

/* Whose events these are, they alone know; output-calls.c shows only those of the calls that are wanted. */
static void let_names_pass(const struct view *view, struct view_select *select) {
        if (view->with_calls && select->n_globs > 0 && select->n_globs < VIEW_SELECT_MAX)
                select->globs[select->n_globs++] = "bpf_trace_printk";
}

static int follow_session(const struct view *view) {
        struct view_select select = view->select;
        struct view_output_options options = {
                .path = "",
                .is_coloured = wants_colours(),
                .with_date = view->with_date,
                .with_durations = view->with_durations,
                .with_uncertain = view->with_uncertain,
                .select = view_select_is_used(&select) ? &select : NULL,
        };

        if (view->file || view->select.has_range) {
                say("--follow shows what happens from now on; it goes without %s",
                    view->file ? "--output-file" : "--since and --until");
                return EXIT_USAGE;
        }
        let_names_pass(view, &select);
        return view_follow(view->is_user, view->path, view->output, &options, view->with_markers);
}

static int write_events(const struct view *view, struct view_trace *trace, const char *path,
                        struct output_file *file) {
        bool is_paged = view->output->is_text && !view->without_pager && !view->file;
        struct view_select select = view->select;
        struct view_output_options options = {
                .path = path,
                .is_coloured = !view->file && wants_colours(),
                .with_date = view->with_date,
                .with_durations = view->with_durations,
                .with_uncertain = view->with_uncertain,
                .select = view_select_is_used(&select) ? &select : NULL,
        };
        struct pager pager = {};
        int r;

        let_names_pass(view, &select);
        if (is_paged)
                pager_open(&pager);
        r = view_output_run(view->output, &options, trace->reader, view->file ? file->fd : STDOUT_FILENO);
        pager_close(&pager);
        return r >= 0 && view->file ? output_file_commit(file) : r;
}

static int view_trace(const struct view *view, const char *path) {
        _cleanup_(view_trace_done) struct view_trace trace = {};
        _cleanup_(output_file_done) struct output_file file = OUTPUT_FILE_NULL;
        int r;

        r = view_trace_open(&trace, path, view->with_markers);
        if (r == 0 && view->select.has_range)
                tracectl_reader_set_range(trace.reader, view->select.since, view->select.until);
        if (r == 0)
                view_names_check(&view->select, trace.reader);
        if (r == 0)
                r = open_output(view, &file);
        if (r != 0)
                return r;
        r = write_events(view, &trace, path, &file);
        view_trace_say_reports(&trace);
        if (r == -EPIPE || r == -EINTR)
                return r == -EPIPE ? EXIT_SUCCESS : EXIT_FAILURE;
        if (r < 0) {
                say("Failed to print the events: %s", strerror(-r));
                return EXIT_FAILURE;
        }
        view_trace_say_losses(&trace);
        return EXIT_SUCCESS;
}

static void view_done(struct view *view) {
        view_select_done(&view->select);
}

int verb_view(int argc, char *argv[]) {
        _cleanup_(view_done) struct view view = { .output = &view_output_text };
        _cleanup_free_ char *path = NULL;
        int r;

        view_select_init(&view.select);
        r = read_options(&view, argc, argv);
        if (r >= 0)
                return r;
        if (view.host)
                return remote_run(view.host, view.is_user, argc, argv, argc, SHORT_OPTIONS);
        if (!view.file && view_output_refuse_terminal(view.output, STDOUT_FILENO))
                return EXIT_USAGE;
        if (view.is_following) {
                signal(SIGPIPE, SIG_IGN);
                return follow_session(&view);
        }
        r = view_trace_find(view.is_user, view.path, &path);
        if (r != 0)
                return r;
        signal(SIGPIPE, SIG_IGN);
        if (view.file)
                progress_catch_signals();
        r = view_trace(&view, path);
        progress_die();
        return r;
}
