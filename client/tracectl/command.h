/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What the verbs that speak to the tracing service have in common: their
 * options, the connection, the session that is meant, and how to end. Functions
 * that can fail return 0, or the exit status after they have said why.
 */

#include <stdbool.h>
#include <sys/types.h>

#include "client/libtracectl/tracectl.h"
#include "client/tracectl/json.h"
#include "client/tracectl/options.h"
#include "client/tracectl/password-agent.h"

struct command {
        const char *verb;
        void (*print_help)(void);
        bool is_user, is_quiet;
        enum json_mode json;
        bool without_pager, without_legend, without_password;
        struct password_agent password_agent;
        const char *host; /* -H: the machine whose service is meant, or NULL */
        const char *session_option; /* -s, or NULL */
        tracectl_connection *connection;
        tracectl_session *session;
        char *session_name; /* NAME, or USER/NAME */
        const char *hint;   /* behind the sentence about the next failure, or NULL */
        const char *no_directory; /* what is the name of none, and so of a session at most; or NULL */
};

#define COMMAND_INIT(name) { .verb = (name), .print_help = print_help }

enum { COMMAND_USER = 256, COMMAND_JSON, COMMAND_NO_PAGER, COMMAND_NO_LEGEND, COMMAND_NO_PASSWORD,
       COMMAND_OWN /* and on: the verb's own */ };

/* For each verb's table of options, and its short ones; with COMMAND_SESSION, -s as well. */
#define COMMAND_OPTIONS                                                                                                \
        { "user", no_argument, NULL, COMMAND_USER }, { "json", optional_argument, NULL, COMMAND_JSON },                \
        { "host", required_argument, NULL, 'H' }, { "no-pager", no_argument, NULL, COMMAND_NO_PAGER },                 \
        { "no-legend", no_argument, NULL, COMMAND_NO_LEGEND },                                                         \
        { "no-ask-password", no_argument, NULL, COMMAND_NO_PASSWORD },                                                 \
        { "quiet", no_argument, NULL, 'q' }, { "help", no_argument, NULL, 'h' }
#define COMMAND_SHORT ":qhH:"
#define COMMAND_SESSION_OPTIONS COMMAND_OPTIONS, { "session", required_argument, NULL, 's' }
#define COMMAND_SESSION_SHORT COMMAND_SHORT "s:"

/* The lines of the help about them. */
#define COMMAND_HELP                                                                                                   \
        "      --user             The tracing service of this user, not the machine's\n"                               \
        "  -H, --host [USER@]HOST That of another machine, over ssh\n"                                             \
        "      --json[=MODE]      Print JSON: pretty, short or off\n"                                                  \
        "      --no-ask-password  Do without what needs a password\n"                                                  \
        "      --no-legend        No headers in tables\n"                                                              \
        "      --no-pager         Print to the terminal at once, not page by page\n"                                   \
        "  -q, --quiet            Print nothing but errors\n"                                                          \
        "  -h, --help             Show this text"
#define COMMAND_SESSION_HELP                                                                                           \
        "  -s, --session SESSION  NAME, or USER/NAME; default: the current session, or\n"                              \
        "                         the only one\n"                                                                      \
        COMMAND_HELP

/* What getopt_long() returned and the verb does not know. -1: go on; else the exit status. */
int command_option(struct command *command, int c, char *argv[], const struct option *options);

/* For verbs without options of their own: all of it. -1, or the exit status. */
int command_options(struct command *command, int argc, char *argv[], const char *short_options,
                    const struct option *options);

/* Whether between min and max arguments follow the options; what names one in the sentence. */
int command_check_arguments(const struct command *command, int argc, char *argv[], int min, int max,
                            const char *what);

int command_connect(struct command *command);

/* The name of a user of the service's machine, or his number where that is another one. */
int command_user_name(const struct command *command, uid_t uid, char **ret);

/* Of NAME or USER/NAME; also true where nobody says. */
bool command_session_exists(struct command *command, const char *name);

/* Connects, and opens the session argument or, where that is NULL, the one that is meant. */
int command_open_session(struct command *command, const char *argument);

/* For verbs that take one session and nothing else: reads the command line, opens it. -1: go on; else the exit status. */
int command_begin_on_session(struct command *command, int argc, char *argv[]);

/* Says that something failed ("start recording"), why, and what to do. Returns EXIT_FAILURE. */
int command_fail(const struct command *command, const char *what, int error);

/* Says that there was no memory. Returns EXIT_FAILURE. */
int command_out_of_memory(void);

/* Says how many programs have not applied a change yet, where there are any. */
void command_say_pending(const struct command *command, uint32_t pending);

/*
 * The end of a verb that has done something: with --json, prints json, which
 * gets the session's name in front; else a line of text. Takes json over.
 */
__attribute__((format(printf, 3, 4))) int command_done(const struct command *command, json_t *json,
                                                       const char *format, ...);

/* Whether the only output is JSON. */
static inline bool command_wants_json(const struct command *command) {
        return command->json != JSON_MODE_OFF;
}

void command_free(struct command *command);
