/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Integers of 1 to 64 bits at any bit position. In little endian the first bit
 * is the lowest of its byte, in big endian the highest.
 */

#include <stdbool.h>
#include <stdint.h>

static inline uint64_t bits_read(const uint8_t *data, uint64_t position, unsigned bits, bool is_big_endian) {
        const uint8_t *p = data + position / 8;
        unsigned shift = position % 8, n = (shift + bits + 7) / 8;
        unsigned __int128 value = 0;

        if (is_big_endian) {
                for (unsigned i = 0; i < n; i++)
                        value = value << 8 | p[i];
                value >>= n * 8 - shift - bits;
        } else {
                for (unsigned i = n; i-- > 0;)
                        value = value << 8 | p[i];
                value >>= shift;
        }
        return (uint64_t) value & (UINT64_MAX >> (64 - bits));
}

/* The same 64 bits, with the sign of a number of fewer bits. */
static inline uint64_t bits_extend_sign(uint64_t value, unsigned bits) {
        uint64_t sign = UINT64_C(1) << (bits - 1);

        return (value ^ sign) - sign;
}
