/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What tracingd says on standard error when it is asked to (--debug or
 * $TRACINGD_LOG=debug): why a connection was closed, what a consumer answered.
 * Any thread may call log_debug(); log_open() comes before the first thread.
 */

#include <stdbool.h>

void log_open(bool debug);
void log_debug(const char *format, ...) __attribute__((format(printf, 1, 2)));
