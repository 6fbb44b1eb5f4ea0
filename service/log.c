/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <stdarg.h>
#include <stdio.h>

#include "common/cleanup.h"
#include "service/log.h"

static bool arg_debug;

void log_open(bool debug) {
        arg_debug = debug;
}

void log_debug(const char *format, ...) {
        _cleanup_free_ char *text = NULL;
        va_list ap;
        int n;

        if (!arg_debug)
                return;
        va_start(ap, format);
        n = vasprintf(&text, format, ap);
        va_end(ap);
        if (n < 0) {
                text = NULL;
                return;
        }
        fprintf(stderr, "tracingd: %s\n", text);
}
