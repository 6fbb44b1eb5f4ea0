/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <stdio.h>
#include <stdlib.h>

#include "client/tracectl/list.h"
#include "client/tracectl/session-argument.h"
#include "client/tracectl/table.h"
#include "common/cleanup.h"

DEFINE_CLEANUP(tracectl_value *, tracectl_value_free)

static const char *text_of(const tracectl_value *value, const char *key) {
        return tracectl_value_get_string(tracectl_value_lookup(value, key));
}

static int add_row(const struct list *list, struct table *table, const tracectl_value *session) {
        _cleanup_free_ char *user = NULL;
        int r;

        r = command_user_name(&list->command, (uid_t) tracectl_value_get_number(tracectl_value_lookup(session, "owner")), &user);
        if (r < 0)
                return r;
        table_add(table, text_of(session, "name"));
        table_add(table, user);
        table_add(table, text_of(session, "state"));
        table_add(table, text_of(session, "mode"));
        return 0;
}

int list_sessions(struct list *list) {
        static const char *const headers[] = { "NAME", "USER", "STATE", "MODE", NULL };
        _cleanup_(table_done) struct table table = { .headers = headers, .with_legend = !list->command.without_legend };
        _cleanup_(tracectl_value_freep) tracectl_value *sessions = NULL;
        int r;

        r = tracectl_list_sessions(list->command.connection, &list->options, &sessions);
        if (r < 0)
                return command_fail(&list->command, "list the sessions", r);
        if (command_wants_json(&list->command))
                return json_print(list->command.json, json_from_value(sessions));
        for (size_t i = 0; i < tracectl_value_get_size(sessions) && r >= 0; i++)
                r = add_row(list, &table, tracectl_value_get_item(sessions, i));
        if (r >= 0)
                r = table_print(&table);
        return r < 0 ? command_out_of_memory() : EXIT_SUCCESS;
}
