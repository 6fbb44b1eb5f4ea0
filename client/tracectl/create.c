/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/tracectl/command.h"
#include "client/tracectl/current.h"
#include "client/tracectl/say.h"
#include "client/tracectl/session-argument.h"
#include "client/tracectl/session-output.h"
#include "client/tracectl/text.h"
#include "client/tracectl/verbs.h"
#include "common/cleanup.h"
#include "common/parse.h"

DEFINE_CLEANUP(tracectl_value *, tracectl_value_free)

static void print_help(void) {
        puts("Usage: tracectl create [OPTION...] NAME\n\n"
             "Make a session and the current one. Then: tracectl enable-event, start, stop,\n"
             "view, destroy.\n\n"
             "  -o, --output DIR       Write the trace to this directory, which is made where\n"
             "                         it is missing; default: one of the service's for you\n"
             "      --mode MODE        record: write all the time; flight-recorder: keep the\n"
             "                         newest events, for tracectl snapshot\n"
             "      --persistent       Keep the ring buffers in files: what is recorded\n"
             "                         outlives every process; see tracectl recover. The\n"
             "                         disk may make programs wait\n"
             "      --sync INTERVAL    With --persistent: have what is older than this, such\n"
             "                         as 5s or 500ms, on the disk, whatever happens\n"
             "      --rotate-size SIZE, --rotate-every TIME\n"
             "                         Begin another chunk, a directory of its own, when the\n"
             "                         last one is so large or so old: 64M, 10m\n"
             "      --max-size SIZE    Remove the oldest chunks, so that the trace is never\n"
             "                         larger; without --rotate-size a chunk is an eighth\n"
             "      --if-exists WHAT   Where there is such a session: error, keep it, or\n"
             "                         replace it\n"
             COMMAND_HELP
             "\n\n"
             "Example: tracectl create orders -o ~/orders-trace");
}

enum {
        OPTION_MODE = COMMAND_OWN,
        OPTION_IF_EXISTS,
        OPTION_PERSISTENT,
        OPTION_ROTATE_SIZE,
        OPTION_ROTATE_EVERY,
        OPTION_MAX_SIZE,
        OPTION_SYNC,
};

static const struct option options[] = {
        { "output", required_argument, NULL, 'o' },
        { "mode", required_argument, NULL, OPTION_MODE },
        { "persistent", no_argument, NULL, OPTION_PERSISTENT },
        { "rotate-size", required_argument, NULL, OPTION_ROTATE_SIZE },
        { "rotate-every", required_argument, NULL, OPTION_ROTATE_EVERY },
        { "max-size", required_argument, NULL, OPTION_MAX_SIZE },
        { "sync", required_argument, NULL, OPTION_SYNC },
        { "if-exists", required_argument, NULL, OPTION_IF_EXISTS },
        COMMAND_OPTIONS,
        {},
};

struct create {
        struct command command;
        struct tracectl_session_options session;
        const char *output; /* -o */
};

static int choose_word(const char *word, const char *option, const char *const known[], const char **ret) {
        for (size_t i = 0; known[i]; i++)
                if (strcmp(word, known[i]) == 0) {
                        *ret = known[i];
                        return -1;
                }
        return options_refuse_word(option, word, known);
}

static int choose_number(const char *text, const char *option, int (*parse)(const char *s, uint64_t *ret),
                         const char *example, uint64_t *ret) {
        if (parse(text, ret) >= 0 && *ret > 0)
                return -1;
        say("--%s is not '%s'; write it as %s.", option, text, example);
        return EXIT_USAGE;
}

static int read_interval(const char *text, unsigned *ret) {
        uint64_t usec;

        if (parse_timespan(text, &usec) < 0 || usec < 1000 || usec / 1000 > UINT_MAX) {
                say("'%s' is no interval for --sync. Write it as 5s, 500ms or 1min.", text);
                return EXIT_USAGE;
        }
        *ret = (unsigned) (usec / 1000);
        return -1;
}

/* -1: go on; else the exit status. */
static int read_option(struct create *create, int c, char *argv[]) {
        static const char *const modes[] = { "record", "flight-recorder", NULL };
        static const char *const whats[] = { "error", "keep", "replace", NULL };

        switch (c) {
        case 'o':
                create->output = optarg;
                return -1;
        case OPTION_MODE:
                return choose_word(optarg, "word for --mode", modes, &create->session.mode);
        case OPTION_PERSISTENT:
                create->session.rings = "files";
                return -1;
        case OPTION_ROTATE_SIZE:
                return choose_number(optarg, "rotate-size", parse_size, "64M", &create->session.rotate_size);
        case OPTION_ROTATE_EVERY:
                return choose_number(optarg, "rotate-every", parse_timespan, "90s, 10m or 1h",
                                     &create->session.rotate_usec);
        case OPTION_MAX_SIZE:
                return choose_number(optarg, "max-size", parse_size, "512M", &create->session.max_size);
        case OPTION_SYNC:
                return read_interval(optarg, &create->session.sync_msec);
        case OPTION_IF_EXISTS:
                return choose_word(optarg, "word for --if-exists", whats, &create->session.if_exists);
        default:
                return command_option(&create->command, c, argv, options);
        }
}

/* Whoever makes a session means it from now on; the session is there also where that cannot be kept. */
static void make_current(const struct command *command) {
        int r = command->host ? 0 : current_write(command->is_user, command->session_name);

        if (r < 0)
                say("Failed to keep which session is the current one: %s. Name it with -s.", strerror(-r));
}

static int report(struct create *create) {
        struct command *command = &create->command;
        _cleanup_(tracectl_value_freep) tracectl_value *info = NULL;
        _cleanup_free_ char *shown = NULL;
        const char *output;
        int r;

        r = tracectl_session_get_info(command->session, &info);
        if (r < 0)
                return command_fail(command, "ask where the trace will be", r);
        output = tracectl_value_get_string(tracectl_value_lookup(info, "output"));
        shown = text_escaped_copy(output);
        if (!shown)
                return command_out_of_memory();
        return command_done(command,
                            json_pack("{s:s,s:o}", "path", tracectl_session_get_path(command->session), "output",
                                      json_from_text(output)),
                            *output ? "Session %s is there. Its trace goes to %s" : "Session %s is there.%s",
                            command->session_name, shown);
}

static int create_session(struct create *create, const char *name) {
        _cleanup_(session_output_done) struct session_output output = SESSION_OUTPUT_NULL;
        struct command *command = &create->command;
        int status, r;

        if (create->output && command->host) {
                if (create->output[0] != '/') {
                        say("On another host, -o needs an absolute path.");
                        return EXIT_USAGE;
                }
                create->session.directory = create->output;
        } else if (create->output) {
                bool may_have_files = create->session.if_exists && strcmp(create->session.if_exists, "keep") == 0;

                status = session_output_open(&output, create->output, may_have_files);
                if (status != 0)
                        return status;
                create->session.output_fd = output.fd;
        }
        r = tracectl_session_create(command->connection, name, &create->session, &command->session);
        if (r < 0) {
                session_output_abandon(&output);
                return command_fail(command, "create the session", r);
        }
        make_current(command);
        return report(create);
}

static int run(struct create *create, int argc, char *argv[]) {
        struct command *command = &create->command;
        struct session_argument session;
        int status;

        for (int c; (c = getopt_long(argc, argv, COMMAND_SHORT "o:", options, NULL)) >= 0;) {
                status = read_option(create, c, argv);
                if (status >= 0)
                        return status;
        }
        status = command_check_arguments(command, argc, argv, 1, 1, "one name of a session");
        if (status == 0)
                status = session_argument_parse(argv[optind], &session);
        if (status != 0)
                return status;
        if (session.name != argv[optind]) {
                say("A session is its maker's: write its name alone, without a user before it.");
                return EXIT_USAGE;
        }
        command->session_name = strdup(session.name);
        if (!command->session_name)
                return command_out_of_memory();
        status = command_connect(command);
        return status != 0 ? status : create_session(create, session.name);
}

int verb_create(int argc, char *argv[]) {
        struct create create = { .command = COMMAND_INIT("create"), .session = TRACECTL_SESSION_OPTIONS_INIT };
        int status;

        status = run(&create, argc, argv);
        command_free(&create.command);
        return status;
}
