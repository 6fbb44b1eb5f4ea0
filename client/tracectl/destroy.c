/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/tracectl/command.h"
#include "client/tracectl/current.h"
#include "client/tracectl/say.h"
#include "client/tracectl/verbs.h"
#include "common/cleanup.h"

DEFINE_CLEANUP(tracectl_value *, tracectl_value_free)

static void print_help(void) {
        puts("Usage: tracectl destroy [OPTION...] [SESSION...]\n\n"
             "End sessions. What they have recorded is written before, and stays.\n\n"
             "  -a, --all              All of your sessions\n"
             COMMAND_SESSION_HELP
             "\n\n"
             "Example: tracectl destroy orders");
}

static const struct option options[] = { { "all", no_argument, NULL, 'a' }, COMMAND_SESSION_OPTIONS, {} };

/* argument NULL: the session that is meant. Its name is put into names. */
static int destroy_one(struct command *command, const char *argument, json_t *names) {
        int status, r;

        status = command_open_session(command, argument);
        if (status != 0)
                return status;
        r = tracectl_session_destroy(command->session);
        if (r < 0)
                return command_fail(command, "destroy the session", r);
        if (!command->host)
                current_forget(command->is_user, command->session_name);
        if (json_array_append_new(names, json_from_text(command->session_name)) < 0)
                return command_out_of_memory();
        if (!command_wants_json(command) && !command->is_quiet)
                printf("Session %s has ended.\n", command->session_name);
        return 0;
}

static void forget_session(struct command *command) {
        tracectl_session_free(TAKE_PTR(command->session));
        free(TAKE_PTR(command->session_name));
}

/* One that cannot be destroyed is no reason to leave the others. */
static int destroy_named(struct command *command, char *arguments[], json_t *names) {
        int result = 0;

        for (; *arguments; arguments++) {
                int status = destroy_one(command, *arguments, names);

                if (result == 0)
                        result = status;
                forget_session(command);
        }
        return result;
}

static int destroy_all(struct command *command, json_t *names) {
        _cleanup_(tracectl_value_freep) tracectl_value *sessions = NULL;
        int result, r;

        result = command_connect(command);
        if (result != 0)
                return result;
        r = tracectl_list_sessions(command->connection, NULL, &sessions);
        if (r < 0)
                return command_fail(command, "list the sessions", r);
        for (size_t i = 0; i < tracectl_value_get_size(sessions); i++) {
                const tracectl_value *session = tracectl_value_get_item(sessions, i);
                int status;

                status = destroy_one(command, tracectl_value_get_string(tracectl_value_lookup(session, "name")), names);
                if (result == 0)
                        result = status;
                forget_session(command);
        }
        return result;
}

static int destroy(struct command *command, bool all, char *arguments[], json_t *names) {
        if (all && (*arguments || command->session_option)) {
                say("'destroy' takes --all or sessions, not both. See: tracectl destroy --help");
                return EXIT_USAGE;
        }
        if (all)
                return destroy_all(command, names);
        if (*arguments)
                return destroy_named(command, arguments, names);
        return destroy_one(command, NULL, names);
}

int verb_destroy(int argc, char *argv[]) {
        _cleanup_(command_free) struct command command = COMMAND_INIT("destroy");
        bool all = false;
        json_t *names;
        int status;

        for (int c; (c = getopt_long(argc, argv, COMMAND_SESSION_SHORT "a", options, NULL)) >= 0;) {
                if (c == 'a') {
                        all = true;
                        continue;
                }
                status = command_option(&command, c, argv, options);
                if (status >= 0)
                        return status;
        }
        names = json_array();
        status = destroy(&command, all, argv + optind, names);
        if (command_wants_json(&command) && status != EXIT_USAGE)
                (void) json_print(command.json, json_pack("{s:o}", "destroyed", names));
        else
                json_decref(names);
        return status;
}
