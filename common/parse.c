/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/parse.h"

static int digit_value(char c, unsigned base, unsigned *ret) {
        unsigned v;

        if (c >= '0' && c <= '9')
                v = (unsigned) (c - '0');
        else if (c >= 'a' && c <= 'f')
                v = (unsigned) (c - 'a') + 10;
        else if (c >= 'A' && c <= 'F')
                v = (unsigned) (c - 'A') + 10;
        else
                return -EINVAL;
        if (v >= base)
                return -EINVAL;
        *ret = v;
        return 0;
}

static int parse_digits(const char *s, size_t length, unsigned base, uint64_t *ret) {
        uint64_t value = 0;

        if (length == 0)
                return -EINVAL;
        for (size_t i = 0; i < length; i++) {
                unsigned v;

                if (digit_value(s[i], base, &v) < 0)
                        return -EINVAL;
                if (__builtin_mul_overflow(value, base, &value) || __builtin_add_overflow(value, v, &value))
                        return -ERANGE;
        }
        *ret = value;
        return 0;
}

int parse_u64(const char *s, uint64_t *ret) {
        return parse_digits(s, strlen(s), 10, ret);
}

int parse_hex64(const char *s, uint64_t *ret) {
        return parse_digits(s, strlen(s), 16, ret);
}

int parse_size(const char *s, uint64_t *ret) {
        static const char suffixes[] = "KMGT";
        size_t length = strlen(s);
        unsigned shift = 0;
        uint64_t value;
        int r;

        if (length > 0) {
                const char *suffix = strchr(suffixes, s[length - 1]);

                if (suffix && *suffix) {
                        shift = 10 * (unsigned) (suffix - suffixes + 1);
                        length--;
                }
        }
        r = parse_digits(s, length, 10, &value);
        if (r < 0)
                return r;
        if (value > UINT64_MAX >> shift)
                return -ERANGE;
        *ret = value << shift;
        return 0;
}

int parse_timespan(const char *s, uint64_t *ret) {
        static const struct {
                const char *suffix;
                uint64_t usec;
        } units[] = {
                { "", 1000000 },       { "s", 1000000 },        { "ms", 1000 },          { "m", 60000000 },
                { "min", 60000000 },   { "h", 3600000000 },     { "d", 86400000000 },
        };
        size_t length = strspn(s, "0123456789");
        uint64_t value;
        int r;

        r = parse_digits(s, length, 10, &value);
        if (r < 0)
                return r;
        for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
                if (strcmp(s + length, units[i].suffix) != 0)
                        continue;
                if (__builtin_mul_overflow(value, units[i].usec, &value))
                        return -ERANGE;
                *ret = value;
                return 0;
        }
        return -EINVAL;
}

bool name_is_valid(const char *s) {
        size_t length = strlen(s);

        if (length == 0 || length > 64 || s[0] == '.' || s[0] == '-')
                return false;
        return strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-") == length;
}
