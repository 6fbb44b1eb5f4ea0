/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The names of log levels (enum tracectl_loglevel of <tracectl/tracepoint.h>), 0 being the most severe. */

#include <stdint.h>

#define LOGLEVEL_LAST 14

/* "unknown" for a number that is none. */
const char *loglevel_to_string(uint8_t level);

/* Also for syslog's short names, such as "err". -EINVAL where there is no such level. */
int loglevel_from_string(const char *s, uint8_t *ret);

/* All names, for a sentence that lists them. */
#define LOGLEVEL_NAMES                                                                                                 \
        "emergency, alert, critical, error, warning, notice, info, debug-system, debug-program, debug-process, "     \
        "debug-module, debug-unit, debug-function, debug-line, debug"
