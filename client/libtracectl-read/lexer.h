/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Words, numbers and signs of TSDL, the language of CTF 1.8 metadata. The text
 * stays the caller's; tokens point into it (text, size: with the quotes of a
 * string). A lexer is a value: a copy of it looks ahead.
 */

#include <stddef.h>
#include <stdint.h>

enum token_type {
        TOKEN_END,
        TOKEN_WORD,
        TOKEN_NUMBER,
        TOKEN_STRING,
        TOKEN_SIGN,     /* one character, in sign */
        TOKEN_TYPE_IS,  /* := */
        TOKEN_ELLIPSIS, /* ... */
        TOKEN_BROKEN,   /* what no other token is; the lexer stays there */
};

struct token {
        enum token_type type;
        char sign;
        unsigned line;
        const char *text;
        size_t size;
        uint64_t number;
};

struct lexer {
        const char *text;
        size_t size;
        size_t offset;
        unsigned line;
};

#define LEXER_INIT(t, n) { .text = (t), .size = (n), .line = 1 }

void lexer_next(struct lexer *lexer, struct token *ret);
