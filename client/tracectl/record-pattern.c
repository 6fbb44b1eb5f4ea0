/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <string.h>

#include "client/tracectl/record-arguments.h"

const char *record_pattern_refuse(const char *pattern) {
        static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_*";
        const char *colon = strchr(pattern, ':');
        size_t provider = strspn(pattern, letters), name;

        if (strcmp(pattern, "*") == 0)
                return NULL;
        if (*pattern == '\0')
                return "is empty; write PROVIDER:NAME, or '*' for all events";
        if (pattern[provider] != '\0' && pattern[provider] != ':')
                return "has a character that no event has; write PROVIDER:NAME, with * for any characters, "
                       "and one -e for each pattern";
        if (!colon)
                return "has no ':'; write PROVIDER:NAME, such as 'shop:order_paid', or 'shop:*' for all of shop's";
        if (provider == 0)
                return "has no provider before the ':'; write PROVIDER:NAME, or '*:NAME' for any provider";
        name = strspn(colon + 1, letters);
        if (name == 0 && colon[1] == '\0')
                return "has no event name after the ':'; write PROVIDER:NAME, or 'PROVIDER:*' for all of a provider's";
        if (colon[1 + name] != '\0')
                return "has a character that no event has after the ':'; write PROVIDER:NAME, "
                       "with * for any characters, and one -e for each pattern";
        return NULL;
}
