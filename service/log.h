/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What tracingd says on standard error: warnings, for whoever administers the
 * machine, and with --debug or $TRACINGD_LOG=debug why a connection was closed,
 * what a consumer answered. Any thread may log; log_open() comes before the
 * first thread.
 */

#include <stdbool.h>

/* priorities: lines begin with a priority, as in sd-daemon(3), for the journal; else with our name, for people. */
void log_open(bool debug, bool priorities);
void log_debug(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_warning(const char *format, ...) __attribute__((format(printf, 1, 2)));
