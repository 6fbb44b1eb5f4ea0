/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/tracectl/command.h"
#include "client/tracectl/limits.h"
#include "client/tracectl/pager.h"
#include "client/tracectl/table.h"
#include "client/tracectl/verbs.h"
#include "common/cleanup.h"

#define USED "_used"
#define REFUSED "_refused" /* no limit, but how often one was reached */

DEFINE_CLEANUP(tracectl_value *, tracectl_value_free)

static void print_help(void) {
        puts("Usage: tracectl limits [OPTION...]\n\n"
             "Print what you may have at most of all that the tracing service shares out, and\n"
             "how much of it you have.\n\n"
             COMMAND_HELP
             "\n\n"
             "Example: tracectl limits --json | jq '.[] | select(.used == .most).name'");
}

static bool ends_with(const char *name, const char *suffix) {
        size_t n = strlen(name), n_suffix = strlen(suffix);

        return n > n_suffix && strcmp(name + n - n_suffix, suffix) == 0;
}

/* Whether this is no limit of its own, but how much of one is in use. */
static bool is_use(const char *name) {
        return ends_with(name, USED);
}

/* "ring_memory": its limit; "ring_memory_used": how much of it is in use, or NULL. */
static int find_use(const tracectl_value *limits, const char *name, const tracectl_value **ret) {
        _cleanup_free_ char *used_name = NULL;

        if (asprintf(&used_name, "%s" USED, name) < 0) {
                used_name = NULL;
                return -ENOMEM;
        }
        *ret = tracectl_value_lookup(limits, ends_with(name, REFUSED) ? name : used_name);
        return 0;
}

int limits_print(const tracectl_value *limits, const char *indent, bool with_legend) {
        static const char *const headers[] = { "LIMIT", "USED", "MOST", NULL };
        _cleanup_(table_done) struct table table = { .headers = headers, .indent = indent, .with_legend = with_legend };

        for (size_t i = 0; i < tracectl_value_get_size(limits); i++) {
                const char *name = tracectl_value_get_key(limits, i);
                const tracectl_value *used;

                if (is_use(name))
                        continue;
                if (find_use(limits, name, &used) < 0)
                        return -ENOMEM;
                table_add(&table, name);
                if (used)
                        table_add_number(&table, tracectl_value_get_number(used));
                else
                        table_add(&table, "");
                if (ends_with(name, REFUSED))
                        table_add(&table, "");
                else
                        table_add_number(&table, tracectl_value_get_number(tracectl_value_get_item(limits, i)));
        }
        if (table.error < 0 || table.n == 0)
                return table.error;
        return table_print(&table);
}

static json_t *make_json(const tracectl_value *limits) {
        json_t *json = json_array();

        for (size_t i = 0; json && i < tracectl_value_get_size(limits); i++) {
                const char *name = tracectl_value_get_key(limits, i);
                const tracectl_value *used = NULL;
                json_t *limit;

                if (is_use(name))
                        continue;
                (void) find_use(limits, name, &used);
                limit = json_pack("{s:o}", "name", json_from_text(name));
                if (used && limit)
                        (void) json_object_set_new(limit, "used", json_from_value(used));
                if (limit && !ends_with(name, REFUSED))
                        (void) json_object_set_new(limit, "most", json_from_value(tracectl_value_get_item(limits, i)));
                if (json_array_append_new(json, limit) < 0) {
                        json_decref(json);
                        return NULL;
                }
        }
        return json;
}

static int print(const struct command *command, const tracectl_value *limits) {
        struct pager pager = {};
        int r;

        if (command_wants_json(command))
                return json_print(command->json, make_json(limits));
        if (!command->without_pager)
                pager_open(&pager);
        r = limits_print(limits, NULL, !command->without_legend);
        fflush(stdout);
        pager_close(&pager);
        return r < 0 ? command_out_of_memory() : EXIT_SUCCESS;
}

int verb_limits(int argc, char *argv[]) {
        static const struct option options[] = { COMMAND_OPTIONS, {} };
        _cleanup_(command_free) struct command command = COMMAND_INIT("limits");
        _cleanup_(tracectl_value_freep) tracectl_value *info = NULL;
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
        return print(&command, tracectl_value_lookup(info, "limits"));
}
