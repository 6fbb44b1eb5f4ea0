/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "client/libtracectl-read/parser.h"

#define PATH_TEXT_MAX 1024

void parser_next(struct parser *parser) {
        lexer_next(&parser->lexer, &parser->token);
}

bool parser_at_sign(const struct parser *parser, char sign) {
        return parser->token.type == TOKEN_SIGN && parser->token.sign == sign;
}

bool parser_at_word(const struct parser *parser, const char *word) {
        const struct token *token = &parser->token;

        return token->type == TOKEN_WORD && strlen(word) == token->size && memcmp(token->text, word, token->size) == 0;
}

bool parser_take_sign(struct parser *parser, char sign) {
        if (!parser_at_sign(parser, sign))
                return false;
        parser_next(parser);
        return true;
}

int parser_fail(struct parser *parser, const char *format, ...) {
        char text[256];
        va_list ap;

        va_start(ap, format);
        vsnprintf(text, sizeof(text), format, ap);
        va_end(ap);
        return problem_set(parser->problem, -EBADMSG, "%s, line %u: %s", parser->path, parser->token.line, text);
}

int parser_oom(struct parser *parser) {
        return problem_set(parser->problem, -ENOMEM, "%s needs more memory than there is, or than it may have",
                           parser->path);
}

int parser_unexpected(struct parser *parser, const char *wanted) {
        const struct token *token = &parser->token;

        if (token->type == TOKEN_END)
                return parser_fail(parser, "%s expected, but the text ends here", wanted);
        return parser_fail(parser, "%s expected, but there is '%.*s'", wanted,
                           token->size < 64 ? (int) token->size : 64, token->text);
}

int parser_expect_sign(struct parser *parser, char sign) {
        char wanted[] = { '\'', sign, '\'', '\0' };

        if (!parser_take_sign(parser, sign))
                return parser_unexpected(parser, wanted);
        return 0;
}

int parse_word(struct parser *parser, const char **ret) {
        char *word;

        if (parser->token.type != TOKEN_WORD)
                return parser_unexpected(parser, "a name");
        word = arena_strndup(&parser->metadata->arena, parser->token.text, parser->token.size);
        if (!word)
                return parser_oom(parser);
        parser_next(parser);
        *ret = word;
        return 0;
}

/* The character after a backslash. */
static char unescape(char c) {
        static const char names[] = "abfnrtv", codes[] = "\a\b\f\n\r\t\v";
        const char *p = c ? strchr(names, c) : NULL;

        return p ? codes[p - names] : c;
}

/* One string, or several in a row, which are one. */
int parse_string(struct parser *parser, const char **ret) {
        size_t size = 0, room = 0;
        struct parser ahead = *parser;
        char *text;

        if (parser->token.type != TOKEN_STRING)
                return parser_unexpected(parser, "a string");
        for (; ahead.token.type == TOKEN_STRING; parser_next(&ahead))
                room += ahead.token.size;
        text = arena_alloc(&parser->metadata->arena, room + 1);
        if (!text)
                return parser_oom(parser);
        for (; parser->token.type == TOKEN_STRING; parser_next(parser))
                for (size_t i = 1; i + 1 < parser->token.size; i++) {
                        char c = parser->token.text[i];

                        text[size++] = c == '\\' ? unescape(parser->token.text[++i]) : c;
                }
        *ret = text;
        return 0;
}

int parse_path(struct parser *parser, const char **ret) {
        char path[PATH_TEXT_MAX];
        size_t n = 0;
        char *copy;

        do {
                const struct token *token = &parser->token;

                if (token->type != TOKEN_WORD)
                        return parser_unexpected(parser, "a name");
                if (n + token->size + 2 > sizeof(path))
                        return parser_fail(parser, "a path of more than %d characters", PATH_TEXT_MAX);
                if (n > 0)
                        path[n++] = '.';
                memcpy(path + n, token->text, token->size);
                n += token->size;
                parser_next(parser);
        } while (parser_take_sign(parser, '.'));

        copy = arena_strndup(&parser->metadata->arena, path, n);
        if (!copy)
                return parser_oom(parser);
        *ret = copy;
        return 0;
}

int parse_number(struct parser *parser, uint64_t *ret, bool *ret_negative) {
        bool is_negative = parser_take_sign(parser, '-');

        if (!is_negative)
                parser_take_sign(parser, '+');
        if (parser->token.type != TOKEN_NUMBER)
                return parser_unexpected(parser, "a number");
        *ret = parser->token.number;
        *ret_negative = is_negative;
        parser_next(parser);
        return 0;
}

static int parse_value(struct parser *parser, struct value *ret) {
        switch (parser->token.type) {
        case TOKEN_STRING:
                ret->kind = VALUE_STRING;
                return parse_string(parser, &ret->text);
        case TOKEN_WORD:
                ret->kind = VALUE_WORD;
                return parse_path(parser, &ret->text);
        default:
                ret->kind = VALUE_NUMBER;
                return parse_number(parser, &ret->number, &ret->is_negative);
        }
}

static int parse_entry(struct parser *parser, block_set set, void *object) {
        struct value value = {};
        const char *key;
        int r;

        r = parse_declaration(parser);
        if (r != 0)
                return r < 0 ? r : 0;
        r = parse_path(parser, &key);
        if (r < 0)
                return r;
        if (parser->token.type == TOKEN_TYPE_IS) {
                parser_next(parser);
                value.kind = VALUE_TYPE;
                r = parse_type(parser, false, &value.type);
        } else {
                r = parser_expect_sign(parser, '=');
                if (r >= 0)
                        r = parse_value(parser, &value);
        }
        if (r >= 0)
                r = set(parser, object, key, &value);
        return r < 0 ? r : parser_expect_sign(parser, ';');
}

int parse_block(struct parser *parser, block_set set, void *object) {
        struct scope scope = { .outer = parser->scope };
        int r;

        r = parser_expect_sign(parser, '{');
        if (r < 0)
                return r;
        parser->scope = &scope;
        while (r >= 0 && !parser_at_sign(parser, '}'))
                r = parse_entry(parser, set, object);
        parser->scope = scope.outer;
        return r < 0 ? r : parser_expect_sign(parser, '}');
}

int value_get_number(struct parser *parser, const char *key, const struct value *value, uint64_t *ret) {
        if (value->kind != VALUE_NUMBER || value->is_negative)
                return parser_fail(parser, "'%s' must be a number that is not negative", key);
        *ret = value->number;
        return 0;
}

int value_get_bool(struct parser *parser, const char *key, const struct value *value, bool *ret) {
        static const char *const words[] = { "false", "FALSE", "true", "TRUE" };

        if (value->kind == VALUE_NUMBER && !value->is_negative && value->number <= 1) {
                *ret = value->number;
                return 0;
        }
        for (unsigned i = 0; value->kind == VALUE_WORD && i < 4; i++)
                if (strcmp(words[i], value->text) == 0) {
                        *ret = i >= 2;
                        return 0;
                }
        return parser_fail(parser, "'%s' must be true or false", key);
}

int value_get_text(struct parser *parser, const char *key, const struct value *value, const char **ret) {
        if (value->kind != VALUE_STRING && value->kind != VALUE_WORD)
                return parser_fail(parser, "'%s' must be a word or a string", key);
        *ret = value->text;
        return 0;
}
