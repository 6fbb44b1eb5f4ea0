/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/tracectl/text.h"
#include "common/fd.h"

static const char pairs[] =
        "00010203040506070809101112131415161718192021222324252627282930313233343536373839404142434445464748495051525354"
        "5556575859606162636465666768697071727374757677787980818283848586878889909192939495969798" "99";

void text_init(struct text *text, int fd) {
        text->fd = fd;
        text->error = 0;
        text->size = 0;
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

static unsigned count_digits(uint64_t value) {
        unsigned n = 1;

        for (; value >= 10000; value /= 10000)
                n += 4;
        return n + (value >= 10) + (value >= 100) + (value >= 1000);
}

char *text_write_u64(char *p, uint64_t value) {
        char *end = p + count_digits(value);
        uint32_t low;

        p = end;
        for (; value > UINT32_MAX; value /= 100) {
                p -= 2;
                memcpy(p, pairs + 2 * (value % 100), 2);
        }
        /* Dividing a number of 32 bits is far cheaper. */
        for (low = (uint32_t) value; low >= 100; low /= 100) {
                p -= 2;
                memcpy(p, pairs + 2 * (low % 100), 2);
        }
        if (low >= 10)
                memcpy(p - 2, pairs + 2 * low, 2);
        else
                *--p = (char) ('0' + low);
        return end;
}

void text_write_digits(char *p, uint32_t value, unsigned n) {
        while (n >= 2) {
                n -= 2;
                memcpy(p + n, pairs + 2 * (value % 100), 2);
                value /= 100;
        }
        if (n == 1)
                *p = (char) ('0' + value % 10);
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
        text_room(text);
        text_write_digits(text->data + text->size, value, n);
        text->size += n;
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
