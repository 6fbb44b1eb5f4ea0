/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <stdio.h>
#include <stdlib.h>

#include "client/tracectl/list.h"
#include "client/tracectl/pager.h"
#include "client/tracectl/say.h"
#include "client/tracectl/verbs.h"

static void print_help(void) {
        puts("Usage: tracectl list [OPTION...] [SESSION]\n"
             "       tracectl list --applications [OPTION...]\n"
             "       tracectl list --events [OPTION...] [PATTERN]\n"
             "       tracectl list --userspace-probe PATH\n\n"
             "Print the sessions; or one with its channels and events; or the programs with\n"
             "tracepoints that are running; or the events that programs have.\n\n"
             "  -a, --all              Also what is other users'\n"
             "      --applications     The programs\n"
             "  -e, --events           The events, * in PATTERN for any characters\n"
             "  -k, --kernel           Those of the kernel\n"
             "      --userspace-probe PATH\n"
             "                         The SDT probes of a program or library\n"
             COMMAND_SESSION_HELP
             "\n\n"
             "Example: tracectl list --events 'shop:*'");
}

enum { OPTION_APPLICATIONS = COMMAND_OWN, OPTION_PROBES };

static const struct option options[] = {
        { "all", no_argument, NULL, 'a' },
        { "applications", no_argument, NULL, OPTION_APPLICATIONS },
        { "events", no_argument, NULL, 'e' },
        { "kernel", no_argument, NULL, 'k' },
        { "userspace-probe", required_argument, NULL, OPTION_PROBES },
        COMMAND_SESSION_OPTIONS,
        {},
};

/* -1: go on; else the exit status. */
static int read_option(struct list *list, int c, char *argv[]) {
        switch (c) {
        case 'a':
                list->options.all = 1;
                return -1;
        case OPTION_APPLICATIONS:
                list->applications = true;
                return -1;
        case OPTION_PROBES:
                list->probes = optarg;
                return -1;
        case 'k':
                list->kernel = true;
                list->events = true;
                return -1;
        case 'e':
                list->events = true;
                return -1;
        default:
                return command_option(&list->command, c, argv, options);
        }
}

static int run(struct list *list, int argc, char *argv[]) {
        struct command *command = &list->command;
        int status;

        for (int c; (c = getopt_long(argc, argv, COMMAND_SESSION_SHORT "aek", options, NULL)) >= 0;) {
                status = read_option(list, c, argv);
                if (status >= 0)
                        return status;
        }
        if (list->probes && (list->applications || list->events)) {
                say("'list' takes --userspace-probe alone. See: tracectl list --help");
                return EXIT_USAGE;
        }
        if (list->applications && list->events) {
                say("'list' takes --applications or --events, not both. See: tracectl list --help");
                return EXIT_USAGE;
        }
        status = command_check_arguments(command, argc, argv, 0, list->applications || list->probes ? 0 : 1,
                                         list->events ? "one pattern" : "one session");
        if (status != 0)
                return status;
        if (!list->command.without_pager && !command_wants_json(command))
                pager_open(&list->pager);
        if (list->probes)
                return list_probes(list, list->probes);
        if (!list->applications && !list->events && (argv[optind] || command->session_option))
                return list_session(list, argv[optind]);
        status = command_connect(command);
        if (status != 0)
                return status;
        if (list->applications)
                return list_applications(list);
        return list->events ? list_events(list, argv[optind] ? argv[optind] : "") : list_sessions(list);
}

int verb_list(int argc, char *argv[]) {
        struct list list = { .command = COMMAND_INIT("list"), .options = TRACECTL_LIST_OPTIONS_INIT };
        int status;

        status = run(&list, argc, argv);
        fflush(stdout);
        pager_close(&list.pager);
        command_free(&list.command);
        return status;
}
