/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <stdlib.h>
#include <string.h>

#include "client/tracectl/command.h"
#include "client/tracectl/say.h"
#include "client/tracectl/view-session.h"
#include "common/cleanup.h"
#include "common/parse.h"

DEFINE_CLEANUP(tracectl_value *, tracectl_value_free)

bool view_may_be_session(const char *text) {
        const char *slash = strchr(text, '/');

        return slash ? slash > text && name_is_valid(slash + 1) : name_is_valid(text);
}

int view_find_session(bool is_user, const char *session, char **ret) {
        _cleanup_(command_free) struct command command = {
                .verb = "view",
                .is_user = is_user,
                .hint = session ? " There is no such directory either." : NULL,
        };
        _cleanup_(tracectl_value_freep) tracectl_value *info = NULL;
        const char *output;
        int status, r;

        status = command_open_session(&command, session);
        if (status != 0)
                return status;
        command.hint = NULL;
        r = tracectl_session_get_info(command.session, &info);
        if (r < 0)
                return command_fail(&command, "ask where the trace is", r);
        output = tracectl_value_get_string(tracectl_value_lookup(info, "output"));
        if (!*output) {
                say("Session '%s' has recorded nothing yet. See: tracectl start", command.session_name);
                return EXIT_FAILURE;
        }
        *ret = strdup(output);
        return *ret ? 0 : command_out_of_memory();
}
