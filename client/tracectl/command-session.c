/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Which session a verb means: what it was told, the current one, or the only one there is. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/tracectl/command.h"
#include "client/tracectl/current.h"
#include "client/tracectl/nearest.h"
#include "client/tracectl/say.h"
#include "client/tracectl/session-argument.h"
#include "client/tracectl/verbs.h"
#include "common/cleanup.h"

DEFINE_CLEANUP(tracectl_value *, tracectl_value_free)

static int take_only(struct command *command, const tracectl_value *sessions) {
        size_t n = tracectl_value_get_size(sessions);

        if (n == 0) {
                say("There is no session. Make one: tracectl create NAME");
                return EXIT_FAILURE;
        }
        if (n > 1) {
                say("There are %zu sessions, and none is the current one. Name one with -s NAME, or choose one: "
                    "tracectl set-session NAME", n);
                return EXIT_FAILURE;
        }
        command->session_name =
                strdup(tracectl_value_get_string(tracectl_value_lookup(tracectl_value_get_item(sessions, 0), "name")));
        return command->session_name ? 0 : command_out_of_memory();
}

static int choose_only(struct command *command) {
        _cleanup_(tracectl_value_freep) tracectl_value *sessions = NULL;
        int r;

        r = tracectl_list_sessions(command->connection, NULL, &sessions);
        return r < 0 ? command_fail(command, "list the sessions", r) : take_only(command, sessions);
}

/* ret_is_current: it was not named here, so the sentence about it must say where it comes from. */
static int choose(struct command *command, const char *argument, bool *ret_is_current) {
        int r;

        *ret_is_current = false;
        if (!argument)
                argument = command->session_option;
        if (argument) {
                command->session_name = strdup(argument);
                return command->session_name ? 0 : command_out_of_memory();
        }
        r = command->host ? -ENOENT : current_read(command->is_user, &command->session_name);
        if (r >= 0) {
                *ret_is_current = true;
                return 0;
        }
        if (r != -ENOENT)
                say("Failed to read which session is the current one: %s.", strerror(-r));
        return choose_only(command);
}

static int open_session(struct command *command, const struct session_argument *session) {
        if (session->name == command->session_name) /* the caller's own, whoever he is there */
                return tracectl_session_open(command->connection, session->name, &command->session);
        return tracectl_session_open_of(command->connection, session->uid, session->name, &command->session);
}

/* The name that was probably meant, of the same user's sessions. */
static char *find_nearest(struct command *command, const struct session_argument *session) {
        _cleanup_(tracectl_value_freep) tracectl_value *sessions = NULL;
        struct tracectl_list_options options = TRACECTL_LIST_OPTIONS_INIT;
        struct nearest nearest = NEAREST_INIT(session->name);

        if (session->name != command->session_name)
                options.uid = session->uid;
        if (tracectl_list_sessions(command->connection, &options, &sessions) < 0)
                return NULL;
        for (size_t i = 0; i < tracectl_value_get_size(sessions); i++)
                nearest_offer(&nearest, tracectl_value_get_string(
                        tracectl_value_lookup(tracectl_value_get_item(sessions, i), "name")));
        return nearest.best ? strdup(nearest.best) : NULL;
}

/* Says that there is no such session, with the one that was probably meant. */
static int refuse_missing(struct command *command, const struct session_argument *session) {
        int owner = (int) (session->name - command->session_name);
        _cleanup_free_ char *name = find_nearest(command, session), *hint = NULL;
        int r, status;

        if (name && asprintf(&hint, " Did you mean '%.*s%s'?%s", owner, command->session_name, name,
                             command->hint ? command->hint : "") < 0)
                hint = NULL;
        /* Again, for the sentence is that of the last call; and who has made it meanwhile, has it. */
        r = open_session(command, session);
        if (r >= 0)
                return 0;
        if (hint)
                command->hint = hint;
        status = command_fail(command, "open the session", r);
        command->hint = NULL;
        return status;
}

static bool is_missing(const struct command *command) {
        return strcmp(tracectl_connection_get_error_name(command->connection),
                      "org.tracectl.Tracing1.Error.NoSuchSession") == 0;
}

bool command_session_exists(struct command *command, const char *name) {
        struct session_argument session;
        tracectl_session *found = NULL;
        int r;

        if (session_argument_parse(name, &session) != 0)
                return false;
        r = session.name == name ? tracectl_session_open(command->connection, name, &found) :
                                   tracectl_session_open_of(command->connection, session.uid, session.name, &found);
        tracectl_session_free(found);
        return r >= 0 || !is_missing(command);
}

int command_open_session(struct command *command, const char *argument) {
        struct session_argument session;
        bool is_current;
        int status, r;

        if (argument && command->session_option) {
                say("There are two sessions, '%s' and '%s'. Name one.", command->session_option, argument);
                return EXIT_USAGE;
        }
        if (argument || command->session_option) {
                status = session_argument_parse(argument ?: command->session_option, &session);
                if (status != 0)
                        return status;
        }
        status = command_connect(command);
        if (status != 0)
                return status;
        status = choose(command, argument, &is_current);
        if (status != 0)
                return status;
        status = session_argument_parse(command->session_name, &session);
        if (status != 0)
                return status;
        r = open_session(command, &session);
        if (r >= 0)
                return 0;
        if (!is_current && is_missing(command))
                return refuse_missing(command, &session);
        if (is_current)
                command->hint = " It is the current session; choose another one: tracectl set-session NAME";
        return command_fail(command, "open the session", r);
}

int command_begin_on_session(struct command *command, int argc, char *argv[]) {
        static const struct option options[] = { COMMAND_SESSION_OPTIONS, {} };
        int status;

        status = command_options(command, argc, argv, COMMAND_SESSION_SHORT, options);
        if (status >= 0)
                return status;
        status = command_check_arguments(command, argc, argv, 0, 1, "one session");
        if (status == 0)
                status = command_open_session(command, argv[optind]);
        return status == 0 ? -1 : status;
}
