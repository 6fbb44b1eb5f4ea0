/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <locale.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/context.h"
#include "protocol/filter-internal.h"

static const struct {
        char text[3];
        uint8_t type; /* enum token_type */
        uint8_t op;
} symbols[] = {
        /* The longer ones first. */
        { "&&", TOKEN_OPERATOR, FILTER_JUMP_FALSE }, { "||", TOKEN_OPERATOR, FILTER_JUMP_TRUE },
        { "==", TOKEN_OPERATOR, FILTER_EQ },         { "!=", TOKEN_OPERATOR, FILTER_NE },
        { "<=", TOKEN_OPERATOR, FILTER_LE },         { ">=", TOKEN_OPERATOR, FILTER_GE },
        { "<<", TOKEN_OPERATOR, FILTER_SHIFT_LEFT }, { ">>", TOKEN_OPERATOR, FILTER_SHIFT_RIGHT },
        { "<", TOKEN_OPERATOR, FILTER_LT },          { ">", TOKEN_OPERATOR, FILTER_GT },
        { "&", TOKEN_OPERATOR, FILTER_AND },         { "|", TOKEN_OPERATOR, FILTER_OR },
        { "^", TOKEN_OPERATOR, FILTER_XOR },         { "!", TOKEN_NOT, 0 },
        { "~", TOKEN_INVERT, 0 },                    { "-", TOKEN_MINUS, 0 },
        { "+", TOKEN_PLUS, 0 },                      { "(", TOKEN_OPEN, 0 },
        { ")", TOKEN_CLOSE, 0 },
};

#define FILTER_APP_PREFIX "$app."

int filter_fail(struct filter_error *error, size_t position, const char *format, ...) {
        va_list ap;

        error->position = (unsigned) position;
        va_start(ap, format);
        (void) vsnprintf(error->message, sizeof(error->message), format, ap);
        va_end(ap);
        return -EINVAL;
}

/* As definitions have them: no letters of the locale. */
static bool is_digit(char c) {
        return c >= '0' && c <= '9';
}

static bool is_name(char c) {
        return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static size_t name_length(const char *s) {
        size_t n = 0;

        while (is_name(s[n]))
                n++;
        return n;
}

static void put_string(struct filter_program *program, struct filter_node *node, const char *s, size_t length) {
        node->string = program->strings_size;
        node->length = (uint32_t) length;
        memcpy(program->strings + program->strings_size, s, length);
        program->strings[program->strings_size + length] = '\0';
        program->strings_size += (uint32_t) length + 1;
}

static int hex_digit(char c) {
        if (is_digit(c))
                return c - '0';
        c |= 0x20;
        return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The character after a backslash, or -EINVAL; *p moves past it. */
static int unescape(const char **p, const char *text, struct filter_error *error) {
        static const char from[] = "nrt\\\"'*", to[] = "\n\r\t\\\"'*";
        const char *found = **p ? strchr(from, **p) : NULL;
        int high, low;

        if (found) {
                (*p)++;
                return to[found - from];
        }
        if (**p == 'x') {
                high = hex_digit((*p)[1]);
                low = high < 0 ? -1 : hex_digit((*p)[2]);
                if (low >= 0 && high + low > 0) {
                        *p += 3;
                        return high * 16 + low;
                }
                return filter_fail(error, (size_t) (*p - 1 - text),
                                   "After \\x there are two hexadecimal digits, 01 to ff.");
        }
        return filter_fail(error, (size_t) (*p - 1 - text),
                           "Unknown escape; write \\\\ for a backslash, \\* for a star, \\n, \\r, \\t or \\xHH.");
}

/* A pattern: stars as they are, other stars and backslashes behind a backslash. */
static int lex_string(const char *text, size_t *at, struct filter_program *program, struct filter_node *node,
                      struct filter_error *error) {
        char pattern[FILTER_TEXT_MAX + 1], quote = text[*at];
        const char *p = text + *at + 1;
        size_t n = 0;

        while (*p != quote) {
                bool escaped = *p == '\\';
                int c = (unsigned char) *p++;

                if (c == '\0')
                        return filter_fail(error, *at, "The string has no closing quote.");
                if (escaped) {
                        c = unescape(&p, text, error);
                        if (c < 0)
                                return c;
                }
                if (c == '*' && !escaped && n > 0 && pattern[n - 1] == '*' && (n == 1 || pattern[n - 2] != '\\'))
                        continue; /* two stars say no more than one */
                if (c == '\\' || (c == '*' && escaped))
                        pattern[n++] = '\\';
                pattern[n++] = (char) c;
        }
        node->op = FILTER_MATCH;
        put_string(program, node, pattern, n);
        *at = (size_t) (p + 1 - text);
        return 0;
}

static int lex_float(const char *text, size_t *at, size_t length, struct filter_node *node,
                     struct filter_error *error) {
        char buffer[FILTER_TEXT_MAX + 1], *end;
        locale_t c;
        double d;

        memcpy(buffer, text + *at, length);
        buffer[length] = '\0';
        c = newlocale(LC_NUMERIC_MASK, "C", (locale_t) 0);
        if (!c)
                return -ENOMEM;
        d = strtod_l(buffer, &end, c);
        freelocale(c);
        if (*end || !isfinite(d))
                return filter_fail(error, *at, *end ? "That is no number." : "The number is too large.");
        node->op = FILTER_FLOAT;
        memcpy(&node->value, &d, sizeof(d));
        *at += length;
        return 0;
}

static int lex_integer(const char *text, size_t *at, size_t length, struct filter_node *node,
                       struct filter_error *error) {
        const char *p = text + *at, *end = p + length;
        unsigned base = 10;
        uint64_t value = 0;

        if (length > 1 && p[0] == '0') {
                base = (p[1] | 0x20) == 'x' ? 16 : (p[1] | 0x20) == 'b' ? 2 : 8;
                p += base == 8 ? 1 : 2;
                if (p == end)
                        return filter_fail(error, *at, "That is no number.");
        }
        for (; p < end; p++) {
                int digit = hex_digit(*p);

                if (digit < 0 || (unsigned) digit >= base)
                        return filter_fail(error, *at, "That is no number.");
                if (__builtin_mul_overflow(value, base, &value) ||
                    __builtin_add_overflow(value, (unsigned) digit, &value))
                        return filter_fail(error, *at, "The number has more than 64 bits.");
        }
        node->op = value > INT64_MAX ? FILTER_UNSIGNED : FILTER_SIGNED;
        node->value = value;
        *at += length;
        return 0;
}

static int lex_number(const char *text, size_t *at, struct filter_node *node, struct filter_error *error) {
        const char *p = text + *at;
        bool prefixed = p[0] == '0' && strchr("xXbB", p[1]) && p[1], fraction = false;
        size_t n = 0;

        /* Everything that looks like it belongs to a number, so that 12abc is one mistake. */
        for (; is_name(p[n]) || (!prefixed && p[n] == '.') ||
               (!prefixed && n > 0 && (p[n - 1] | 0x20) == 'e' && (p[n] == '-' || p[n] == '+'));
             n++)
                fraction = fraction || (!prefixed && (p[n] == '.' || (p[n] | 0x20) == 'e'));
        return fraction ? lex_float(text, at, n, node, error) : lex_integer(text, at, n, node, error);
}

/* "vpid, vtid and so on" */
static void list_contexts(char *buffer, size_t size) {
        size_t n = 0;

        buffer[0] = '\0';
        for (unsigned bit = 0; bit < 32; bit++) {
                const char *name = context_name(UINT32_C(1) << bit);
                int r = name ? snprintf(buffer + n, size - n, "%s%s", n > 0 ? ", " : "", name) : 0;

                if (r < 0 || (size_t) r >= size - n)
                        return;
                n += (size_t) r;
        }
}

static int lex_context(const char *text, size_t *at, struct filter_node *node, struct filter_error *error) {
        static const char prefix[] = "$ctx.";
        const char *p = text + *at + sizeof(prefix) - 1;
        char name[32] = "", known[112];
        size_t length = 0;

        if (strncmp(text + *at, prefix, sizeof(prefix) - 1) == 0) {
                length = name_length(p);
                if (length < sizeof(name))
                        memcpy(name, p, length);
        }
        node->op = FILTER_CONTEXT;
        node->value = *name ? context_from_name(name) : 0;
        if (node->value == 0) {
                list_contexts(known, sizeof(known));
                return filter_fail(error, *at, "A context is $ctx. and one of %s; or $app.PROVIDER:NAME.", known);
        }
        *at += sizeof(prefix) - 1 + length;
        return 0;
}

/* "$app.PROVIDER:NAME" becomes "app:PROVIDER:NAME". */
static int lex_application(const char *text, size_t *at, struct filter_program *program, struct filter_node *node,
                           struct filter_error *error) {
        const char *provider = text + *at + sizeof(FILTER_APP_PREFIX) - 1;
        size_t n = name_length(provider), length = n > 0 && provider[n] == ':' ? name_length(provider + n + 1) : 0;

        if (length == 0)
                return filter_fail(error, *at, "A context of an application is $app.PROVIDER:NAME.");
        node->op = FILTER_APPLICATION;
        put_string(program, node, text + *at + 1, sizeof(FILTER_APP_PREFIX) - 2 + n + 1 + length);
        program->strings[node->string + sizeof("app") - 1] = ':';
        *at += sizeof(FILTER_APP_PREFIX) - 1 + n + 1 + length;
        return 0;
}

static int lex_symbol(const char *text, size_t *at, struct token *ret, struct filter_error *error) {
        char c = text[*at];

        for (unsigned i = 0; i < sizeof(symbols) / sizeof(symbols[0]); i++) {
                size_t length = strlen(symbols[i].text);

                if (strncmp(text + *at, symbols[i].text, length) == 0) {
                        ret->type = symbols[i].type;
                        ret->node.op = symbols[i].op;
                        *at += length;
                        return 0;
                }
        }
        if (c == '=')
                return filter_fail(error, *at, "Write == to compare.");
        if (c == '*' || c == '/' || c == '%')
                return filter_fail(error, *at, "There is no arithmetic in filters.");
        if (c >= ' ' && c <= '~')
                return filter_fail(error, *at, "'%c' has no meaning here.", c);
        return filter_fail(error, *at, "There is a character that has no meaning outside of a string.");
}

int filter_lex(const char *text, size_t *at, struct filter_program *program, struct token *ret,
               struct filter_error *error) {
        size_t length;
        char c;

        while (text[*at] && strchr(" \t\r\n", text[*at]))
                (*at)++;
        *ret = (struct token) { .type = TOKEN_VALUE, .node.position = (uint16_t) *at };
        c = text[*at];
        if (c == '\0') {
                ret->type = TOKEN_END;
                return 0;
        }
        if (c == '"' || c == '\'')
                return lex_string(text, at, program, &ret->node, error);
        if (strncmp(text + *at, FILTER_APP_PREFIX, sizeof(FILTER_APP_PREFIX) - 1) == 0)
                return lex_application(text, at, program, &ret->node, error);
        if (c == '$')
                return lex_context(text, at, &ret->node, error);
        if (is_digit(c) || (c == '.' && is_digit(text[*at + 1])))
                return lex_number(text, at, &ret->node, error);
        length = name_length(text + *at);
        if (length > 0) {
                ret->node.op = FILTER_FIELD;
                put_string(program, &ret->node, text + *at, length);
                *at += length;
                return 0;
        }
        return lex_symbol(text, at, ret, error);
}
