/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "service/model/text.h"

/* Bytes of the character at s, or 0 where it is no UTF-8: overlong, a surrogate, out of range, cut off. */
static size_t character_length(const unsigned char *s) {
        static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
        uint32_t c;
        size_t n;

        if (*s < 0x80)
                return 1;
        if (*s < 0xc2 || *s > 0xf4)
                return 0;
        n = *s < 0xe0 ? 2 : *s < 0xf0 ? 3 : 4;
        c = *s & (0x7fU >> n);
        for (size_t i = 1; i < n; i++) {
                if ((s[i] & 0xc0) != 0x80)
                        return 0;
                c = c << 6 | (s[i] & 0x3f);
        }
        if (c < least[n] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
                return 0;
        return n;
}

static bool is_control(const unsigned char *s, size_t n) {
        return n == 1 ? *s < 0x20 || *s == 0x7f : n == 2 && s[0] == 0xc2 && s[1] < 0xa0;
}

void text_escape(const char *s, char *ret, size_t size) {
        const unsigned char *p = (const unsigned char *) s;
        size_t used = 0;

        while (*p) {
                size_t n = character_length(p), from = n ? n : 1;
                bool escaped = n == 0 || is_control(p, n);

                if (used + (escaped ? 4 * from : n) + 1 > size)
                        break;
                if (escaped)
                        for (size_t i = 0; i < from; i++)
                                used += (size_t) snprintf(ret + used, size - used, "\\x%02x", p[i]);
                else {
                        memcpy(ret + used, p, n);
                        used += n;
                }
                p += from;
        }
        ret[used] = '\0';
}
