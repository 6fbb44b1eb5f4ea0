/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/tracectl/options.h"
#include "client/tracectl/output-file.h"
#include "client/tracectl/progress.h"
#include "client/tracectl/remote.h"
#include "client/tracectl/say.h"
#include "client/tracectl/verbs.h"
#include "client/tracectl/view-names.h"
#include "client/tracectl/view-output.h"
#include "client/tracectl/view-select.h"
#include "client/tracectl/view-trace.h"
#include "common/cleanup.h"

#define SHORT_OPTIONS ":f:O:hH:"

struct export_options {
        const struct view_output *output;
        bool is_user;
        const char *host; /* where to run, or NULL */
        const char *path; /* NULL: whichever is meant */
        const char *file; /* NULL: stdout */
        struct view_select select;
};

static void print_help(void) {
        puts("Usage: tracectl export [OPTION...] [DIR|SESSION]\n"
             "\n"
             "Write a recording for another program. Without an argument, the newest\n"
             "recording in the current directory or else the current session's.\n"
             "\n"
             "  -f, --format=FORMAT  perfetto, for ui.perfetto.dev (default), or chrome, for\n"
             "                       chrome://tracing and other viewers\n"
             "  -O, --output-file=FILE\n"
             "                       Write FILE, whole or not at all, instead of stdout\n"
             "      --since=TIME, --until=TIME, --event=GLOB, --pid=PID, --process=GLOB,\n"
             "      --filter=EXPR    Only such events, as with tracectl view\n"
             "      --user           SESSION is one of this user's service\n"
             "  -H, --host=[USER@]HOST\n"
             "                       Do it on another machine, over ssh, where DIR and FILE\n"
             "                       are; what goes to stdout comes here\n"
             "  -h, --help           Print this text\n"
             "\n"
             "Example: tracectl export -O shop.perfetto-trace shop-20260131-120000");
}

static int set_format(struct export_options *export, const char *name) {
        static const char *const formats[] = { "perfetto", "chrome", NULL };

        if (strcmp(name, "perfetto") == 0)
                export->output = &view_output_perfetto;
        else if (strcmp(name, "chrome") == 0)
                export->output = &view_output_chrome;
        else
                return options_refuse_word("format", name, formats);
        return 0;
}

/* -1: go on; else the exit status. */
static int read_options(struct export_options *export, int argc, char *argv[]) {
        enum { OPTION_USER = 256 };
        static const struct option options[] = {
                { "format", required_argument, NULL, 'f' },
                { "output-file", required_argument, NULL, 'O' },
                { "user", no_argument, NULL, OPTION_USER },
                { "host", required_argument, NULL, 'H' },
                VIEW_SELECT_OPTIONS,
                { "help", no_argument, NULL, 'h' },
                {},
        };
        int r;

        for (int c; (c = getopt_long(argc, argv, SHORT_OPTIONS, options, NULL)) >= 0;)
                switch (c) {
                case 'f':
                        if (set_format(export, optarg) != 0)
                                return EXIT_USAGE;
                        break;
                case 'O':
                        export->file = optarg;
                        break;
                case OPTION_USER:
                        export->is_user = true;
                        break;
                case 'H':
                        export->host = optarg;
                        break;
                case 'h':
                        print_help();
                        return EXIT_SUCCESS;
                default:
                        r = view_select_option(c) ? view_select_add(&export->select, view_select_option(c), optarg) :
                                                    options_refuse("export", c, argv, options);
                        if (r != 0)
                                return r;
                }
        if (optind + 1 < argc) {
                say("'export' takes one directory, but there is also '%s'. See: tracectl export --help",
                    argv[optind + 1]);
                return EXIT_USAGE;
        }
        export->path = optind < argc ? argv[optind] : NULL;
        return -1;
}

static int write_events(const struct export_options *export, tracectl_reader *reader, const char *path) {
        _cleanup_(output_file_done) struct output_file file = OUTPUT_FILE_NULL;
        struct view_output_options options = {
                .path = path,
                .select = view_select_is_used(&export->select) ? &export->select : NULL,
        };
        int r;

        if (export->file) {
                r = output_file_open(&file, export->file);
                if (r < 0) {
                        say("Failed to create %s: %s", export->file, strerror(-r));
                        return r;
                }
        }
        r = view_output_run(export->output, &options, reader, export->file ? file.fd : STDOUT_FILENO);
        if (r >= 0 && export->file)
                r = output_file_commit(&file);
        if (r < 0 && r != -EPIPE && r != -EINTR)
                say("Failed to write the events: %s", strerror(-r));
        return r;
}

static int export_trace(const struct export_options *export, const char *path) {
        _cleanup_(view_trace_done) struct view_trace trace = {};
        int r;

        r = view_trace_open(&trace, path, false);
        if (r != 0)
                return r;
        if (export->select.has_range)
                tracectl_reader_set_range(trace.reader, export->select.since, export->select.until);
        view_names_check(&export->select, trace.reader);
        if (export->file)
                progress_catch_signals();
        signal(SIGPIPE, SIG_IGN);
        r = write_events(export, trace.reader, path);
        view_trace_say_reports(&trace);
        if (r < 0)
                return r == -EPIPE ? EXIT_SUCCESS : EXIT_FAILURE;
        view_trace_say_losses(&trace);
        return EXIT_SUCCESS;
}

static void export_done(struct export_options *export) {
        view_select_done(&export->select);
}

int verb_export(int argc, char *argv[]) {
        _cleanup_(export_done) struct export_options export = { .output = &view_output_perfetto };
        _cleanup_free_ char *path = NULL;
        int r;

        view_select_init(&export.select);
        r = read_options(&export, argc, argv);
        if (r >= 0)
                return r;
        if (!export.file && view_output_refuse_terminal(export.output, STDOUT_FILENO))
                return EXIT_USAGE;
        if (export.host)
                return remote_run(export.host, export.is_user, argc, argv, argc, SHORT_OPTIONS);
        r = view_trace_find(export.is_user, export.path, &path);
        if (r != 0)
                return r;
        r = export_trace(&export, path);
        progress_die();
        return r;
}
