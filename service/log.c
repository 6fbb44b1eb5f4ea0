/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <stdarg.h>
#include <stdio.h>
#include <systemd/sd-daemon.h>

#include "common/cleanup.h"
#include "service/log.h"

static bool arg_debug, arg_priorities;

void log_open(bool debug, bool priorities) {
        arg_debug = debug;
        arg_priorities = priorities;
}

/* A line by one write, so that those of several threads stay whole. */
__attribute__((format(printf, 2, 0))) static void print(const char *priority, const char *format, va_list ap) {
        _cleanup_free_ char *text = NULL;

        if (vasprintf(&text, format, ap) < 0) {
                text = NULL;
                return;
        }
        fprintf(stderr, "%s%s\n", arg_priorities ? priority : "tracingd: ", text);
}

void log_debug(const char *format, ...) {
        va_list ap;

        if (!arg_debug)
                return;
        va_start(ap, format);
        print(SD_DEBUG, format, ap);
        va_end(ap);
}

void log_warning(const char *format, ...) {
        va_list ap;

        va_start(ap, format);
        print(SD_WARNING, format, ap);
        va_end(ap);
}
