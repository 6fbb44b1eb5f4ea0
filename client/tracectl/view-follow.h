/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* tracectl view --follow: the events of a session as they happen. */

#include <stdbool.h>

#include "client/tracectl/view-output.h"

/* Until the session ends, or whoever reads the output has enough. Returns the exit status. */
int view_follow(bool is_user, const char *session, const struct view_output *output,
                const struct view_output_options *options, bool with_markers);
