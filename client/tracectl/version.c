/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <stdio.h>
#include <stdlib.h>

#include "client/tracectl/command.h"
#include "client/tracectl/verbs.h"
#include "config.h"

static void print_help(void) {
        puts("Usage: tracectl version [OPTION...]\n\n"
             "Print the version of tracectl.\n\n"
             "      --json[=FORM]      Print JSON: pretty, short or off\n"
             "  -h, --help             Show this text\n\n"
             "Example: tracectl version");
}

int verb_version(int argc, char *argv[]) {
        static const struct option options[] = {
                { "json", optional_argument, NULL, COMMAND_JSON },
                { "help", no_argument, NULL, 'h' },
                {},
        };
        struct command command = { .verb = "version", .print_help = print_help };
        int status;

        status = command_options(&command, argc, argv, ":h", options);
        if (status < 0 && command_check_arguments(&command, argc, argv, 0, 0, "no argument") != 0)
                status = EXIT_USAGE;
        if (status >= 0)
                return status;
        if (command_wants_json(&command))
                return json_print(command.json, json_pack("{s:s}", "version", TRACECTL_VERSION));
        puts("tracectl " TRACECTL_VERSION);
        return EXIT_SUCCESS;
}
