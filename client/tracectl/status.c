/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/tracectl/command.h"
#include "client/tracectl/current.h"
#include "client/tracectl/limits.h"
#include "client/tracectl/text.h"
#include "client/tracectl/verbs.h"
#include "common/cleanup.h"

DEFINE_CLEANUP(tracectl_value *, tracectl_value_free)

static void print_help(void) {
        puts("Usage: tracectl status [OPTION...]\n\n"
             "Print what the tracing service is and does, what you may have at most, and how\n"
             "much of it you have; and which session is the current one.\n\n"
             COMMAND_HELP
             "\n\n"
             "Example: tracectl status --json=pretty");
}

/* The one that the next command would speak to. */
struct current {
        const char *name; /* "": there is none */
        bool exists;
};

static void print_current(const struct current *current, const char *shown) {
        if (!*current->name)
                puts("  Current:   none; choose one: tracectl set-session NAME");
        else if (current->exists)
                printf("  Current:   %s\n", shown);
        else
                printf("  Current:   %s, which is gone; choose another one: tracectl set-session NAME\n", shown);
}

static int print_text(const struct command *command, const tracectl_value *info, const struct current *current) {
        _cleanup_free_ char *version = NULL, *clock = NULL, *session = NULL;

        version = text_escaped_copy(tracectl_value_get_string(tracectl_value_lookup(info, "version")));
        clock = text_escaped_copy(tracectl_value_get_string(tracectl_value_lookup(info, "clock")));
        session = text_escaped_copy(current->name);
        if (!version || !clock || !session)
                return -ENOMEM;
        printf("tracingd %s of %s, clock %s\n", version, command->host ? "that host" : command->is_user ? "this user" : "the system", clock);
        printf("  Sessions:  %" PRIu64 "\n", tracectl_value_get_number(tracectl_value_lookup(info, "sessions")));
        printf("  Programs:  %" PRIu64 "\n", tracectl_value_get_number(tracectl_value_lookup(info, "applications")));
        print_current(current, session);
        if (tracectl_value_get_size(tracectl_value_lookup(info, "limits")) == 0)
                return 0;
        putchar('\n');
        return limits_print(tracectl_value_lookup(info, "limits"), "  ", !command->without_legend);
}

static int print_json(const struct command *command, const tracectl_value *info, const struct current *current) {
        json_t *json = json_from_value(info), *session = *current->name ? json_from_text(current->name) : json_null();

        if (json && (json_object_set_new(json, "current_session", session) < 0 ||
                     json_object_set_new(json, "current_session_exists", json_boolean(current->exists)) < 0)) {
                json_decref(json);
                json = NULL;
        }
        return json_print(command->json, json);
}

int verb_status(int argc, char *argv[]) {
        static const struct option options[] = { COMMAND_OPTIONS, {} };
        _cleanup_(command_free) struct command command = COMMAND_INIT("status");
        _cleanup_(tracectl_value_freep) tracectl_value *info = NULL;
        _cleanup_free_ char *name = NULL;
        struct current current = { .name = "" };
        int status, r;

        status = command_options(&command, argc, argv, COMMAND_SHORT, options);
        if (status >= 0)
                return status;
        status = command_check_arguments(&command, argc, argv, 0, 0, "no argument");
        if (status == 0)
                status = command_connect(&command);
        if (status != 0)
                return status;
        r = tracectl_get_info(command.connection, &info);
        if (r < 0)
                return command_fail(&command, "ask the service", r);
        if (!command.host)
                (void) current_read(command.is_user, &name);
        if (name)
                current = (struct current) { .name = name, .exists = command_session_exists(&command, name) };
        if (command_wants_json(&command))
                return print_json(&command, info, &current);
        r = print_text(&command, info, &current);
        return r < 0 ? command_out_of_memory() : EXIT_SUCCESS;
}
