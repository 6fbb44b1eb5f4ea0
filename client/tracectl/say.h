/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What tracectl has to say about its own work: one line on stderr, "tracectl: "
 * before it. Control characters in it (they come from file names and traces)
 * are shown as '?', because the line may end up on a terminal.
 */

#include <stdarg.h>

__attribute__((format(printf, 1, 2))) void say(const char *format, ...);
