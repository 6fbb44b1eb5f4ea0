/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "client/tracectl/change-events.h"
#include "client/tracectl/say.h"
#include "common/cleanup.h"

struct changed {
        json_t *patterns;
        uint32_t pending; /* at most */
};

static int apply_all(struct command *command, const struct event_change *change, const char *channel, char *patterns[],
                     struct changed *changed) {
        for (; *patterns; patterns++) {
                uint32_t pending = 0;
                int r;

                r = change->apply(command->session, channel, *patterns, &pending);
                if (r < 0)
                        return command_fail(command, change->what, r);
                if (pending > changed->pending)
                        changed->pending = pending;
                if (json_array_append_new(changed->patterns, json_from_text(*patterns)) < 0)
                        return command_out_of_memory();
        }
        return 0;
}

static int change_all(struct command *command, const struct event_change *change, const char *channel,
                      char *patterns[]) {
        struct changed changed = { .patterns = json_array() };
        int status;

        status = apply_all(command, change, channel, patterns, &changed);
        if (status != 0) {
                json_decref(changed.patterns);
                return status;
        }
        if (changed.pending > 0 && !command->is_quiet)
                say("%" PRIu32 " running program%s not confirmed it in time, and will do it as soon as possible.",
                    changed.pending, changed.pending == 1 ? " has" : "s have");
        return command_done(command, json_pack("{s:o,s:I}", "patterns", changed.patterns, "pending",
                                               (json_int_t) changed.pending),
                            "Session %s %s.", command->session_name, change->done);
}

int change_events(const struct event_change *change, int argc, char *argv[]) {
        static const struct option options[] = {
                { "channel", required_argument, NULL, 'c' },
                COMMAND_SESSION_OPTIONS,
                {},
        };
        _cleanup_(command_free) struct command command = { .verb = change->verb, .print_help = change->print_help };
        const char *channel = "";
        int status;

        for (int c; (c = getopt_long(argc, argv, COMMAND_SESSION_SHORT "c:", options, NULL)) >= 0;) {
                if (c == 'c') {
                        channel = optarg;
                        continue;
                }
                status = command_option(&command, c, argv, options);
                if (status >= 0)
                        return status;
        }
        status = command_check_arguments(&command, argc, argv, 1, argc, "at least one pattern, such as 'shop:*'");
        for (int i = optind; status == 0 && change->check && i < argc; i++)
                status = change->check(argv[i]);
        if (status == 0)
                status = command_open_session(&command, NULL);
        return status != 0 ? status : change_all(&command, change, channel, argv + optind);
}
