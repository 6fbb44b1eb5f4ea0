/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <string.h>

#include "client/libtracectl-read/uuid.h"
#include "common/parse.h"

int uuid_parse(const char *s, uint8_t ret[static 16]) {
        uint8_t uuid[16];
        size_t n = 0;

        if (strlen(s) != 36)
                return -EINVAL;
        for (size_t i = 0; i < 36;) {
                char digits[3] = { s[i], s[i + 1], '\0' };
                uint64_t value;

                if (i == 8 || i == 13 || i == 18 || i == 23) {
                        if (s[i++] != '-')
                                return -EINVAL;
                        continue;
                }
                if (parse_hex64(digits, &value) < 0)
                        return -EINVAL;
                uuid[n++] = (uint8_t) value;
                i += 2;
        }
        memcpy(ret, uuid, sizeof(uuid));
        return 0;
}
