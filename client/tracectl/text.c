/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/tracectl/text.h"
#include "common/fd.h"

void text_init(struct text *text, int fd) {
        text->fd = fd;
        text->error = 0;
        text->size = 0;
        text->has_flushed = false;
        text->before_write = NULL;
        text->userdata = NULL;
}

void text_flush(struct text *text) {
        if (text->before_write)
                text->before_write(text->userdata);
        if (text->error == 0) {
                int r = write_full(text->fd, text->data, text->size);

                if (r < 0)
                        text->error = -r;
        }
        text->size = 0;
        text->has_flushed = true;
}

void text_add(struct text *text, const char *data, size_t size) {
        while (size > TEXT_SIZE - text->size) {
                size_t n = TEXT_SIZE - text->size;

                memcpy(text->data + text->size, data, n);
                text->size += n;
                data += n;
                size -= n;
                text_flush(text);
        }
        memcpy(text->data + text->size, data, size);
        text->size += size;
}

/*
 * The eight decimal digits of a value below 10^8, each in a byte of its own, the
 * first in the lowest: halved again and again, all parts at once. 10486 / 2^20
 * and 103 / 2^10 are 1/100 and 1/10, exactly enough for what they multiply.
 */
static uint64_t split_digits(uint32_t value) {
        uint64_t fours = value / 10000 | (uint64_t) (value % 10000) << 32;
        uint64_t hundreds = ((fours * 10486) >> 20) & UINT64_C(0x7f0000007f);
        uint64_t twos = hundreds | (fours - 100 * hundreds) << 16;
        uint64_t tens = ((twos * 103) >> 10) & UINT64_C(0x000f000f000f000f);

        return tens | (twos - 10 * tens) << 8;
}

static void write_digits(char *p, uint64_t digits) {
        digits += UINT64_C(0x3030303030303030);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
        digits = __builtin_bswap64(digits);
#endif
        memcpy(p, &digits, sizeof(digits));
}

char *text_write_u64(char *p, uint64_t value) {
        uint64_t digits;
        unsigned skip;

        if (value >= 100000000) {
                p = text_write_u64(p, value / 100000000);
                write_digits(p, split_digits((uint32_t) (value % 100000000)));
                return p + 8;
        }
        digits = split_digits((uint32_t) value);
        skip = digits > 0 ? (unsigned) __builtin_ctzll(digits) / 8 : 7;
        write_digits(p, digits >> 8 * skip);
        return p + 8 - skip;
}

char *text_write_nanoseconds(char *p, uint32_t value) {
        *p = (char) ('0' + value / 100000000);
        write_digits(p + 1, split_digits(value % 100000000));
        return p + 9;
}

void text_add_u64(struct text *text, uint64_t value) {
        text_room(text);
        text->size = (size_t) (text_write_u64(text->data + text->size, value) - text->data);
}

void text_add_i64(struct text *text, int64_t value) {
        if (value < 0)
                text_add_char(text, '-');
        text_add_u64(text, value < 0 ? -(uint64_t) value : (uint64_t) value);
}

void text_add_digits(struct text *text, uint32_t value, unsigned n) {
        char *p;

        text_room(text);
        p = text->data + text->size;
        text->size += n;
        for (; n > 0; value /= 10)
                p[--n] = (char) ('0' + value % 10);
}

void text_add_u64_base(struct text *text, uint64_t value, unsigned base, unsigned min_digits) {
        unsigned shift = base == 16 ? 4 : base == 8 ? 3 : 1, i = 64;
        char digits[64];

        do {
                digits[--i] = "0123456789abcdef"[value & (base - 1)];
                value >>= shift;
        } while (value > 0 || 64 - i < min_digits);
        text_add(text, digits + i, 64 - i);
}

/* As few digits as make the same number again. */
void text_add_double(struct text *text, double value) {
        char digits[40];
        int n = 0;

        for (int precision = 6; precision <= 17; precision += precision == 6 ? 9 : 1) {
                n = snprintf(digits, sizeof(digits), "%.*g", precision, value);
                if (strtod(digits, NULL) == value)
                        break;
        }
        text_add(text, digits, (size_t) n);
}
