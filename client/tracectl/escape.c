/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <string.h>

#include "client/tracectl/text.h"
#include "common/cleanup.h"

unsigned text_decode_utf8(const unsigned char *p, size_t size, uint32_t *ret) {
        static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
        unsigned n = *p >= 0xf0 ? 4 : *p >= 0xe0 ? 3 : 2;
        uint32_t c;

        if (*p < 0xc0 || *p >= 0xf8 || size < n)
                return 0;
        c = *p & (0x7fU >> n);
        for (unsigned i = 1; i < n; i++) {
                if ((p[i] & 0xc0) != 0x80)
                        return 0;
                c = c << 6 | (p[i] & 0x3f);
        }
        if (c < least[n] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
                return 0;
        *ret = c;
        return n;
}

/* Letters and the like: no control characters of 8 bits, line ends, invisible ones, or changes of direction. */
static bool is_harmless(uint32_t c) {
        return c >= 0xa0 && !(c >= 0x200b && c <= 0x200f) && !(c >= 0x2028 && c <= 0x202e) &&
               !(c >= 0x2060 && c <= 0x206f) && c != 0x61c && c != 0xfeff && !(c >= 0xe0000 && c <= 0xe007f);
}

static void add_escape(struct text *text, unsigned char c) {
        static const char plain[] = "\a\b\t\n\v\f\r\x1b", names[] = "abtnvfre";
        const char *name = c ? strchr(plain, c) : NULL;

        text_add_char(text, '\\');
        if (name)
                text_add_char(text, names[name - plain]);
        else if (c > ' ' && c < 0x7f) /* a quote, or the backslash itself */
                text_add_char(text, (char) c);
        else {
                text_add_char(text, 'x');
                text_add_u64_base(text, c, 16, 2);
        }
}

static bool is_plain(unsigned char c, char quote) {
        return c >= ' ' && c < 0x7f && c != '\\' && c != (unsigned char) quote;
}

void text_add_escaped(struct text *text, const char *data, size_t size, char quote) {
        const unsigned char *p = (const unsigned char *) data, *end = p + size;

        while (p < end) {
                const unsigned char *start = p;
                unsigned n = 0;
                uint32_t c;

                while (p < end && is_plain(*p, quote))
                        p++;
                text_add(text, (const char *) start, (size_t) (p - start));
                if (p == end)
                        return;
                if (*p >= 0x80)
                        n = text_decode_utf8(p, (size_t) (end - p), &c);
                if (n > 0 && is_harmless(c))
                        text_add(text, (const char *) p, n);
                else {
                        n = n > 0 ? n : 1;
                        for (unsigned i = 0; i < n; i++)
                                add_escape(text, p[i]);
                }
                p += n;
        }
}

char *text_escaped_copy(const char *data) {
        /* Each byte may become four, and nothing must be flushed. */
        size_t size = strnlen(data, (TEXT_SIZE - 2 * TEXT_RESERVE) / 4);
        _cleanup_free_ struct text *text = malloc(sizeof(*text));

        if (!text)
                return NULL;
        text_init(text, -1);
        text_add_escaped(text, data, size, 0);
        return strndup(text->data, text->size);
}
