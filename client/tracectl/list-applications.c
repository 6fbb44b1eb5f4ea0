/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <stdio.h>
#include <stdlib.h>

#include "client/tracectl/list.h"
#include "client/tracectl/say.h"
#include "client/tracectl/session-argument.h"
#include "client/tracectl/table.h"
#include "common/cleanup.h"

DEFINE_CLEANUP(tracectl_value *, tracectl_value_free)

static const char *text_of(const tracectl_value *value, const char *key) {
        return tracectl_value_get_string(tracectl_value_lookup(value, key));
}

/* The service may not see the process's number. */
static void add_pid(struct table *table, uint64_t pid) {
        if (pid > 0)
                table_add_number(table, pid);
        else
                table_add_quantity(table, "unknown");
}

static int add_row(const struct list *list, struct table *table, const tracectl_value *application) {
        _cleanup_free_ char *user = NULL;
        int r;

        r = command_user_name(&list->command, (uid_t) tracectl_value_get_number(tracectl_value_lookup(application, "uid")), &user);
        if (r < 0)
                return r;
        add_pid(table, tracectl_value_get_number(tracectl_value_lookup(application, "pid")));
        table_add(table, user);
        table_add(table, text_of(application, "name"));
        table_add(table, text_of(application, "unit"));
        return 0;
}

int list_applications(struct list *list) {
        static const char *const headers[] = { "PID", "USER", "NAME", "UNIT", NULL };
        _cleanup_(table_done) struct table table = { .headers = headers, .with_legend = !list->command.without_legend };
        _cleanup_(tracectl_value_freep) tracectl_value *applications = NULL;
        int r, settled;

        r = tracectl_list_applications(list->command.connection, &list->options, &settled, &applications);
        if (r < 0)
                return command_fail(&list->command, "list the programs", r);
        if (!settled && !list->command.is_quiet)
                say("Some programs may still be about to register. Look once more in a moment.");
        if (command_wants_json(&list->command))
                return json_print(list->command.json, json_from_value(applications));
        for (size_t i = 0; i < tracectl_value_get_size(applications) && r >= 0; i++)
                r = add_row(list, &table, tracectl_value_get_item(applications, i));
        if (r >= 0)
                r = table_print(&table);
        return r < 0 ? command_out_of_memory() : EXIT_SUCCESS;
}
