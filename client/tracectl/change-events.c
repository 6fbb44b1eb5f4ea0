/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/tracectl/change-events.h"
#include "client/tracectl/event-hints.h"
#include "client/tracectl/probe-argument.h"
#include "client/tracectl/say.h"
#include "client/tracectl/verbs.h"
#include "common/cleanup.h"

/* What the command line says. */
struct request {
        const struct event_change *change;
        const char *channel;
        const char *domain;
        struct selection selection;
        bool all;
        struct probe_argument probe;
        char **patterns, *implied[2]; /* the patterns: those of split, or the one that needs no saying */
        char **split;                 /* argv's, each at its commas */
};

struct changed {
        json_t *patterns;
        uint32_t pending; /* at most */
};

static bool is_kernel(const struct request *q) {
        return strcmp(q->domain, "kernel") == 0;
}

static int apply_all(struct command *command, const struct request *q, struct changed *changed) {
        for (char **pattern = q->patterns; *pattern; pattern++) {
                uint32_t pending = 0;
                int r;

                r = q->change->apply(command->session, q->domain, q->channel, *pattern, &q->selection.options, &pending);
                if (r < 0)
                        return command_fail(command, q->change->what, r);
                if (pending > changed->pending)
                        changed->pending = pending;
                if (json_array_append_new(changed->patterns, json_from_text(*pattern)) < 0)
                        return command_out_of_memory();
        }
        return 0;
}

DEFINE_CLEANUP(tracectl_value *, tracectl_value_free)

static void say_hint(const char *sentence, void *userdata) {
        say("%s", sentence);
}

/* A name that no running program has may be one of a later program, or a typing error of one that runs. */
static void hint_at_names(struct command *command, const struct request *q) {
        _cleanup_(tracectl_value_freep) tracectl_value *events = NULL;

        if ((q->all && !q->selection.options.filter) ||
            tracectl_list_events(command->connection, "user", "", NULL, &events) < 0)
                return;
        for (char **pattern = q->patterns; *pattern; pattern++)
                event_hints_find(&(struct event_hints) {
                        .events = events,
                        .nobody_has = "No running program has an",
                        .of = "of a running program",
                        .say_it = say_hint,
                }, *pattern, q->selection.options.filter);
}

static int change_all(struct command *command, const struct request *q) {
        struct changed changed = { .patterns = json_array() };
        int status;

        status = apply_all(command, q, &changed);
        if (status != 0) {
                json_decref(changed.patterns);
                return status;
        }
        command_say_pending(command, changed.pending);
        if (q->change->has_selection && !is_kernel(q) && !q->selection.options.probe && !command->is_quiet)
                hint_at_names(command, q);
        return command_done(command, json_pack("{s:o,s:I}", "patterns", changed.patterns, "pending",
                                               (json_int_t) changed.pending),
                            "Session %s %s.", command->session_name, q->change->done);
}

enum { OPTION_SYSCALL = COMMAND_OWN, OPTION_STRINGS };

/* -1: go on; else the exit status. */
static int read_options(struct command *command, struct request *q, int argc, char *argv[]) {
        static const struct option all[] = {
                SELECTION_OPTIONS,
                SELECTION_TARGET_OPTIONS,
                { "syscall", no_argument, NULL, OPTION_SYSCALL },
                { "strings", required_argument, NULL, OPTION_STRINGS },
                { "all", no_argument, NULL, 'a' },
                PROBE_ARGUMENT_OPTIONS,
                { "channel", required_argument, NULL, 'c' },
                { "kernel", no_argument, NULL, 'k' },
                COMMAND_SESSION_OPTIONS,
                {},
        };
        bool few = !q->change->has_selection;
        const struct option *options = few ? all + SELECTION_N_OPTIONS + 3 + PROBE_ARGUMENT_N_OPTIONS : all;
        const char *letters = few ? COMMAND_SESSION_SHORT "c:k" : COMMAND_SESSION_SHORT "ac:k";

        for (int c; (c = getopt_long(argc, argv, letters, options, NULL)) >= 0;) {
                int status;

                if (c == 'c') {
                        q->channel = optarg;
                        continue;
                }
                if (c == 'k') {
                        q->domain = "kernel";
                        continue;
                }
                if (c == 'a') {
                        q->all = true;
                        continue;
                }
                if (c == OPTION_STRINGS) {
                        q->selection.options.strings = optarg;
                        continue;
                }
                if (c == OPTION_SYSCALL) {
                        q->selection.options.kind = "syscall";
                        continue;
                }
                status = probe_argument_option(&q->probe, &q->selection.options, c, optarg);
                if (status < 0)
                        status = selection_option(&q->selection, c, optarg);
                if (status == 0)
                        continue;
                if (status < 0)
                        status = command_option(command, c, argv, options);
                if (status >= 0)
                        return status;
        }
        return -1;
}

/* Cut where they are: no event has a comma in its name. */
static int split_patterns(struct request *q, char *argv[]) {
        size_t n = 1;

        for (char **argument = argv; *argument; argument++) {
                n++;
                for (const char *c = *argument; *c; c++)
                        n += *c == ',';
        }
        q->split = calloc(n, sizeof(*q->split));
        if (!q->split)
                return command_out_of_memory();
        n = 0;
        for (char **argument = argv; *argument; argument++)
                for (char *rest = *argument; rest;)
                        q->split[n++] = strsep(&rest, ",");
        q->patterns = q->split;
        return 0;
}

/* Those of the command line; or that all are meant; or what a probe's events are called where nobody says. */
static int read_patterns(struct command *command, struct request *q, int argc, char *argv[]) {
        bool implied = q->all || q->selection.options.probe;
        int status;

        if (q->all && q->selection.options.probe) {
                say("-a is for all events, and a probe is one; leave one of them away.");
                return EXIT_USAGE;
        }
        status = command_check_arguments(command, argc, argv, implied ? 0 : 1, q->all ? 0 : implied ? 1 : argc,
                                         q->all ? "no pattern beside -a" : implied ? "one name for the events of a probe"
                                                : "at least one pattern, such as 'shop:*'");
        if (status == 0)
                status = split_patterns(q, argv + optind);
        for (size_t i = 0; status == 0 && q->change->check && !is_kernel(q) && q->split[i]; i++)
                status = q->change->check(q->split[i]);
        if (status == 0 && implied && optind == argc) {
                q->implied[0] = q->all ? (char *) "*" : q->probe.name;
                q->patterns = q->implied;
        }
        return status;
}

static int run(struct command *command, struct request *q, int argc, char *argv[]) {
        int status;

        status = read_options(command, q, argc, argv);
        if (status >= 0)
                return status;
        if (q->selection.options.target_children && q->selection.options.target_pid == 0) {
                say("--children of which process? Say it by --pid.");
                return EXIT_USAGE;
        }
        if (q->selection.options.kind && !is_kernel(q)) {
                say("--%s is for events of the kernel: add --kernel.", q->selection.options.kind);
                return EXIT_USAGE;
        }
        status = read_patterns(command, q, argc, argv);
        if (status == 0)
                status = command_open_session(command, NULL);
        return status != 0 ? status : change_all(command, q);
}

int change_events(const struct event_change *change, int argc, char *argv[]) {
        _cleanup_(command_free) struct command command = { .verb = change->verb, .print_help = change->print_help };
        struct request q = { .change = change, .channel = "", .domain = "user" };
        int status;

        selection_init(&q.selection);
        q.probe = PROBE_ARGUMENT_NONE;
        status = run(&command, &q, argc, argv);
        selection_done(&q.selection);
        probe_argument_done(&q.probe);
        free(q.split);
        return status;
}
