/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <glib.h>
#include <string.h>

#include "client/libtracectl-read/lexer.h"

static struct token lex(struct lexer *lexer) {
        struct token token;

        lexer_next(lexer, &token);
        return token;
}

static void assert_word(struct lexer *lexer, const char *word) {
        struct token token = lex(lexer);
        g_autofree char *text = g_strndup(token.text, token.size);

        g_assert_cmpint(token.type, ==, TOKEN_WORD);
        g_assert_cmpstr(text, ==, word);
}

static void test_tokens(void) {
        static const char text[] = "event { a_1.b := \"x\\\"y\"; } // no\n/* no \n */ 1 ... 0x1F 010 42ULL -";
        struct lexer lexer = LEXER_INIT(text, sizeof(text) - 1);
        static const uint64_t numbers[] = { 0x1f, 8, 42 };
        struct token token;

        assert_word(&lexer, "event");
        g_assert_cmpint(lex(&lexer).sign, ==, '{');
        assert_word(&lexer, "a_1");
        g_assert_cmpint(lex(&lexer).sign, ==, '.');
        assert_word(&lexer, "b");
        g_assert_cmpint(lex(&lexer).type, ==, TOKEN_TYPE_IS);
        token = lex(&lexer);
        g_assert_cmpint(token.type, ==, TOKEN_STRING);
        g_assert_cmpuint(token.size, ==, 6);
        g_assert_cmpint(lex(&lexer).sign, ==, ';');
        g_assert_cmpint(lex(&lexer).sign, ==, '}');
        token = lex(&lexer);
        g_assert_cmpint(token.type, ==, TOKEN_NUMBER);
        g_assert_cmpuint(token.number, ==, 1);
        g_assert_cmpuint(token.line, ==, 3);
        g_assert_cmpint(lex(&lexer).type, ==, TOKEN_ELLIPSIS);
        for (size_t i = 0; i < G_N_ELEMENTS(numbers); i++)
                g_assert_cmpuint(lex(&lexer).number, ==, numbers[i]);
        g_assert_cmpint(lex(&lexer).sign, ==, '-');
        g_assert_cmpint(lex(&lexer).type, ==, TOKEN_END);
        g_assert_cmpint(lex(&lexer).type, ==, TOKEN_END);
}

/* What is no token is said to be none, and reading it again does not go past it. */
static void test_broken(void) {
        static const char *const texts[] = {
                "\"open", "\"open\\", "@", "18446744073709551616", "12abc", "09", "0x", "\x80", "\\",
        };

        for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
                struct lexer lexer = LEXER_INIT(texts[i], strlen(texts[i]));

                g_assert_cmpint(lex(&lexer).type, ==, TOKEN_BROKEN);
                g_assert_cmpint(lex(&lexer).type, ==, TOKEN_BROKEN);
        }
}

/* The text need not be terminated: nothing beyond its size counts. */
static void test_bounds(void) {
        struct lexer lexer = LEXER_INIT("ab/*", 1);

        assert_word(&lexer, "a");
        g_assert_cmpint(lex(&lexer).type, ==, TOKEN_END);
        lexer = (struct lexer) LEXER_INIT("/* never closed", 15);
        g_assert_cmpint(lex(&lexer).type, ==, TOKEN_END);
        lexer = (struct lexer) LEXER_INIT("\0", 1);
        g_assert_cmpint(lex(&lexer).type, ==, TOKEN_BROKEN);
}

int main(int argc, char *argv[]) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/lexer/tokens", test_tokens);
        g_test_add_func("/lexer/broken", test_broken);
        g_test_add_func("/lexer/bounds", test_bounds);
        return g_test_run();
}
