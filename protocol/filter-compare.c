/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "protocol/filter-value.h"

#define SIGN (UINT64_C(1) << 63)
#define INFINITY_BITS (UINT64_C(0x7ff) << 52)
#define UNORDERED 2

static int order(uint64_t a, uint64_t b) {
        return a < b ? -1 : a > b;
}

static bool is_nan(uint64_t bits) {
        return (bits & ~SIGN) > INFINITY_BITS;
}

static int order_floats(uint64_t a, uint64_t b) {
        if (is_nan(a) || is_nan(b))
                return UNORDERED;
        if (((a | b) & ~SIGN) == 0)
                return 0; /* 0.0 and -0.0 */
        /* Of sign and magnitude makes numbers that are ordered as the values are. */
        return order(a & SIGN ? ~a : a | SIGN, b & SIGN ? ~b : b | SIGN);
}

/* A positive integer against a finite or infinite number above 0. */
static int order_magnitudes(uint64_t integer, uint64_t bits) {
        int exponent = (int) (bits >> 52) - 1023, r;
        uint64_t mantissa = (bits & ((UINT64_C(1) << 52) - 1)) | UINT64_C(1) << 52, whole;
        bool fraction = false;

        if (exponent < 0)
                return integer == 0 ? -1 : 1;
        if (exponent >= 64)
                return -1;
        if (exponent < 52) {
                whole = mantissa >> (52 - exponent);
                fraction = mantissa & ((UINT64_C(1) << (52 - exponent)) - 1);
        } else
                whole = mantissa << (exponent - 52);
        r = order(integer, whole);
        return r == 0 && fraction ? -1 : r;
}

static bool is_negative(const struct filter_value *v) {
        return v->kind == FILTER_KIND_SIGNED && (v->number & SIGN);
}

static int order_integer_float(const struct filter_value *integer, uint64_t bits) {
        bool negative = is_negative(integer);
        int r;

        if (is_nan(bits))
                return UNORDERED;
        if ((bits & ~SIGN) == 0)
                return negative ? -1 : integer->number != 0;
        if (negative != !!(bits & SIGN))
                return negative ? -1 : 1;
        r = order_magnitudes(negative ? -integer->number : integer->number, bits & ~SIGN);
        return negative ? -r : r;
}

static int order_integers(const struct filter_value *a, const struct filter_value *b) {
        bool negative = is_negative(a);

        if (negative != is_negative(b))
                return negative ? -1 : 1;
        return order(a->number, b->number);
}

int filter_order(const struct filter_value *a, const struct filter_value *b) {
        int r;

        if (a->kind == FILTER_KIND_FLOAT && b->kind == FILTER_KIND_FLOAT)
                return order_floats(a->number, b->number);
        if (b->kind == FILTER_KIND_FLOAT)
                return order_integer_float(a, b->number);
        if (a->kind == FILTER_KIND_FLOAT) {
                r = order_integer_float(b, a->number);
                return r == UNORDERED ? r : -r;
        }
        return order_integers(a, b);
}
