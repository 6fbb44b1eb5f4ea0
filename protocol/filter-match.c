/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "protocol/filter-value.h"

#define NO_STAR UINT32_MAX

/*
 * The byte at a place, or -1 at the end. Each is read once where it decides:
 * the program may change its string meanwhile. Never called for a place behind
 * one that was the end.
 */
static int byte_at(const struct filter_value *string, uint32_t place) {
        unsigned char c;

        if (place >= string->length)
                return -1;
        c = *(const volatile unsigned char *) (string->string + place);
        return c == '\0' && string->terminated ? -1 : c;
}

/* Whether the pattern has this character, and no star, at a place; its length there. */
static uint32_t match_one(const char *pattern, uint32_t at, uint32_t length, int c) {
        uint32_t n = 1;

        if (at == length)
                return 0;
        if (pattern[at] == '\\')
                n = 2;
        return (unsigned char) pattern[at + n - 1] == c ? n : 0;
}

bool filter_match(const struct filter_value *string, const char *pattern, uint32_t length, uint32_t *steps) {
        uint32_t at = 0, place = 0, star = NO_STAR, resume = 0, n;
        int c;

        while ((c = byte_at(string, place)) >= 0) {
                if (*steps == 0)
                        return false;
                (*steps)--;
                if (at < length && pattern[at] == '*') {
                        star = ++at;
                        resume = place;
                        if (star == length)
                                return true;
                        continue;
                }
                n = match_one(pattern, at, length, c);
                if (n > 0) {
                        at += n;
                        place++;
                } else if (star != NO_STAR) {
                        /* Let the last star take one character more. */
                        at = star;
                        place = ++resume;
                } else
                        return false;
        }
        while (at < length && pattern[at] == '*')
                at++;
        return at == length;
}

bool filter_same_string(const struct filter_value *a, const struct filter_value *b, uint32_t *steps) {
        for (uint32_t place = 0; *steps > 0; place++) {
                int c = byte_at(a, place);

                if (c != byte_at(b, place))
                        return false;
                if (c < 0)
                        return true;
                (*steps)--;
        }
        return false;
}
