/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/tracectl/command.h"
#include "client/tracectl/say.h"
#include "client/tracectl/session-argument.h"
#include "client/tracectl/verbs.h"
#include "common/cleanup.h"

static const char *const json_modes[] = { "pretty", "short", "off", NULL };

int command_option(struct command *command, int c, char *argv[], const struct option *options) {
        switch (c) {
        case COMMAND_USER:
                command->is_user = true;
                return -1;
        case COMMAND_JSON:
                if (json_mode_parse(optarg, &command->json))
                        return -1;
                return options_refuse_word("form of JSON", optarg, json_modes);
        case 'H':
                command->host = optarg;
                return -1;
        case COMMAND_NO_PAGER:
                command->without_pager = true;
                return -1;
        case COMMAND_NO_PASSWORD:
                command->without_password = true;
                return -1;
        case COMMAND_NO_LEGEND:
                command->without_legend = true;
                return -1;
        case 'q':
                command->is_quiet = true;
                return -1;
        case 's':
                command->session_option = optarg;
                return -1;
        case 'h':
                command->print_help();
                return EXIT_SUCCESS;
        default:
                return options_refuse(command->verb, c, argv, options);
        }
}

int command_options(struct command *command, int argc, char *argv[], const char *short_options,
                    const struct option *options) {
        for (int c; (c = getopt_long(argc, argv, short_options, options, NULL)) >= 0;) {
                int status = command_option(command, c, argv, options);

                if (status >= 0)
                        return status;
        }
        return -1;
}

int command_check_arguments(const struct command *command, int argc, char *argv[], int min, int max,
                            const char *what) {
        if (argc - optind < min) {
                say("'%s' needs %s. See: tracectl %s --help", command->verb, what, command->verb);
                return EXIT_USAGE;
        }
        if (argc - optind <= max)
                return 0;
        if (max == 0)
                say("'%s' takes no argument, but there is '%s'. See: tracectl %s --help", command->verb, argv[optind],
                    command->verb);
        else
                say("'%s' takes %s, but there is also '%s'. See: tracectl %s --help", command->verb, what,
                    argv[optind + max], command->verb);
        return EXIT_USAGE;
}

static int refuse_bus(const struct command *command, int r) {
        if (command->no_directory)
                say("There is no directory '%s', and no tracing service to ask for a session of that name (%s).%s",
                    command->no_directory, strerror(-r), command->hint ? command->hint : "");
        else if (command->host)
                say("Failed to reach '%s' over ssh: %s.", command->host, strerror(-r));
        else if (command->is_user)
                say("Failed to reach this user's bus: %s. It is there in a login session; without it, "
                    "a command can be recorded: tracectl record --help", strerror(-r));
        else
                say("Failed to reach the system bus: %s. See: systemctl status dbus. Without it, "
                    "a command can be recorded: tracectl record --help", strerror(-r));
        return EXIT_FAILURE;
}

int command_connect(struct command *command) {
        int r;

        if (command->connection)
                return 0;
        if (command->host && command->is_user) {
                say("There is --user and --host. On another host, only its machine's service can be reached.");
                return EXIT_USAGE;
        }
        if (command->host)
                r = tracectl_connection_new_remote(command->host, &command->connection);
        else
                r = command->is_user ? tracectl_connection_new_user(&command->connection)
                                     : tracectl_connection_new_system(&command->connection);
        if (r >= 0 && command->without_password)
                r = tracectl_connection_set_interactive(command->connection, 0);
        /* Of another machine's polkit an agent here knows nothing, and a user's own service asks nobody. */
        else if (r >= 0 && !command->host && !command->is_user)
                r = password_agent_offer(&command->password_agent, command->connection);
        return r < 0 ? refuse_bus(command, r) : 0;
}

/* What to do about errors that are the bus's or about the service itself; the service says it in its own sentences. */
static const char *next_step(const struct command *command) {
        const char *name = tracectl_connection_get_error_name(command->connection);
        const char *sentence = tracectl_connection_get_error(command->connection);

        if (strcmp(name, "org.freedesktop.DBus.Error.ServiceUnknown") == 0 ||
            strcmp(name, "org.freedesktop.DBus.Error.NameHasNoOwner") == 0)
                return " Is the package tracectl installed? A command can be recorded without it: "
                       "tracectl record --help";
        if (strcmp(name, "org.freedesktop.DBus.Error.AccessDenied") == 0 &&
            strncmp(sentence, "The bus ", 8) == 0)
                return command->is_user ? "" : " Your own programs can be traced with: tracectl --user";
        if (strncmp(name, "org.freedesktop.DBus.Error.Spawn.", 33) == 0 ||
            strncmp(name, "org.freedesktop.systemd1.", 25) == 0 ||
            strncmp(sentence, "The tracing service could not be started", 40) == 0 ||
            strcmp(name, "org.freedesktop.DBus.Error.TimedOut") == 0 ||
            strcmp(name, "org.freedesktop.DBus.Error.Timeout") == 0 ||
            strcmp(name, "org.freedesktop.DBus.Error.NoReply") == 0 ||
            strcmp(name, "org.freedesktop.DBus.Error.Disconnected") == 0)
                return command->is_user ? " See: systemctl --user status tracingd"
                                        : " See: systemctl status tracingd";
        if (strcmp(name, "org.freedesktop.DBus.Error.UnknownMethod") == 0 ||
            strcmp(name, "org.freedesktop.DBus.Error.UnknownInterface") == 0)
                return " The running service is of another version: restart tracingd.";
        return "";
}

int command_fail(const struct command *command, const char *what, int error) {
        const char *sentence = tracectl_connection_get_error(command->connection);

        say("Failed to %s: %s%s%s", what, *sentence ? sentence : strerror(-error), next_step(command),
            command->hint ? command->hint : "");
        return EXIT_FAILURE;
}

int command_out_of_memory(void) {
        say("There is not enough memory.");
        return EXIT_FAILURE;
}

/* The members of rest behind the session's name. Takes rest over. */
static json_t *put_session_first(const struct command *command, json_t *rest) {
        json_t *json = json_object();
        int r = json && rest ? 0 : -1;

        if (r >= 0 && command->session_name)
                r = json_object_set_new(json, "session", json_from_text(command->session_name));
        if (r >= 0)
                r = json_object_update(json, rest);
        json_decref(rest);
        if (r >= 0)
                return json;
        json_decref(json);
        return NULL;
}

void command_say_pending(const struct command *command, uint32_t pending) {
        if (pending > 0 && !command->is_quiet)
                say("%" PRIu32 " running program%s not confirmed it in time, and will do it as soon as possible.",
                    pending, pending == 1 ? " has" : "s have");
}

int command_done(const struct command *command, json_t *json, const char *format, ...) {
        va_list ap;

        if (command_wants_json(command))
                return json_print(command->json, put_session_first(command, json));
        json_decref(json);
        if (command->is_quiet)
                return EXIT_SUCCESS;
        va_start(ap, format);
        vprintf(format, ap);
        va_end(ap);
        putchar('\n');
        return EXIT_SUCCESS;
}

int command_user_name(const struct command *command, uid_t uid, char **ret) {
        if (!command->host)
                return user_name(uid, ret);
        return asprintf(ret, "%u", (unsigned) uid) < 0 ? -ENOMEM : 0;
}

void command_free(struct command *command) {
        tracectl_session_free(command->session);
        tracectl_connection_free(command->connection);
        password_agent_close(&command->password_agent);
        free(command->session_name);
}
