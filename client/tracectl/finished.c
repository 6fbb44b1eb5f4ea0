/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "client/tracectl/finished.h"
#include "client/tracectl/record-summary.h"
#include "client/tracectl/say.h"
#include "client/tracectl/text.h"
#include "common/cleanup.h"

DEFINE_CLEANUP(tracectl_value *, tracectl_value_free)

static json_t *make_json(const tracectl_counts *counts, const char *output) {
        json_t *json = json_from_counts(counts);

        if (json && json_object_set_new(json, "output", json_from_text(output)) < 0) {
                json_decref(json);
                return NULL;
        }
        return json;
}

/* A flight recorder writes nothing by itself. */
static bool is_unwritten(const tracectl_value *info, const tracectl_counts *counts) {
        return strcmp(tracectl_value_get_string(tracectl_value_lookup(info, "mode")), "flight-recorder") == 0 &&
                tracectl_counts_get(counts, TRACECTL_COUNT_BYTES) == 0;
}

/* Without counts: they are the session's, not those of one snapshot. */
static int say_snapshot(const char *path) {
        _cleanup_free_ char *shown = text_escaped_copy(path);

        if (!shown)
                return command_out_of_memory();
        say("Snapshot in %s; look at it with: %s view %s", shown, program_invocation_name, shown);
        return EXIT_SUCCESS;
}

int finished_say(struct command *command, const tracectl_counts *counts, const char *path) {
        _cleanup_(tracectl_value_freep) tracectl_value *info = NULL;
        _cleanup_free_ char *line = NULL;
        struct record_summary summary = {
                .counts = counts,
                .directory = path,
                .program = program_invocation_name,
                .session = command->session_name,
        };
        int r;

        if (!path) {
                r = tracectl_session_get_info(command->session, &info);
                if (r < 0)
                        return command_fail(command, "ask where the trace is", r);
                summary.directory = tracectl_value_get_string(tracectl_value_lookup(info, "output"));
        }
        if (command_wants_json(command))
                return command_done(command, make_json(counts, summary.directory), "%s", "");
        if (command->is_quiet)
                return EXIT_SUCCESS;
        if (path)
                return say_snapshot(path);
        if (is_unwritten(info, counts)) {
                say("Session %s has stopped, and its rings keep the newest events. Write them: tracectl snapshot -s %s",
                    command->session_name, command->session_name);
                return EXIT_SUCCESS;
        }
        /* A session that has never recorded has no directory. */
        if (!*summary.directory)
                summary.directory = NULL;
        if (record_summary_format(&summary, &line) < 0)
                return command_out_of_memory();
        say("%s", line);
        return EXIT_SUCCESS;
}
