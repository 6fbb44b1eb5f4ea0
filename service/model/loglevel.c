/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <string.h>

#include "common/cleanup.h"
#include "service/model/loglevel.h"

static const char *const names[] = {
        "emergency",     "alert",         "critical",     "error",      "warning",
        "notice",        "info",          "debug-system", "debug-program", "debug-process",
        "debug-module",  "debug-unit",    "debug-function", "debug-line", "debug",
};
_Static_assert(ARRAY_SIZE(names) == LOGLEVEL_LAST + 1, "each has a name");

const char *loglevel_to_string(uint8_t level) {
        return level < ARRAY_SIZE(names) ? names[level] : "unknown";
}

int loglevel_from_string(const char *s, uint8_t *ret) {
        static const struct {
                const char *name;
                uint8_t level;
        } others[] = { { "emerg", 0 }, { "crit", 2 }, { "err", 3 }, { "warn", 4 } };

        for (uint8_t i = 0; i < ARRAY_SIZE(names); i++)
                if (strcmp(names[i], s) == 0) {
                        *ret = i;
                        return 0;
                }
        for (size_t i = 0; i < ARRAY_SIZE(others); i++)
                if (strcmp(others[i].name, s) == 0) {
                        *ret = others[i].level;
                        return 0;
                }
        return -EINVAL;
}
