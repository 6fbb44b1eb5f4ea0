/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <stddef.h>

#include "common/glob.h"

bool glob_match(const char *pattern, const char *text) {
        const char *star = NULL, *resume = NULL;

        while (*text) {
                if (*pattern == '*') {
                        star = pattern++;
                        resume = text;
                } else if (*pattern == *text) {
                        pattern++;
                        text++;
                } else if (star) {
                        /* Let the last star take one character more. */
                        pattern = star + 1;
                        text = ++resume;
                } else
                        return false;
        }
        while (*pattern == '*')
                pattern++;
        return *pattern == '\0';
}
