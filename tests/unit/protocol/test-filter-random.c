/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Expressions made at random, over numbers, against what C's own wide types
 * make of them. TRACECTL_TORTURE=1 makes it a million instead of 20,000.
 */

#include <float.h>
#include <math.h>
#include <string.h>

#include "tests/unit/protocol/filter-play.h"

#define FIELDS 12

/* What a part of an expression is worth. */
struct worth {
        enum filter_kind kind;
        uint64_t integer;
        double number;
};

static struct __attribute__((packed)) {
        uint64_t u[3];
        int64_t i[3];
        double f[3];
        uint8_t u8;
        int16_t i16;
        float f32;
} values;

static uint64_t random_bits(GRand *rand) {
        static const uint64_t special[] = {
                0, 1, 2, 63, 64, INT64_MAX, (uint64_t) INT64_MIN, UINT64_MAX, (uint64_t) -64, UINT64_C(1) << 53,
                (UINT64_C(1) << 53) + 1, UINT64_C(0xfffffffffffff800), 0x7ff0000000000000, 0x3fe0000000000000,
        };
        uint64_t bits = (uint64_t) g_rand_int(rand) << 32 | g_rand_int(rand);

        return g_rand_int_range(rand, 0, 3) ? special[g_rand_int_range(rand, 0, G_N_ELEMENTS(special))]
                                            : bits >> g_rand_int_range(rand, 0, 64);
}

static double random_double(GRand *rand) {
        uint64_t bits = random_bits(rand);
        double d;

        switch (g_rand_int_range(rand, 0, 4)) {
        case 0:
                memcpy(&d, &bits, sizeof(d));
                return d;
        case 1:
                return (double) (int64_t) bits;
        case 2:
                return (double) bits;
        default:
                return (double) (int64_t) bits / 2;
        }
}

static void random_values(GRand *rand) {
        for (unsigned i = 0; i < 3; i++) {
                values.u[i] = random_bits(rand);
                values.i[i] = (int64_t) random_bits(rand);
                values.f[i] = random_double(rand);
        }
        values.u8 = (uint8_t) random_bits(rand);
        values.i16 = (int16_t) random_bits(rand);
        values.f32 = (float) random_double(rand);
}

static void field(GRand *rand, GString *text, bool integer, struct worth *ret) {
        unsigned which = (unsigned) g_rand_int_range(rand, 0, integer ? 4 : 6);
        unsigned n = (unsigned) g_rand_int_range(rand, 0, 3);

        *ret = (struct worth) { .kind = FILTER_KIND_FLOAT };
        switch (which) {
        case 0:
                *ret = (struct worth) { FILTER_KIND_UNSIGNED, values.u[n], 0 };
                g_string_append_printf(text, "u%u", n);
                break;
        case 1:
                *ret = (struct worth) { FILTER_KIND_SIGNED, (uint64_t) values.i[n], 0 };
                g_string_append_printf(text, "i%u", n);
                break;
        case 2:
                *ret = (struct worth) { FILTER_KIND_UNSIGNED, values.u8, 0 };
                g_string_append(text, "u8");
                break;
        case 3:
                *ret = (struct worth) { FILTER_KIND_SIGNED, (uint64_t) (int64_t) values.i16, 0 };
                g_string_append(text, "i16");
                break;
        case 4:
                ret->number = values.f[n];
                g_string_append_printf(text, "f%u", n);
                break;
        default:
                ret->number = (double) values.f32;
                g_string_append(text, "f32");
        }
}

static bool is_true(const struct worth *w) {
        return w->kind == FILTER_KIND_FLOAT ? w->number != 0 : w->integer != 0;
}

/* x87's format has 64 bits of mantissa: every integer and every double. */
static long double exactly(const struct worth *w) {
        if (w->kind == FILTER_KIND_FLOAT)
                return (long double) w->number;
        return w->kind == FILTER_KIND_SIGNED ? (long double) (int64_t) w->integer : (long double) w->integer;
}

static struct worth truth(bool b) {
        return (struct worth) { FILTER_KIND_SIGNED, b, 0 };
}

static struct worth compare(unsigned op, const struct worth *a, const struct worth *b) {
        long double x = exactly(a), y = exactly(b);

        switch (op) {
        case 0:
                return truth(x == y);
        case 1:
                return truth(x != y);
        case 2:
                return truth(x < y);
        case 3:
                return truth(x <= y);
        case 4:
                return truth(x > y);
        default:
                return truth(x >= y);
        }
}

static struct worth bits(unsigned op, const struct worth *a, const struct worth *b) {
        struct worth r = *a;
        bool large = b->integer >= 64;

        if (op < 3 && b->kind == FILTER_KIND_UNSIGNED)
                r.kind = FILTER_KIND_UNSIGNED;
        if (op == 0)
                r.integer = a->integer & b->integer;
        else if (op == 1)
                r.integer = a->integer | b->integer;
        else if (op == 2)
                r.integer = a->integer ^ b->integer;
        else if (op == 3)
                r.integer = large ? 0 : a->integer << b->integer;
        else if (a->kind == FILTER_KIND_SIGNED)
                r.integer = (uint64_t) ((int64_t) a->integer >> (large ? 63 : b->integer));
        else
                r.integer = large ? 0 : a->integer >> b->integer;
        return r;
}

static struct worth expression(GRand *rand, GString *text, unsigned depth, bool integer);

static struct worth binary(GRand *rand, GString *text, unsigned depth, unsigned kind) {
        static const char *const operators[3][6] = {
                { "==", "!=", "<", "<=", ">", ">=" }, { "&", "|", "^", "<<", ">>" }, { "&&", "||" },
        };
        static const int n[] = { 6, 5, 2 };
        unsigned op = (unsigned) g_rand_int_range(rand, 0, n[kind]);
        struct worth a, b;

        a = expression(rand, text, depth - 1, kind == 1);
        g_string_append_printf(text, " %s ", operators[kind][op]);
        b = expression(rand, text, depth - 1, kind == 1);
        if (kind == 0)
                return compare(op, &a, &b);
        if (kind == 1)
                return bits(op, &a, &b);
        return truth(op == 0 ? is_true(&a) && is_true(&b) : is_true(&a) || is_true(&b));
}

static struct worth unary(GRand *rand, GString *text, unsigned depth, bool integer) {
        unsigned op = (unsigned) g_rand_int_range(rand, 0, 3);
        struct worth w;

        g_string_append_c(text, "!~-"[op]);
        w = expression(rand, text, depth - 1, integer || op == 1);
        if (op == 0)
                return truth(!is_true(&w));
        if (op == 1)
                w.integer = ~w.integer;
        else if (w.kind == FILTER_KIND_FLOAT)
                w.number = -w.number;
        else
                w = (struct worth) { FILTER_KIND_SIGNED, -w.integer, 0 };
        return w;
}

static struct worth expression(GRand *rand, GString *text, unsigned depth, bool integer) {
        unsigned kind = depth ? (unsigned) g_rand_int_range(rand, 0, 5) : 5;
        struct worth w;

        if (kind >= 4) {
                if (kind == 4 || g_rand_boolean(rand)) {
                        uint64_t n = random_bits(rand);

                        g_string_append_printf(text, "%" G_GUINT64_FORMAT, n);
                        return (struct worth) { n > INT64_MAX ? FILTER_KIND_UNSIGNED : FILTER_KIND_SIGNED, n, 0 };
                }
                field(rand, text, integer, &w);
                return w;
        }
        g_string_append_c(text, '(');
        w = kind == 3 ? unary(rand, text, depth, integer) : binary(rand, text, depth, kind);
        g_string_append_c(text, ')');
        return w;
}

static void test_random(void) {
        static const struct play_event described = {
                .definition = {
                        .provider = "play", .name = "random", .n_fields = FIELDS,
                        .fields = {
                                { DEFINITION_U64, "u0" }, { DEFINITION_HEX64, "u1" }, { DEFINITION_U64, "u2" },
                                { DEFINITION_I64, "i0" }, { DEFINITION_I64, "i1" },   { DEFINITION_I64, "i2" },
                                { DEFINITION_F64, "f0" }, { DEFINITION_F64, "f1" },   { DEFINITION_F64, "f2" },
                                { DEFINITION_U8, "u8" },  { DEFINITION_I16, "i16" },  { DEFINITION_F32, "f32" },
                        },
                },
                .pieces = { { (const char *) &values, sizeof(values), false } },
                .n_pieces = 1,
        };
        unsigned n = g_getenv("TRACECTL_TORTURE") ? 1000000 : 20000, passed = 0;
        g_autoptr(GString) text = g_string_new("");
        uint32_t seed = g_test_rand_int();
        GRand *rand = g_rand_new_with_seed(seed);

        g_test_message("seed %u", seed);
        for (unsigned i = 0; i < n; i++) {
                struct worth w;
                enum played got;

                random_values(rand);
                g_string_truncate(text, 0);
                w = expression(rand, text, 1 + i % 4, false);
                if (text->len > FILTER_TEXT_MAX)
                        continue;
                got = play(text->str, &described);
                if (got != (is_true(&w) ? YES : NO))
                        g_error("%s is %i", text->str, got);
                passed += got == YES;
        }
        g_assert_cmpuint(passed, >, n / 10);
        g_assert_cmpuint(passed, <, n - n / 10);
        g_rand_free(rand);
}

int main(int argc, char *argv[]) {
        g_test_init(&argc, &argv, NULL);
        if (LDBL_MANT_DIG >= 64)
                g_test_add_func("/filter/random", test_random);
        return g_test_run();
}
