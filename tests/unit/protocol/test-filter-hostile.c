/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Code that nobody compiled: good code with bytes changed, and instructions
 * put together at random. filter_check() accepts or refuses it; what it accepts,
 * runs to its end without reading elsewhere (which the address sanitizer sees)
 * and without asking for more than it declares. TRACECTL_TORTURE=1 makes it
 * millions instead of 100,000.
 */

#include <errno.h>
#include <string.h>

#include "protocol/context.h"
#include "tests/unit/protocol/filter-play.h"

static const char *const texts[] = {
        "id == 7 && name == 'A*n*' || $ctx.procname != 'x' && after < -2",
        "(id & 4 | 2) >> 1 == 3 && !(after > 0) && -after > 2.5",
        "name == path || bytes == '*\\\\*' || text != 'a\\*'",
        "~id && $ctx.vpid == $ctx.tid || id ^ 3",
};

static unsigned rounds(void) {
        return g_getenv("TRACECTL_TORTURE") ? 5000000 : 100000;
}

static uint32_t seed(void) {
        uint32_t seed = g_test_rand_int();

        g_test_message("seed %u", seed);
        return seed;
}

/* Whether it was accepted. */
static bool try(const void *code, size_t size) {
        g_autofree void *exact = g_memdup2(code, size); /* of exactly its size, and nothing of it before */
        const struct filter_code *c = exact;
        int r = filter_check(exact, size);

        if (r < 0) {
                g_assert_true(r == -EBADMSG || r == -EPROTONOSUPPORT);
                return false;
        }
        g_assert_cmpuint(c->size, ==, size);
        (void) play_run(c, &play_mixed, NULL);
        (void) play_run(c, &play_all, NULL);
        return true;
}

static void test_mutations(void) {
        GRand *rand = g_rand_new_with_seed(seed());
        unsigned accepted = 0, n = rounds();

        for (unsigned i = 0; i < n; i++) {
                static struct filter_code *good[G_N_ELEMENTS(texts)];
                unsigned which = i % G_N_ELEMENTS(texts);
                g_autofree char *bad = NULL;

                if (!good[which])
                        good[which] = play_bind(texts[which], &play_mixed);
                bad = g_memdup2(good[which], good[which]->size);
                for (int k = g_rand_int_range(rand, 1, 4); k > 0; k--)
                        bad[g_rand_int_range(rand, 0, (int) good[which]->size)] ^=
                                (char) (g_rand_boolean(rand) ? 1u << g_rand_int_range(rand, 0, 8) : g_rand_int(rand));
                accepted += try(bad, good[which]->size);
        }
        g_test_message("%u of %u accepted", accepted, n);
        g_assert_cmpuint(accepted, >, n / 100);
        g_assert_cmpuint(accepted, <, n);
        g_rand_free(rand);
}

/* Mostly possible, so that many are accepted. */
static struct filter_instruction random_instruction(GRand *rand, unsigned at, unsigned n) {
        static const uint8_t types[] = { DEFINITION_U64, DEFINITION_STRING, DEFINITION_F64, DEFINITION_TEXT,
                                         DEFINITION_I8 };
        struct filter_instruction i = { .op = (uint8_t) g_rand_int_range(rand, 1, _FILTER_OP_MAX) };

        if (at + 1 == n && g_rand_int_range(rand, 0, 8))
                i.op = FILTER_PASS;
        if (i.op == FILTER_FIELD) {
                i.type = g_rand_int_range(rand, 0, 20) ? types[g_rand_int_range(rand, 0, G_N_ELEMENTS(types))]
                                                       : (uint8_t) g_rand_int(rand);
                i.index = (uint16_t) g_rand_int_range(rand, 0, 13);
                i.value = (uint64_t) g_rand_int_range(rand, 0, 12);
        } else if (i.op == FILTER_CONTEXT)
                i.value = UINT64_C(1) << g_rand_int_range(rand, 0, 9);
        else if (i.op == FILTER_MATCH)
                i.value = (uint64_t) g_rand_int_range(rand, 0, 9) | (uint64_t) g_rand_int_range(rand, 0, 9) << 32;
        else if (i.op == FILTER_JUMP_FALSE || i.op == FILTER_JUMP_TRUE)
                i.value = at + (unsigned) g_rand_int_range(rand, 1, (int) n + 1);
        else if (i.op == FILTER_APPLICATION) {
                static const uint8_t kinds[] = { DEFINITION_I64, DEFINITION_U64, DEFINITION_F64, DEFINITION_STRING };

                i.type = kinds[g_rand_int_range(rand, 0, G_N_ELEMENTS(kinds))];
                i.index = (uint16_t) g_rand_int_range(rand, 0, 3);
        } else
                i.value = g_rand_int(rand);
        return i;
}

static void test_made_up(void) {
        GRand *rand = g_rand_new_with_seed(seed());
        unsigned accepted = 0, total = rounds();

        for (unsigned i = 0; i < total; i++) {
                struct {
                        struct filter_code header;
                        struct filter_instruction instructions[8];
                        char strings[40];
                } made = {
                        .header = { FILTER_CODE_MAJOR, FILTER_CODE_MINOR, 0, 0, 40, CONTEXTS_ALL, 24 },
                };
                unsigned n = (unsigned) g_rand_int_range(rand, 1, 8);

                for (unsigned k = 0; k < n; k++)
                        made.instructions[k] = random_instruction(rand, k, n);
                memcpy(&made.instructions[n], "a*\\*b?*\\\\*cd**efplay:depth play:who_els", 40);
                made.header.n_instructions = n;
                made.header.size = (uint32_t) (sizeof(made.header) + n * sizeof(made.instructions[0]) + 40);
                accepted += try(&made, made.header.size);
        }
        g_test_message("%u of %u accepted", accepted, total);
        g_assert_cmpuint(accepted, >, total / 1000);
        g_rand_free(rand);
}

/* The names of the application's contexts: exactly a list of such, at the end of the strings. */
static void test_names(void) {
        static const struct {
                const char *strings; /* 16 bytes */
                uint32_t size;
                uint16_t index;
                uint8_t type;
                bool good;
        } cases[] = {
                { "........a:b c:d\0", 8, 1, DEFINITION_STRING, true },
                { "........a:b c:d\0", 8, 2, DEFINITION_STRING, false },
                { "........a:b c:d\0", 8, 0, DEFINITION_U32, false },
                { "........a:b c:d\0", 16, 0, DEFINITION_STRING, false },
                { "........a:b c:d\0", 17, 0, DEFINITION_STRING, false },
                { "........a:b c:d\0", UINT32_MAX, 0, DEFINITION_STRING, false },
                { "........a:b\0c:d\0", 8, 0, DEFINITION_STRING, false },
                { "........a:b c:de", 8, 0, DEFINITION_STRING, false },
                { "........a:b  c:\0", 8, 0, DEFINITION_STRING, false },
                { "...............\0", 1, 0, DEFINITION_STRING, false },
        };

        for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
                struct {
                        struct filter_code header;
                        struct filter_instruction instructions[3];
                        char strings[16];
                } made = {
                        .header = { FILTER_CODE_MAJOR, FILTER_CODE_MINOR, sizeof(made), 3, 16, 0, cases[i].size },
                        .instructions = {
                                { .op = FILTER_APPLICATION, .type = cases[i].type, .index = cases[i].index },
                                { .op = FILTER_MATCH },
                                { .op = FILTER_PASS },
                        },
                };

                memcpy(made.strings, cases[i].strings, sizeof(made.strings));
                g_test_message("%s, %u", cases[i].strings, cases[i].size);
                g_assert_cmpint(filter_check(&made, sizeof(made)), ==, cases[i].good ? 0 : -EBADMSG);
        }
}

struct refused {
        const char *why;
        struct filter_instruction instructions[6];
        unsigned n;
};

#define ONE { .op = FILTER_SIGNED, .value = 1 }
#define PASS { .op = FILTER_PASS }

/* One rule broken at a time. */
static void test_rules(void) {
        static const struct refused refused[] = {
                { "an empty stack", { PASS }, 1 },
                { "two operands", { ONE, { .op = FILTER_EQ }, PASS }, 3 },
                { "something left", { ONE }, 1 },
                { "something left below", { ONE, ONE, PASS }, 3 },
                { "no instruction", { { 0 } }, 1 },
                { "no instruction", { { .op = _FILTER_OP_MAX } }, 1 },
                { "reserved", { { .op = FILTER_SIGNED, .reserved = 1 }, PASS }, 2 },
                { "an array", { { .op = FILTER_FIELD, .type = DEFINITION_ARRAY_U8 }, PASS }, 2 },
                { "no type", { { .op = FILTER_FIELD, .type = 0 }, PASS }, 2 },
                { "no type", { { .op = FILTER_FIELD, .type = 255 }, PASS }, 2 },
                { "far away", { { .op = FILTER_FIELD, .type = DEFINITION_U8, .value = UINT64_C(1) << 32 }, PASS }, 2 },
                { "two contexts", { { .op = FILTER_CONTEXT, .value = 3 }, PASS }, 2 },
                { "not declared", { { .op = FILTER_CONTEXT, .value = CONTEXT_VTID }, PASS }, 2 },
                { "unknown", { { .op = FILTER_CONTEXT, .value = UINT64_C(1) << 40 }, PASS }, 2 },
                { "no names", { { .op = FILTER_APPLICATION, .type = DEFINITION_I64 }, PASS }, 2 },
                { "a float", { { .op = FILTER_FLOAT }, PASS }, 2 },
                { "a string", { { .op = FILTER_FIELD, .type = DEFINITION_STRING }, PASS }, 2 },
                { "a number is no string", { ONE, { .op = FILTER_MATCH }, PASS }, 3 },
                { "beyond the strings", { { .op = FILTER_FIELD, .type = DEFINITION_STRING },
                                          { .op = FILTER_MATCH, .value = UINT64_C(9) << 32 }, PASS }, 3 },
                { "beyond the strings", { { .op = FILTER_FIELD, .type = DEFINITION_STRING },
                                          { .op = FILTER_MATCH, .value = UINT64_C(1) << 32 | 8 }, PASS }, 3 },
                { "a lone backslash", { { .op = FILTER_FIELD, .type = DEFINITION_STRING },
                                        { .op = FILTER_MATCH, .value = UINT64_C(3) << 32 }, PASS }, 3 },
                { "a string with a number", { { .op = FILTER_FIELD, .type = DEFINITION_STRING }, ONE,
                                              { .op = FILTER_EQ }, PASS }, 4 },
                { "strings have no order", { { .op = FILTER_FIELD, .type = DEFINITION_STRING },
                                             { .op = FILTER_FIELD, .type = DEFINITION_STRING }, { .op = FILTER_LT },
                                             PASS }, 4 },
                { "bits of a float", { { .op = FILTER_FLOAT }, ONE, { .op = FILTER_AND }, PASS }, 4 },
                { "no sign of a string", { { .op = FILTER_FIELD, .type = DEFINITION_STRING }, { .op = FILTER_NEGATE },
                                           { .op = FILTER_BOOL }, PASS }, 4 },
                { "to itself", { ONE, { .op = FILTER_JUMP_TRUE, .value = 1 }, ONE, PASS }, 4 },
                { "back", { ONE, { .op = FILTER_JUMP_TRUE, .value = 0 }, ONE, PASS }, 4 },
                { "behind the end", { ONE, { .op = FILTER_JUMP_TRUE, .value = 4 }, ONE, PASS }, 4 },
                { "far behind the end", { ONE, { .op = FILTER_JUMP_FALSE, .value = UINT64_MAX }, ONE, PASS }, 4 },
                { "other things on the stack", { ONE, { .op = FILTER_JUMP_TRUE, .value = 3 }, { .op = FILTER_FLOAT },
                                                 { .op = FILTER_BOOL }, PASS }, 5 },
                { "more on the stack", { ONE, { .op = FILTER_JUMP_TRUE, .value = 4 }, ONE, ONE,
                                         { .op = FILTER_EQ }, PASS }, 6 },
        };

        for (unsigned i = 0; i < G_N_ELEMENTS(refused); i++) {
                struct {
                        struct filter_code header;
                        struct filter_instruction instructions[6];
                        char strings[8];
                } made = { .header = { FILTER_CODE_MAJOR, 0, 0, refused[i].n, 8, CONTEXT_VPID, 0 } };

                g_test_message("%s", refused[i].why);
                made.header.size = (uint32_t) (sizeof(made.header) + refused[i].n * sizeof(made.instructions[0]) + 8);
                memcpy(made.instructions, refused[i].instructions, sizeof(made.instructions));
                memcpy(&made.instructions[refused[i].n], "ab\\*efgh", 8);
                g_assert_cmpint(filter_check(&made, made.header.size), ==, -EBADMSG);
        }
}

static void test_header(void) {
        g_autofree struct filter_code *code = play_bind(texts[0], &play_mixed);
        uint32_t size = code->size, n = code->n_instructions, strings = code->strings_size;

        g_assert_cmpint(filter_check(code, size), ==, 0);
        for (uint32_t cut = 0; cut < size; cut++) {
                g_autofree void *exact = g_memdup2(code, cut);

                g_assert_cmpint(filter_check(exact ? exact : "", cut), ==, -EBADMSG);
        }
        code->size += 8;
        g_assert_cmpint(filter_check(code, size), ==, -EBADMSG);
        code->size = size;
        code->n_instructions = UINT32_MAX;
        g_assert_cmpint(filter_check(code, size), ==, -EBADMSG);
        code->n_instructions = n;
        code->strings_size = UINT32_MAX;
        g_assert_cmpint(filter_check(code, size), ==, -EBADMSG);
        code->strings_size = strings;
        code->contexts |= UINT32_C(1) << 31;
        g_assert_cmpint(filter_check(code, size), ==, -EBADMSG);
        code->contexts &= CONTEXTS_ALL;
        code->minor++;
        g_assert_cmpint(filter_check(code, size), ==, 0);
        code->major++;
        g_assert_cmpint(filter_check(code, size), ==, -EPROTONOSUPPORT);
}

/* A stack as deep as it may be, and one deeper; the largest number of instructions, and one more. */
static void test_limits(void) {
        size_t room = FILTER_CODE_SIZE_MAX + sizeof(struct filter_instruction);
        g_autofree struct filter_code *code = g_malloc0(room);
        struct filter_instruction *instructions = (struct filter_instruction *) (code + 1);

        for (unsigned depth = FILTER_STACK_MAX; depth <= FILTER_STACK_MAX + 1; depth++) {
                unsigned n = 0;

                for (unsigned i = 0; i < depth; i++)
                        instructions[n++] = (struct filter_instruction) ONE;
                for (unsigned i = 1; i < depth; i++)
                        instructions[n++] = (struct filter_instruction) { .op = FILTER_OR };
                instructions[n++] = (struct filter_instruction) PASS;
                *code = (struct filter_code) { .major = FILTER_CODE_MAJOR, .n_instructions = n };
                code->size = (uint32_t) (sizeof(*code) + n * sizeof(*instructions));
                g_assert_cmpint(filter_check(code, code->size), ==, depth == FILTER_STACK_MAX ? 0 : -EBADMSG);
                g_assert_true(depth > FILTER_STACK_MAX || play_run(code, &play_all, NULL));
        }
        for (unsigned n = FILTER_INSTRUCTIONS_MAX; n <= FILTER_INSTRUCTIONS_MAX + 2; n += 2) {
                for (unsigned i = 0; i < n; i += 2) {
                        instructions[i] = (struct filter_instruction) { .op = FILTER_SIGNED };
                        instructions[i + 1] = (struct filter_instruction) PASS;
                }
                code->n_instructions = n;
                code->size = (uint32_t) (sizeof(*code) + n * sizeof(*instructions));
                g_assert_cmpint(filter_check(code, code->size), ==, n == FILTER_INSTRUCTIONS_MAX ? 0 : -EBADMSG);
        }
}

int main(int argc, char *argv[]) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/filter/hostile/rules", test_rules);
        g_test_add_func("/filter/hostile/names", test_names);
        g_test_add_func("/filter/hostile/header", test_header);
        g_test_add_func("/filter/hostile/limits", test_limits);
        g_test_add_func("/filter/hostile/mutations", test_mutations);
        g_test_add_func("/filter/hostile/made-up", test_made_up);
        return g_test_run();
}
