/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <stdarg.h>
#include <stdio.h>

#include "client/libtracectl-read/problem.h"

int problem_set(struct problem *problem, int error, const char *format, ...) {
        va_list ap;

        if (problem->text[0] != '\0')
                return error;
        va_start(ap, format);
        vsnprintf(problem->text, sizeof(problem->text), format, ap);
        va_end(ap);
        return error;
}
