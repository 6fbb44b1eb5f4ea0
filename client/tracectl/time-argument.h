/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Points in time on the command line, as journalctl takes them (systemd.time(7)):
 *
 *     2026-11-21 09:30:00.123456789    the seconds may be missing, and the time: 00:00
 *     2026-11-21T09:30:00              the same
 *     09:30:00, 09:30                  today
 *     now, today, yesterday, tomorrow  the latter three: 00:00
 *     -5min, +1h 30min, 2 hours ago    from now
 *     @1795253400.5                    seconds since the epoch
 *
 * Local time ($TZ), or UTC with " UTC" behind it.
 */

#include <stdint.h>

/* now and *ret in nanoseconds since the epoch. -EINVAL for anything else, -ERANGE for what no clock can show. */
int time_argument_parse(const char *text, int64_t now, int64_t *ret);
