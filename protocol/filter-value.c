/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <string.h>

#include "protocol/context.h"
#include "protocol/filter-value.h"

#define KIND(kind) ((uint8_t) (FILTER_KIND_##kind + 1))

bool filter_field_kind(unsigned type, enum filter_kind *ret) {
        static const uint8_t kinds[_DEFINITION_TYPE_MAX] = {
                [DEFINITION_U8] = KIND(UNSIGNED),    [DEFINITION_U16] = KIND(UNSIGNED),
                [DEFINITION_U32] = KIND(UNSIGNED),   [DEFINITION_U64] = KIND(UNSIGNED),
                [DEFINITION_I8] = KIND(SIGNED),      [DEFINITION_I16] = KIND(SIGNED),
                [DEFINITION_I32] = KIND(SIGNED),     [DEFINITION_I64] = KIND(SIGNED),
                [DEFINITION_HEX64] = KIND(UNSIGNED), [DEFINITION_F32] = KIND(FLOAT),
                [DEFINITION_F64] = KIND(FLOAT),      [DEFINITION_BOOL] = KIND(UNSIGNED),
                [DEFINITION_STRING] = KIND(STRING),  [DEFINITION_TEXT] = KIND(STRING),
                [DEFINITION_BYTES] = KIND(STRING),
        };

        if (type >= _DEFINITION_TYPE_MAX || kinds[type] == 0)
                return false;
        *ret = kinds[type] - 1;
        return true;
}

bool filter_context_kind(uint64_t context, enum filter_kind *ret) {
        if (context == 0 || (context & (context - 1)) || (context & ~(uint64_t) CONTEXTS_ALL))
                return false;
        if (context & (CONTEXT_PROCNAME | CONTEXT_CGROUP))
                *ret = FILTER_KIND_STRING;
        else
                *ret = context & (CONTEXT_IP | CONTEXT_UID | CONTEXT_GID) ? FILTER_KIND_UNSIGNED : FILTER_KIND_SIGNED;
        return true;
}

/* The bits of the double that has the value of the float with these bits. */
static uint64_t widen(uint32_t bits) {
        uint64_t sign = (uint64_t) (bits >> 31) << 63, fraction = bits & 0x7fffff;
        unsigned exponent = bits >> 23 & 0xff, shift;

        if (exponent == 0xff)
                return sign | UINT64_C(0x7ff) << 52 | fraction << 29;
        if (exponent > 0)
                return sign | (uint64_t) (exponent + 1023 - 127) << 52 | fraction << 29;
        if (fraction == 0)
                return sign;
        /* Too small for a float's exponent, but not for a double's. */
        shift = (unsigned) __builtin_clzll(fraction) - 11; /* its highest bit becomes bit 52, which is not stored */
        return sign | (uint64_t) (52 - shift + 1023 - 149) << 52 | (fraction << shift ^ UINT64_C(1) << 52);
}

#define LOAD(name, c_type, kind_)                                                                               \
        case DEFINITION_##name: {                                                                              \
                c_type value;                                                                                  \
                                                                                                               \
                if (size < sizeof(value))                                                                      \
                        return false;                                                                          \
                memcpy(&value, data, sizeof(value));                                                           \
                ret->kind = FILTER_KIND_##kind_;                                                               \
                ret->number = (uint64_t) value;                                                                \
                return true;                                                                                   \
        }

bool filter_load(unsigned type, const char *data, uint32_t size, struct filter_value *ret) {
        uint32_t bits;

        switch (type) {
        LOAD(U8, uint8_t, UNSIGNED)
        LOAD(U16, uint16_t, UNSIGNED)
        LOAD(U32, uint32_t, UNSIGNED)
        LOAD(U64, uint64_t, UNSIGNED)
        LOAD(HEX64, uint64_t, UNSIGNED)
        LOAD(BOOL, uint8_t, UNSIGNED)
        LOAD(I8, int8_t, SIGNED)
        LOAD(I16, int16_t, SIGNED)
        LOAD(I32, int32_t, SIGNED)
        LOAD(I64, int64_t, SIGNED)
        LOAD(F64, uint64_t, FLOAT)
        case DEFINITION_F32:
                if (size < sizeof(bits))
                        return false;
                memcpy(&bits, data, sizeof(bits));
                ret->kind = FILTER_KIND_FLOAT;
                ret->number = widen(bits);
                return true;
        default:
                return false;
        }
}

void filter_load_context(uint32_t contexts, uint32_t context, const char *data, struct filter_value *ret) {
        const char *p = data + contexts_fixed_size(contexts & (context - 1));

        switch (context) {
        case CONTEXT_PROCNAME:
        case CONTEXT_CGROUP:
                *ret = (struct filter_value) {
                        .kind = FILTER_KIND_STRING,
                        .terminated = true,
                        .length = context == CONTEXT_PROCNAME ? CONTEXT_PROCNAME_SIZE : CONTEXT_CGROUP_MAX,
                        .string = p,
                };
                break;
        case CONTEXT_IP:
                (void) filter_load(DEFINITION_U64, p, sizeof(uint64_t), ret);
                break;
        case CONTEXT_UID:
        case CONTEXT_GID:
                (void) filter_load(DEFINITION_U32, p, sizeof(uint32_t), ret);
                break;
        default:
                (void) filter_load(DEFINITION_I32, p, sizeof(uint32_t), ret);
        }
}

bool filter_is_true(const struct filter_value *v) {
        return v->kind == FILTER_KIND_FLOAT ? v->number << 1 != 0 : v->number != 0;
}

void filter_unary(enum filter_op op, struct filter_value *v) {
        if (op == FILTER_INVERT)
                v->number = ~v->number;
        else if (v->kind == FILTER_KIND_FLOAT)
                v->number ^= UINT64_C(1) << 63;
        else {
                v->number = -v->number;
                v->kind = FILTER_KIND_SIGNED;
        }
}

/* A signed value's sign fills up what is shifted in from the left. */
static uint64_t shift_right(const struct filter_value *v, unsigned count) {
        uint64_t sign = v->kind == FILTER_KIND_SIGNED && v->number >> 63 ? UINT64_MAX : 0;

        if (count >= 64)
                return sign;
        return count == 0 ? v->number : v->number >> count | sign << (64 - count);
}

void filter_bits(enum filter_op op, struct filter_value *a, const struct filter_value *b) {
        /* A negative count is a large one. */
        unsigned count = b->number >= 64 ? 64 : (unsigned) b->number;

        switch (op) {
        case FILTER_SHIFT_LEFT:
                a->number = count >= 64 ? 0 : a->number << count;
                return;
        case FILTER_SHIFT_RIGHT:
                a->number = shift_right(a, count);
                return;
        case FILTER_AND:
                a->number &= b->number;
                break;
        case FILTER_OR:
                a->number |= b->number;
                break;
        default:
                a->number ^= b->number;
        }
        if (b->kind == FILTER_KIND_UNSIGNED)
                a->kind = FILTER_KIND_UNSIGNED;
}
