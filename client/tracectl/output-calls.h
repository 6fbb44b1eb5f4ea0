/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * System calls as one line each, or one object, when they return; other events
 * as they are. Two forms of output that --calls puts in the place of text and json.
 */

#include "client/tracectl/view-output.h"

extern const struct view_output view_output_calls_text, view_output_calls_json;

/* What --calls makes of an output; NULL: it has no lines to be put together. */
const struct view_output *view_output_calls(const struct view_output *output);
