/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The types with attributes instead of members: integer, floating_point, string. */

#include <errno.h>
#include <string.h>

#include "client/libtracectl-read/parser.h"

int parse_align(struct parser *parser, uint64_t bits, uint32_t *ret) {
        if (bits == 0 || (bits & (bits - 1)) != 0 || bits > TYPE_ALIGN_MAX)
                return parser_fail(parser, "an alignment must be a power of two, at most %d", TYPE_ALIGN_MAX);
        *ret = (uint32_t) bits;
        return 0;
}

int parse_byte_order(struct parser *parser, const struct value *value, enum byte_order *ret) {
        static const struct {
                const char *word;
                enum byte_order order;
        } orders[] = {
                { "native", BYTE_ORDER_NATIVE }, { "le", BYTE_ORDER_LITTLE },
                { "be", BYTE_ORDER_BIG }, { "network", BYTE_ORDER_BIG },
        };

        for (size_t i = 0; value->kind == VALUE_WORD && i < sizeof(orders) / sizeof(orders[0]); i++)
                if (strcmp(orders[i].word, value->text) == 0) {
                        *ret = orders[i].order;
                        return 0;
                }
        return parser_fail(parser, "'byte_order' must be le, be, network or native");
}

static int parse_base(struct parser *parser, const struct value *value, uint8_t *ret) {
        static const struct {
                const char *word;
                uint8_t base;
        } bases[] = {
                { "decimal", 10 }, { "dec", 10 }, { "d", 10 }, { "i", 10 }, { "u", 10 },
                { "hexadecimal", 16 }, { "hex", 16 }, { "x", 16 }, { "X", 16 }, { "p", 16 },
                { "octal", 8 }, { "oct", 8 }, { "o", 8 }, { "binary", 2 }, { "b", 2 },
        };

        for (size_t i = 0; i < sizeof(bases) / sizeof(bases[0]); i++)
                if (value->kind == VALUE_NUMBER ? !value->is_negative && value->number == bases[i].base :
                                                  value->text && strcmp(bases[i].word, value->text) == 0) {
                        *ret = bases[i].base;
                        return 0;
                }
        return parser_fail(parser, "'base' must be 2, 8, 10 or 16");
}

static int parse_encoding(struct parser *parser, const struct value *value, bool *ret) {
        const char *text;
        int r;

        r = value_get_text(parser, "encoding", value, &text);
        if (r < 0)
                return r;
        if (strcmp(text, "UTF8") == 0 || strcmp(text, "UTF-8") == 0 || strcmp(text, "ASCII") == 0)
                *ret = true;
        else if (strcmp(text, "none") == 0)
                *ret = false;
        else
                return parser_fail(parser, "'encoding' must be none, UTF8 or ASCII");
        return 0;
}

/* clock.NAME.value */
static int parse_map(struct parser *parser, const struct value *value, const char **ret) {
        static const char prefix[] = "clock.", suffix[] = ".value";
        size_t n = value->kind == VALUE_WORD ? strlen(value->text) : 0;
        char *name;

        if (n < sizeof(prefix) + sizeof(suffix) - 1 || strncmp(value->text, prefix, sizeof(prefix) - 1) != 0 ||
            strcmp(value->text + n - (sizeof(suffix) - 1), suffix) != 0)
                return parser_fail(parser, "'map' must be clock.NAME.value");
        name = arena_strndup(&parser->metadata->arena, value->text + sizeof(prefix) - 1,
                             n - (sizeof(prefix) - 1) - (sizeof(suffix) - 1));
        if (!name)
                return parser_oom(parser);
        *ret = name;
        return 0;
}

static int set_integer(struct parser *parser, void *object, const char *key, const struct value *value) {
        struct type *type = object;
        uint64_t n;
        int r;

        if (strcmp(key, "size") == 0) {
                r = value_get_number(parser, key, value, &n);
                if (r >= 0 && (n == 0 || n > 64))
                        return parser_fail(parser, "an integer must have 1 to 64 bits");
                if (r >= 0)
                        type->integer.bits = (uint32_t) n;
                return r;
        }
        if (strcmp(key, "align") == 0) {
                r = value_get_number(parser, key, value, &n);
                return r < 0 ? r : parse_align(parser, n, &type->align);
        }
        if (strcmp(key, "signed") == 0)
                return value_get_bool(parser, key, value, &type->integer.is_signed);
        if (strcmp(key, "byte_order") == 0)
                return parse_byte_order(parser, value, &type->integer.order);
        if (strcmp(key, "base") == 0)
                return parse_base(parser, value, &type->integer.base);
        if (strcmp(key, "encoding") == 0)
                return parse_encoding(parser, value, &type->integer.is_text);
        if (strcmp(key, "map") == 0)
                return parse_map(parser, value, &type->integer.clock);
        return 0;
}

int parse_integer(struct parser *parser, const struct type **ret) {
        struct type *type = arena_alloc(&parser->metadata->arena, sizeof(*type));
        int r;

        if (!type)
                return parser_oom(parser);
        type->kind = TYPE_INTEGER;
        type->integer.base = 10;
        r = parse_block(parser, set_integer, type);
        if (r < 0)
                return r;
        if (type->integer.bits == 0)
                return parser_fail(parser, "the integer before has no 'size'");
        if (type->align == 0)
                type->align = type->integer.bits % 8 == 0 ? 8 : 1;
        *ret = type;
        return 0;
}

struct floating {
        struct type *type;
        uint64_t exponent, mantissa;
};

static int set_floating_point(struct parser *parser, void *object, const char *key, const struct value *value) {
        struct floating *floating = object;
        uint64_t n;
        int r;

        if (strcmp(key, "exp_dig") == 0)
                return value_get_number(parser, key, value, &floating->exponent);
        if (strcmp(key, "mant_dig") == 0)
                return value_get_number(parser, key, value, &floating->mantissa);
        if (strcmp(key, "byte_order") == 0)
                return parse_byte_order(parser, value, &floating->type->floating.order);
        if (strcmp(key, "align") == 0) {
                r = value_get_number(parser, key, value, &n);
                return r < 0 ? r : parse_align(parser, n, &floating->type->align);
        }
        return 0;
}

int parse_floating_point(struct parser *parser, const struct type **ret) {
        struct type *type = arena_alloc(&parser->metadata->arena, sizeof(*type));
        struct floating floating = { .type = type };
        int r;

        if (!type)
                return parser_oom(parser);
        type->kind = TYPE_FLOAT;
        r = parse_block(parser, set_floating_point, &floating);
        if (r < 0)
                return r;
        if (floating.exponent == 8 && floating.mantissa == 24)
                type->floating.bits = 32;
        else if (floating.exponent == 11 && floating.mantissa == 53)
                type->floating.bits = 64;
        else
                return parser_fail(parser, "only floating point numbers of 32 and 64 bits can be read");
        if (type->align == 0)
                type->align = 8;
        *ret = type;
        return 0;
}

static int set_string(struct parser *parser, void *object, const char *key, const struct value *value) {
        bool is_text;

        return strcmp(key, "encoding") == 0 ? parse_encoding(parser, value, &is_text) : 0;
}

int parse_string_type(struct parser *parser, const struct type **ret) {
        struct type *type = arena_alloc(&parser->metadata->arena, sizeof(*type));
        int r;

        if (!type)
                return parser_oom(parser);
        type->kind = TYPE_STRING;
        type->align = 8;
        if (parser_at_sign(parser, '{')) {
                r = parse_block(parser, set_string, NULL);
                if (r < 0)
                        return r;
        }
        *ret = type;
        return 0;
}
