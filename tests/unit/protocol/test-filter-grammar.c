/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The text of filters: what is one, what is none and where it is wrong, how strongly operators bind. */

#include <errno.h>
#include <string.h>

#include "common/cleanup.h"
#include "tests/unit/protocol/filter-play.h"

static void test_good(void) {
        static const char *const good[] = {
                "id",
                "id==1",
                "  id\t==\n 1 ",
                "((id))",
                "id == 0x1F && id != 0b101 || id < 017",
                "name == \"a*b\" && !(other == 'x')",
                "'x' != name",
                "-id > -5 && +id < 5 && ~id == -8",
                "f > 1.5 && f < 2e9 && f != .5 && f <= 1.E+3 && f >= 1e-3",
                "a | b ^ c & d",
                "a << 2 >> b",
                "$ctx.procname == \"x\" && $ctx.vpid == 1 && $ctx.ip >= 0x400000",
                "name == \"\\\\ \\\" \\' \\n \\r \\t \\x7f \\*\"",
                "name == \"\"",
                "_x9 == 1",
                "18446744073709551615 == id",
                "1 && 0",
        };

        for (unsigned i = 0; i < G_N_ELEMENTS(good); i++)
                filter_program_unref(play_compile(good[i]));
}

static void test_bad(void) {
        static const struct {
                const char *text;
                unsigned position;
                const char *message; /* part of it */
        } bad[] = {
                { "", 0, "empty" },
                { "  ", 0, "empty" },
                { "id ==", 5, "is missing" },
                { "== 1", 0, "is missing" },
                { "id 1", 3, "operator" },
                { "id == 1 name", 8, "operator" },
                { "(id == 1", 0, "not closed" },
                { "id == (1", 6, "not closed" },
                { "(id 1)", 4, "closing parenthesis" },
                { "id == 1)", 7, "never opened" },
                { "()", 1, "is missing" },
                { "!", 1, "is missing" },
                { "id = 1", 3, "Write ==" },
                { "id + 1", 3, "arithmetic" },
                { "id - 1", 3, "arithmetic" },
                { "id * 2", 3, "arithmetic" },
                { "id / 2", 3, "arithmetic" },
                { "id % 2", 3, "arithmetic" },
                { "id # 2", 3, "'#'" },
                { "id.x", 2, "'.'" },
                { "id \x01 2", 3, "character" },
                { "\xc3\xa9 == 2", 0, "character" },
                { "name == \"abc", 8, "no closing quote" },
                { "name == 'abc\"", 8, "no closing quote" },
                { "name == \"abc\\", 12, "escape" },
                { "name == \"a\\qb\"", 10, "escape" },
                { "name == \"\\x\"", 9, "hexadecimal" },
                { "name == \"\\x0", 9, "hexadecimal" },
                { "name == \"\\x00\"", 9, "hexadecimal" },
                { "name == \"\\xg1\"", 9, "hexadecimal" },
                { "id == 12abc", 6, "no number" },
                { "id == 0x", 6, "no number" },
                { "id == 0xfg", 6, "no number" },
                { "id == 09", 6, "no number" },
                { "id == 0b2", 6, "no number" },
                { "id == 1.2.3", 6, "no number" },
                { "id == 1e", 6, "no number" },
                { "id == 1e999", 6, "too large" },
                { "id == 18446744073709551616", 6, "64 bits" },
                { "id == 0x10000000000000000", 6, "64 bits" },
                { "$ctx.nothing == 1", 0, "vpid, vtid, procname" },
                { "$ctx. == 1", 0, "vpid" },
                { "$app.x == 1", 0, "$app.PROVIDER:NAME" },
                { "$", 0, "vpid" },
                { "$ctx.a23456789012345678901234567890123 == 1", 0, "vpid" },
                { "name < \"a\"", 5, "only be compared with == and !=" },
                { "\"a\" & 1", 4, "only be compared" },
                { "!\"a\"", 0, "only be compared" },
                { "-$ctx.procname", 0, "only be compared" },
                { "id && \"a\"", 3, "only be compared" },
                { "\"a\" || id", 4, "only be compared" },
                { "\"a\" == 1", 4, "string is compared with a number" },
                { "$ctx.procname == 1.5", 14, "string is compared with a number" },
                { "\"a\" == \"a\"", 4, "constant strings" },
                { "\"a\"", 0, "no condition" },
                { "$ctx.procname", 0, "no condition" },
                { "1.5 & id", 4, "integers" },
                { "id >> 1.5", 3, "integers" },
                { "~1.5", 0, "integers" },
        };

        for (unsigned i = 0; i < G_N_ELEMENTS(bad); i++) {
                struct filter_program *program = NULL;
                struct filter_error error = { 0 };

                g_test_message("%s", bad[i].text);
                g_assert_cmpint(filter_compile(bad[i].text, &program, &error), ==, -EINVAL);
                g_assert_null(program);
                g_assert_cmpuint(error.position, ==, bad[i].position);
                if (!strstr(error.message, bad[i].message))
                        g_error("%s: %s", bad[i].text, error.message);
                g_assert_true(g_str_has_suffix(error.message, "."));
        }
}

static char *repeat(const char *before, const char *s, unsigned n, const char *after) {
        GString *string = g_string_new(before);

        while (n-- > 0)
                g_string_append(string, s);
        g_string_append(string, after);
        return g_string_free(string, FALSE);
}

/* n times what opens a parenthesis, and as many that close one. */
static char *nest(const char *open, unsigned n) {
        g_autofree char *opened = repeat("", open, n, "a");

        return repeat(opened, ")", n, "");
}

static void assert_limit(char *text, bool good, const char *message) {
        g_autofree char *owned = text;
        struct filter_program *program = NULL;
        struct filter_error error = { 0 };
        int r = filter_compile(owned, &program, &error);

        if (good)
                g_assert_cmpstr(error.message, ==, "");
        else {
                g_assert_cmpint(r, ==, -EINVAL);
                g_assert_nonnull(strstr(error.message, message));
        }
        filter_program_unref(program);
}

static void test_limits(void) {
        /* Bytes. */
        assert_limit(repeat("id", " ", FILTER_TEXT_MAX - 2, ""), true, NULL);
        assert_limit(repeat("id", " ", FILTER_TEXT_MAX - 1, ""), false, "1023 bytes");
        assert_limit(repeat("name == \"", "x", FILTER_TEXT_MAX - 10, "\""), true, NULL);
        assert_limit(repeat("name == \"", "\\*", (FILTER_TEXT_MAX - 10) / 2, "\""), true, NULL);
        /* Values and operators: 64 values, 63 operators and a sign are 128. */
        assert_limit(repeat("!a", " &a", 63, ""), true, NULL);
        assert_limit(repeat("!!a", " &a", 63, ""), false, "128 values");
        assert_limit(repeat("a", "&&a", 64, ""), false, "128 values");
        /* Inside each other. */
        assert_limit(nest("(", FILTER_NESTING_MAX), true, NULL);
        assert_limit(repeat("", "(", FILTER_NESTING_MAX + 1, "a"), false, "32 parentheses");
        assert_limit(repeat("", "!", FILTER_NESTING_MAX, "a"), true, NULL);
        assert_limit(repeat("", "!", FILTER_NESTING_MAX + 1, "a"), false, "32 parentheses");
        assert_limit(repeat("", "-(", 10000, ""), false, "bytes");
        /* The stack: the right sides wait for each other, those of && do not. */
        assert_limit(nest("a|(", FILTER_STACK_MAX - 1), true, NULL);
        assert_limit(nest("a|(", FILTER_STACK_MAX), false, "too deeply");
        assert_limit(nest("a&&(", 30), true, NULL);
        assert_limit(repeat("a", "|a", 60, ""), true, NULL);
}

/* Every text up to a length from an alphabet is either a filter or refused with a position inside it. */
static void test_all_short(void) {
        static const char *const alphabet[] = { "a", "1", "\"", "(", ")", "!", "-",
                                                "&", "=", "<",  "\\", ".", "$ctx.vpid" };
        unsigned total = 1, good = 0;

        for (unsigned length = 1; length <= 4; length++) {
                total *= G_N_ELEMENTS(alphabet);
                for (unsigned n = 0; n < total; n++) {
                        struct filter_program *program = NULL;
                        struct filter_error error = { .position = UINT_MAX };
                        char text[64] = "";

                        for (unsigned i = 0, rest = n; i < length; i++, rest /= G_N_ELEMENTS(alphabet))
                                strcat(text, alphabet[rest % G_N_ELEMENTS(alphabet)]);
                        if (filter_compile(text, &program, &error) < 0) {
                                g_assert_cmpuint(error.position, <=, strlen(text));
                                g_assert_cmpuint(strlen(error.message), >, 10);
                        } else
                                good++;
                        filter_program_unref(program);
                }
        }
        g_assert_cmpuint(good, >, 100);
}

static void test_precedence(void) {
        /* Each would be the other way round if its operators bound differently. */
        static const char *const true_ones[] = {
                "1 || 0 && 0",           "(1 | 2 ^ 3) == 1",  "(1 ^ 3 & 2) == 3",      "(2 & 2 == 2) == 0",
                "(2 == 1 < 3) == 0",     "(1 < 2 << 3) == 1", "(1 << 2 << 3) == 32",   "(256 >> 4 >> 2) == 4",
                "(!0 == 2) == 0",        "-1 < 0",            "(~0 & 1) == 1",         "- - 1 == 1",
                "(2 > 1 == 0) == 0",     "(5 > 4 > 3) == 0",  "0 == (1 && 0)",         "!!7 == 1",
                "(7 && 8) == 1",         "(0 || 9) == 1",     "(2 == 2 == 2) == 0",    "!(1 && 0 || 0)",
        };

        for (unsigned i = 0; i < G_N_ELEMENTS(true_ones); i++) {
                g_test_message("%s", true_ones[i]);
                g_assert_cmpint(play(true_ones[i], &play_mixed), ==, YES);
        }
}

static void test_counted(void) {
        struct filter_program *program = play_compile("id == 7");

        g_assert_true(filter_program_ref(program) == program);
        g_assert_null(filter_program_unref(program));
        g_assert_null(filter_program_unref(program));
        g_assert_null(filter_program_unref(NULL));
}

int main(int argc, char *argv[]) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/filter/grammar/good", test_good);
        g_test_add_func("/filter/grammar/bad", test_bad);
        g_test_add_func("/filter/grammar/limits", test_limits);
        g_test_add_func("/filter/grammar/all-short", test_all_short);
        g_test_add_func("/filter/grammar/precedence", test_precedence);
        g_test_add_func("/filter/grammar/counted", test_counted);
        return g_test_run();
}
