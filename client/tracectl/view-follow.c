/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/tracectl/command.h"
#include "client/tracectl/follow.h"
#include "client/tracectl/say.h"
#include "client/tracectl/verbs.h"
#include "client/tracectl/view-follow.h"
#include "common/cleanup.h"

/* 0 at the end, or -errno: -EPIPE where whoever reads has enough. */
static int follow(struct follow *follow, const struct view_output *output, const struct view_output_options *options,
                  bool with_markers) {
        _cleanup_(view_run_done) struct view_run run = VIEW_RUN_NULL;
        tracectl_reader *reader;
        int r;

        r = view_run_begin(&run, output, options, STDOUT_FILENO);
        while (r >= 0 || r == -EINTR) {
                r = follow_next(follow, -1, -1, &reader);
                if (r == -EPIPE)
                        return view_run_end(&run);
                if (r > 0) {
                        tracectl_reader_set_markers(reader, with_markers);
                        r = view_run_add(&run, reader, follow_has_lost(follow));
                }
        }
        return r;
}

int view_follow(bool is_user, const char *session, const struct view_output *output,
                const struct view_output_options *options, bool with_markers) {
        _cleanup_(command_free) struct command command = { .verb = "view", .is_user = is_user };
        _cleanup_(follow_done) struct follow stream = {};
        int status, r;

        if (!view_output_can_follow(output) || options->with_durations || options->with_uncertain) {
                say("--follow shows one event after another, which the output '%s'%s cannot", output->name,
                    options->with_durations ? " with --durations" : options->with_uncertain ? " with --uncertain" : "");
                return EXIT_USAGE;
        }
        status = command_open_session(&command, session);
        if (status != 0)
                return status;
        r = follow_open(&stream, command.session);
        if (r < 0)
                return command_fail(&command, "follow the session", r);
        r = follow(&stream, output, options, with_markers);
        follow_say_losses(&stream);
        if (r < 0 && r != -EPIPE) {
                say("Failed to follow session '%s': %s", command.session_name, strerror(-r));
                return EXIT_FAILURE;
        }
        return EXIT_SUCCESS;
}
