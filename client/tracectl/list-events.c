/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "client/tracectl/list.h"
#include "client/tracectl/table.h"
#include "common/cleanup.h"

DEFINE_CLEANUP(tracectl_value *, tracectl_value_free)

static const char *text_of(const tracectl_value *value, const char *key) {
        return tracectl_value_get_string(tracectl_value_lookup(value, key));
}

/* "order:u64 amount:f64" */
static int write_fields(const tracectl_value *fields, char **ret) {
        _cleanup_free_ char *text = NULL;
        size_t size;
        FILE *f;

        f = open_memstream(&text, &size);
        if (!f)
                return -ENOMEM;
        for (size_t i = 0; i < tracectl_value_get_size(fields); i++) {
                const tracectl_value *field = tracectl_value_get_item(fields, i);

                fprintf(f, "%s%s:%s", i > 0 ? " " : "", text_of(field, "name"), text_of(field, "type"));
        }
        if (fclose(f) != 0)
                return -ENOMEM;
        *ret = TAKE_PTR(text);
        return 0;
}

static int add_row(struct table *table, const tracectl_value *event) {
        _cleanup_free_ char *fields = NULL;
        int r;

        r = write_fields(tracectl_value_lookup(event, "fields"), &fields);
        if (r < 0)
                return r;
        table_add(table, text_of(event, "name"));
        table_add(table, text_of(event, "log_level"));
        table_add(table, fields);
        return 0;
}

int list_events(struct list *list, const char *glob) {
        static const char *const headers[] = { "EVENT", "LEVEL", "FIELDS", NULL };
        _cleanup_(table_done) struct table table = { .headers = headers, .with_legend = !list->command.without_legend };
        _cleanup_(tracectl_value_freep) tracectl_value *events = NULL;
        int r;

        r = tracectl_list_events(list->command.connection, list->kernel ? "kernel" : "user", glob, &list->options, &events);
        if (r < 0)
                return command_fail(&list->command, "list the events", r);
        if (command_wants_json(&list->command))
                return json_print(list->command.json, json_from_value(events));
        for (size_t i = 0; i < tracectl_value_get_size(events) && r >= 0; i++)
                r = add_row(&table, tracectl_value_get_item(events, i));
        if (r >= 0)
                r = table_print(&table);
        return r < 0 ? command_out_of_memory() : EXIT_SUCCESS;
}
