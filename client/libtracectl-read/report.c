/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <stdarg.h>
#include <stdio.h>

#include "client/libtracectl-read/report.h"

void report_say(const struct report *report, const char *format, ...) {
        char sentence[1024];
        va_list ap;

        if (!report->function)
                return;
        va_start(ap, format);
        vsnprintf(sentence, sizeof(sentence), format, ap);
        va_end(ap);
        report->function(sentence, report->userdata);
}
