/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <stdio.h>

#include "client/tracectl/say.h"
#include "common/cleanup.h"

void say(const char *format, ...) {
        _cleanup_free_ char *line = NULL;
        va_list ap;
        int n;

        va_start(ap, format);
        n = vasprintf(&line, format, ap);
        va_end(ap);
        if (n < 0) {
                line = NULL;
                return;
        }
        for (char *p = line; *p; p++)
                if ((unsigned char) *p < ' ' || *p == 0x7f)
                        *p = '?';
        fprintf(stderr, "tracectl: %s\n", line);
}
