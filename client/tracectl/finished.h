/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "client/tracectl/command.h"

/*
 * The end of stop and snapshot: the last line, as record has it, or the counts
 * as JSON. path is the directory that was written to; NULL: the session's
 * output. Returns the exit status.
 */
int finished_say(struct command *command, const tracectl_counts *counts, const char *path);
