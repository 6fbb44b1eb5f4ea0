/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "client/libtracectl-read/tracectl-read.h"
#include "client/tracectl/current.h"
#include "client/tracectl/latest.h"
#include "client/tracectl/options.h"
#include "client/tracectl/pager.h"
#include "client/tracectl/say.h"
#include "client/tracectl/verbs.h"
#include "client/tracectl/view-event.h"
#include "client/tracectl/view-session.h"
#include "common/cleanup.h"

#define REPORTS_MAX 8

DEFINE_CLEANUP(tracectl_reader *, tracectl_reader_free)

struct view {
        bool with_markers, with_date, without_pager, is_user;
        const char *path;
        size_t n_reports;
        char *reports[REPORTS_MAX]; /* said at the end, behind the events and the pager */
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
             "  -a, --all        Also tracectl:thread events, which say whose events follow\n"
             "  -d, --date       Print the date before the time\n"
             "      --no-pager   Print to the terminal at once, not page by page\n"
             "      --user       SESSION is one of this user's service, not the machine's\n"
             "  -h, --help       Print this text\n"
             "\n"
             "Times are local ($TZ). On a terminal the text goes through $PAGER, and is\n"
             "coloured unless $NO_COLOR is set. Events that the recording had to discard are\n"
             "counted on stderr at the end.\n"
             "\n"
             "Example: tracectl view ls-20260131-120000 | grep openat");
}

/* -1: go on; else the exit status. */
static int read_options(struct view *view, int argc, char *argv[]) {
        enum { OPTION_NO_PAGER = 256, OPTION_USER };
        static const struct option options[] = {
                { "all", no_argument, NULL, 'a' },
                { "date", no_argument, NULL, 'd' },
                { "no-pager", no_argument, NULL, OPTION_NO_PAGER },
                { "user", no_argument, NULL, OPTION_USER },
                { "help", no_argument, NULL, 'h' },
                {},
        };

        for (int c; (c = getopt_long(argc, argv, ":adh", options, NULL)) >= 0;)
                switch (c) {
                case 'a':
                        view->with_markers = true;
                        break;
                case 'd':
                        view->with_date = true;
                        break;
                case OPTION_NO_PAGER:
                        view->without_pager = true;
                        break;
                case OPTION_USER:
                        view->is_user = true;
                        break;
                case 'h':
                        print_help();
                        return EXIT_SUCCESS;
                default:
                        return options_refuse("view", c, argv, options);
                }
        if (optind + 1 < argc) {
                say("'view' takes one directory, but there is also '%s'. See: tracectl view --help", argv[optind + 1]);
                return EXIT_USAGE;
        }
        view->path = optind < argc ? argv[optind] : NULL;
        return -1;
}

static void keep_report(const char *sentence, void *userdata) {
        struct view *view = userdata;

        if (view->n_reports < REPORTS_MAX)
                view->reports[view->n_reports] = strdup(sentence);
        view->n_reports++;
}

static void say_reports(const struct view *view) {
        for (size_t i = 0; i < view->n_reports && i < REPORTS_MAX; i++)
                if (view->reports[i])
                        say("%s", view->reports[i]);
        if (view->n_reports > REPORTS_MAX)
                say("%zu more files have parts that cannot be read", view->n_reports - REPORTS_MAX);
}

static void view_done(struct view *view) {
        for (size_t i = 0; i < REPORTS_MAX; i++)
                free(view->reports[i]);
}

/* Every stream is an open file, and a large machine's trace has thousands. */
static void raise_file_limit(void) {
        struct rlimit limit;

        if (getrlimit(RLIMIT_NOFILE, &limit) >= 0) {
                limit.rlim_cur = limit.rlim_max;
                (void) setrlimit(RLIMIT_NOFILE, &limit);
        }
}

static bool wants_colours(void) {
        const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");

        return isatty(STDOUT_FILENO) && (!no_color || *no_color == '\0') && term && strcmp(term, "dumb") != 0;
}

/* 0, or a negative errno: -EPIPE where the reader of our output had enough. */
static int print_events(const struct view *view, tracectl_reader *reader, bool is_coloured) {
        struct view_format format = { .is_coloured = is_coloured, .with_date = view->with_date };
        _cleanup_free_ struct text *text = malloc(sizeof(*text));
        tracectl_reader_event *event;
        int r;

        if (!text)
                return -ENOMEM;
        text->fd = STDOUT_FILENO;
        text->error = 0;
        text->size = 0;
        while ((r = tracectl_reader_next(reader, &event)) > 0 && text->error == 0)
                view_add_event(&format, text, event);
        text_flush(text);
        return text->error != 0 ? -text->error : r;
}

static void say_losses(const tracectl_reader *reader) {
        uint64_t discarded = tracectl_reader_get_discarded(reader), lost = tracectl_reader_get_packets_lost(reader);

        if (discarded > 0)
                say("%" PRIu64 " event%s discarded while recording (no room left in the ring, or a failing disk)",
                    discarded, discarded == 1 ? " was" : "s were");
        if (lost > 0)
                say("%" PRIu64 " packet%s missing between those that are there", lost, lost == 1 ? " is" : "s are");
}

static int view_trace(struct view *view, const char *path) {
        _cleanup_(tracectl_reader_freep) tracectl_reader *reader = NULL;
        bool is_coloured = wants_colours();
        struct pager pager = {};
        int r;

        r = tracectl_reader_new(&reader);
        if (r < 0) {
                say("There is not enough memory to open %s", path);
                return EXIT_FAILURE;
        }
        tracectl_reader_set_report(reader, keep_report, view);
        tracectl_reader_set_markers(reader, view->with_markers);
        r = tracectl_reader_open(reader, path);
        if (r < 0) {
                say("%s", tracectl_reader_get_error(reader));
                return EXIT_FAILURE;
        }

        if (!view->without_pager)
                pager_open(&pager);
        r = print_events(view, reader, is_coloured);
        pager_close(&pager);
        say_reports(view);
        if (r == -EPIPE)
                return EXIT_SUCCESS;
        if (r < 0) {
                say("Failed to print the events: %s", strerror(-r));
                return EXIT_FAILURE;
        }
        say_losses(reader);
        return EXIT_SUCCESS;
}

/* Where what was named is, or what is meant where nothing was. 0, or the exit status. */
static int find_trace(struct view *view, char **ret) {
        _cleanup_free_ char *current = NULL;
        int r;

        if (view->path) {
                if (access(view->path, F_OK) < 0 && errno == ENOENT && view_may_be_session(view->path))
                        return view_find_session(view->is_user, view->path, ret);
                *ret = strdup(view->path);
                return *ret ? 0 : EXIT_FAILURE;
        }
        r = latest_find(".", ret);
        if (r >= 0)
                return 0;
        if (r != -ENOENT)
                say("Failed to look for a recording in the current directory: %s", strerror(-r));
        else if (current_read(view->is_user, &current) >= 0)
                return view_find_session(view->is_user, NULL, ret);
        else
                say("There is no recording in the current directory. Name one (tracectl view DIR), or make "
                    "one: tracectl record --help");
        return EXIT_FAILURE;
}

int verb_view(int argc, char *argv[]) {
        _cleanup_free_ char *path = NULL;
        _cleanup_(view_done) struct view view = {};
        int r;

        r = read_options(&view, argc, argv);
        if (r >= 0)
                return r;
        r = find_trace(&view, &path);
        if (r != 0)
                return r;
        raise_file_limit();
        signal(SIGPIPE, SIG_IGN);
        return view_trace(&view, path);
}
