/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/tracectl/apply-difference.h"
#include "client/tracectl/command.h"
#include "client/tracectl/profile-file.h"
#include "client/tracectl/say.h"
#include "client/tracectl/verbs.h"
#include "common/cleanup.h"

DEFINE_CLEANUP(tracectl_value *, tracectl_value_free)

static void print_help(void) {
        puts("Usage: tracectl apply [OPTION...] FILE\n"
             "       tracectl apply [OPTION...] --profile NAME\n\n"
             "Make a session what a profile says, and print what was different. Where nothing\n"
             "is, nothing is done. FILE may be -, for the standard input.\n\n"
             "  -p, --profile NAME     An installed profile: NAME.conf in sessions.d\n"
             "  -n, --dry-run          Print what would change, and change nothing\n"
             "      --start            Start the session, whatever the profile says\n"
             COMMAND_HELP
             "\n\n"
             "Example: tracectl apply --dry-run --profile web");
}

enum { OPTION_START = COMMAND_OWN };

static const struct option options[] = {
        { "profile", required_argument, NULL, 'p' },
        { "dry-run", no_argument, NULL, 'n' },
        { "start", no_argument, NULL, OPTION_START },
        COMMAND_OPTIONS,
        {},
};

struct apply {
        struct command command;
        struct tracectl_profile_options profile;
        const char *text; /* "": the service finds the profile by its name */
};

/* -1: go on; else the exit status. */
static int read_option(struct apply *apply, int c, char *argv[]) {
        switch (c) {
        case 'p':
                apply->profile.name = optarg;
                return -1;
        case 'n':
                apply->profile.dry_run = 1;
                return -1;
        case OPTION_START:
                apply->profile.start = 1;
                return -1;
        default:
                return command_option(&apply->command, c, argv, options);
        }
}

static int send(struct apply *apply) {
        struct command *command = &apply->command;
        _cleanup_(tracectl_value_freep) tracectl_value *result = NULL;
        int r;

        r = command_connect(command);
        if (r != 0)
                return r;
        r = tracectl_apply_profile(command->connection, apply->text, &apply->profile, &result);
        if (r < 0)
                return command_fail(command, "apply the profile", r);
        if (command_wants_json(command))
                return json_print(command->json, json_from_value(result));
        if (command->is_quiet)
                return EXIT_SUCCESS;
        r = apply_difference_print(result, apply->profile.dry_run);
        return r < 0 ? command_out_of_memory() : EXIT_SUCCESS;
}

static int apply_file(struct apply *apply, const char *path) {
        _cleanup_free_ char *text = NULL, *name = NULL;
        int status;

        status = profile_file_read(path, &text, &name);
        if (status != 0)
                return status;
        apply->text = text;
        apply->profile.name = name;
        return send(apply);
}

static int run(struct apply *apply, int argc, char *argv[]) {
        int status;

        for (int c; (c = getopt_long(argc, argv, COMMAND_SHORT "p:n", options, NULL)) >= 0;) {
                status = read_option(apply, c, argv);
                if (status >= 0)
                        return status;
        }
        if (argc == optind && !apply->profile.name) {
                say("'apply' needs a file or --profile NAME. See: tracectl apply --help");
                return EXIT_USAGE;
        }
        status = command_check_arguments(&apply->command, argc, argv, 0, apply->profile.name ? 0 : 1, "one file");
        if (status != 0)
                return status;
        return argc > optind ? apply_file(apply, argv[optind]) : send(apply);
}

int verb_apply(int argc, char *argv[]) {
        struct apply apply = {
                .command = COMMAND_INIT("apply"),
                .profile = TRACECTL_PROFILE_OPTIONS_INIT,
                .text = "",
        };
        int status;

        status = run(&apply, argc, argv);
        command_free(&apply.command);
        return status;
}
