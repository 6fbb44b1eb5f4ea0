/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <stdbool.h>
#include <string.h>

#include "client/libtracectl-read/lexer.h"

static bool is_letter(char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_digit(char c) {
        return c >= '0' && c <= '9';
}

static bool starts_with(const struct lexer *lexer, const char *s) {
        size_t n = strlen(s);

        return lexer->size - lexer->offset >= n && memcmp(lexer->text + lexer->offset, s, n) == 0;
}

static void advance(struct lexer *lexer, size_t n) {
        for (; n > 0; n--)
                if (lexer->text[lexer->offset++] == '\n')
                        lexer->line++;
}

static void skip_until(struct lexer *lexer, const char *end) {
        while (lexer->offset < lexer->size && !starts_with(lexer, end))
                advance(lexer, 1);
        if (lexer->offset < lexer->size)
                advance(lexer, strlen(end));
}

static void skip_blank(struct lexer *lexer) {
        while (lexer->offset < lexer->size) {
                if (strchr(" \t\r\n\f\v", lexer->text[lexer->offset]) && lexer->text[lexer->offset])
                        advance(lexer, 1);
                else if (starts_with(lexer, "/*")) {
                        advance(lexer, 2);
                        skip_until(lexer, "*/");
                } else if (starts_with(lexer, "//"))
                        skip_until(lexer, "\n");
                else
                        return;
        }
}

static unsigned digit_of(char c) {
        if (is_digit(c))
                return (unsigned) (c - '0');
        if (c >= 'a' && c <= 'f')
                return (unsigned) (c - 'a') + 10;
        if (c >= 'A' && c <= 'F')
                return (unsigned) (c - 'A') + 10;
        return 255;
}

/* Decimal, 0x hexadecimal or 0 octal, with C's suffixes. */
static void lex_number(struct token *token, const char *p, const char *end) {
        const char *start = p;
        unsigned base = 10;
        uint64_t value = 0;

        token->type = TOKEN_NUMBER;
        if (end - p > 2 && p[0] == '0' && (p[1] == 'x' || p[1] == 'X') && digit_of(p[2]) < 16) {
                base = 16;
                p += 2;
        } else if (*p == '0')
                base = 8;
        for (; p < end && digit_of(*p) < base; p++)
                if (__builtin_mul_overflow(value, base, &value) ||
                    __builtin_add_overflow(value, digit_of(*p), &value))
                        token->type = TOKEN_BROKEN;
        while (p < end && strchr("uUlL", *p) && *p)
                p++;
        if (p < end && (is_letter(*p) || is_digit(*p)))
                token->type = TOKEN_BROKEN;
        token->number = value;
        token->size = (size_t) (p - start);
}

static void lex_string(struct token *token, const char *p, const char *end) {
        const char *start = p++;

        while (p < end && *p != '"')
                p += *p == '\\' && end - p > 1 ? 2 : 1;
        token->type = p < end ? TOKEN_STRING : TOKEN_BROKEN;
        token->size = p < end ? (size_t) (p + 1 - start) : 1;
}

void lexer_next(struct lexer *lexer, struct token *ret) {
        struct token token = { .type = TOKEN_SIGN, .size = 1 };
        const char *p, *end = lexer->text + lexer->size;

        skip_blank(lexer);
        p = lexer->text + lexer->offset;
        token.text = p;
        token.line = lexer->line;
        if (p == end) {
                token.type = TOKEN_END;
                token.size = 0;
        } else if (is_letter(*p)) {
                token.type = TOKEN_WORD;
                while (p + token.size < end && (is_letter(p[token.size]) || is_digit(p[token.size])))
                        token.size++;
        } else if (is_digit(*p))
                lex_number(&token, p, end);
        else if (*p == '"')
                lex_string(&token, p, end);
        else if (starts_with(lexer, ":=")) {
                token.type = TOKEN_TYPE_IS;
                token.size = 2;
        } else if (starts_with(lexer, "...")) {
                token.type = TOKEN_ELLIPSIS;
                token.size = 3;
        } else if (*p && strchr("{}[]()<>;:,=.+-*", *p))
                token.sign = *p;
        else
                token.type = TOKEN_BROKEN;
        if (token.type != TOKEN_BROKEN)
                advance(lexer, token.size);
        *ret = token;
}
