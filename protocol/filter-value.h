/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Values of filters: what fields and contexts become, operators on numbers, how
 * strings are compared. Floating point numbers are handled as the integers that
 * they are stored as, so that no exception flag of the program is raised and no
 * trap of its own is taken.
 */

#include "protocol/filter-code.h"

/* What a field of this type is. False for an array, which is no value, and for an unknown type. */
bool filter_field_kind(unsigned type, enum filter_kind *ret);

/* False for what is not exactly one known context. */
bool filter_context_kind(uint64_t context, enum filter_kind *ret);

/* A number of this type, of which size bytes are at data. False where it has more, and for another type. */
bool filter_load(unsigned type, const char *data, uint32_t size, struct filter_value *ret);

/* One context of a set that lies at data as in a record. */
void filter_load_context(uint32_t contexts, uint32_t context, const char *data, struct filter_value *ret);

/* Whether a number is neither 0 nor 0.0. */
bool filter_is_true(const struct filter_value *v);

/* -1, 0 or 1 as number a is less, equal or greater; 2 where one is a NaN. */
int filter_order(const struct filter_value *a, const struct filter_value *b);

/* EQ to GE, of what filter_order() says. */
static inline bool filter_compared(enum filter_op op, int order) {
        /* Bit order + 1 of each. */
        static const uint8_t results[_FILTER_OP_MAX] = {
                [FILTER_EQ] = 2, [FILTER_NE] = 13, [FILTER_LT] = 1, [FILTER_LE] = 3, [FILTER_GT] = 4, [FILTER_GE] = 6,
        };

        return results[op] >> (order + 1) & 1;
}

/* NEGATE and INVERT. */
void filter_unary(enum filter_op op, struct filter_value *v);

/* AND to SHIFT_RIGHT: *a becomes *a op *b. */
void filter_bits(enum filter_op op, struct filter_value *a, const struct filter_value *b);

/* Looks at *steps bytes at most, by which it is less afterwards; 0: there was more, nothing is known. */
bool filter_match(const struct filter_value *string, const char *pattern, uint32_t length, uint32_t *steps);
bool filter_same_string(const struct filter_value *a, const struct filter_value *b, uint32_t *steps);
