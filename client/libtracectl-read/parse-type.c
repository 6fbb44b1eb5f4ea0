/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "client/libtracectl-read/parser.h"

#define NAME_TEXT_MAX 256

int scope_add(struct parser *parser, enum name_kind kind, const char *name, const struct type *type) {
        struct type_name *entry = arena_alloc(&parser->metadata->arena, sizeof(*entry));

        if (!entry)
                return parser_oom(parser);
        *entry = (struct type_name) { .next = parser->scope->names, .kind = kind, .name = name, .type = type };
        parser->scope->names = entry;
        return 0;
}

const struct type *scope_find(struct parser *parser, enum name_kind kind, const char *name) {
        for (const struct scope *scope = parser->scope; scope; scope = scope->outer)
                for (const struct type_name *entry = scope->names; entry; entry = entry->next) {
                        if (++parser->work > PARSER_WORK_MAX)
                                return NULL;
                        if (entry->kind == kind && strcmp(entry->name, name) == 0)
                                return entry->type;
                }
        return NULL;
}

int scope_get(struct parser *parser, enum name_kind kind, const char *name, const struct type **ret) {
        static const char *const kinds[] = {
                [NAME_ALIAS] = "", [NAME_STRUCT] = "struct ", [NAME_VARIANT] = "variant ", [NAME_ENUM] = "enum ",
        };
        const struct type *type = scope_find(parser, kind, name);

        if (!type && parser->work > PARSER_WORK_MAX)
                return parser_fail(parser, "the metadata is too complex");
        if (!type)
                return parser_fail(parser, "there is no type '%s%s'", kinds[kind], name);
        *ret = type;
        return 0;
}

static bool next_is_word(const struct parser *parser) {
        struct lexer ahead = parser->lexer;
        struct token token;

        lexer_next(&ahead, &token);
        return token.type == TOKEN_WORD;
}

/* "unsigned long", without const; with_declarator leaves the last word. */
static int parse_type_name(struct parser *parser, bool with_declarator, const char **ret) {
        char name[NAME_TEXT_MAX];
        size_t n = 0;
        char *copy;

        while (parser->token.type == TOKEN_WORD && (!with_declarator || next_is_word(parser))) {
                const struct token *token = &parser->token;

                if (!parser_at_word(parser, "const")) {
                        if (n + token->size + 2 > sizeof(name))
                                return parser_fail(parser, "a type name of more than %d characters", NAME_TEXT_MAX);
                        if (n > 0)
                                name[n++] = ' ';
                        memcpy(name + n, token->text, token->size);
                        n += token->size;
                }
                parser_next(parser);
        }
        if (n == 0)
                return parser_unexpected(parser, "a type and a name");
        copy = arena_strndup(&parser->metadata->arena, name, n);
        if (!copy)
                return parser_oom(parser);
        *ret = copy;
        return 0;
}

static int parse_type_inner(struct parser *parser, bool with_declarator, const struct type **ret) {
        static const struct {
                const char *word;
                int (*parse)(struct parser *parser, const struct type **ret);
        } kinds[] = {
                { "integer", parse_integer }, { "floating_point", parse_floating_point },
                { "string", parse_string_type }, { "struct", parse_struct },
                { "variant", parse_variant }, { "enum", parse_enum },
        };
        const char *name;
        int r;

        while (parser_at_word(parser, "const"))
                parser_next(parser);
        for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
                if (parser_at_word(parser, kinds[i].word)) {
                        parser_next(parser);
                        return kinds[i].parse(parser, ret);
                }
        r = parse_type_name(parser, with_declarator, &name);
        return r < 0 ? r : scope_get(parser, NAME_ALIAS, name, ret);
}

int parse_type(struct parser *parser, bool with_declarator, const struct type **ret) {
        int r;

        if (parser->depth >= PARSER_DEPTH_MAX)
                return parser_fail(parser, "types are nested more than %d deep", PARSER_DEPTH_MAX);
        parser->depth++;
        r = parse_type_inner(parser, with_declarator, ret);
        parser->depth--;
        return r;
}

/* [3] or [path]. What follows belongs to the element: x[2][3] is two times three. */
static int parse_array(struct parser *parser, const struct type *element, const struct type **ret) {
        struct type *type;
        int r;

        if (!parser_take_sign(parser, '[')) {
                *ret = element;
                return 0;
        }
        if (parser->depth >= PARSER_DEPTH_MAX)
                return parser_fail(parser, "an array has more than %d dimensions", PARSER_DEPTH_MAX);
        type = arena_alloc(&parser->metadata->arena, sizeof(*type));
        if (!type)
                return parser_oom(parser);
        if (parser->token.type == TOKEN_WORD) {
                type->kind = TYPE_SEQUENCE;
                r = parse_path(parser, &type->array.length_path);
        } else if (parser->token.type == TOKEN_NUMBER) {
                type->kind = TYPE_ARRAY;
                type->array.length = parser->token.number;
                parser_next(parser);
                r = 0;
        } else
                r = parser_unexpected(parser, "the length of an array");
        if (r >= 0)
                r = parser_expect_sign(parser, ']');
        if (r < 0)
                return r;
        parser->depth++;
        r = parse_array(parser, element, &type->array.element);
        parser->depth--;
        if (r < 0)
                return r;
        type->align = type->array.element->align;
        *ret = type;
        return 0;
}

int parse_declarator(struct parser *parser, const struct type *type, const char **ret_name, const struct type **ret) {
        int r;

        r = parse_word(parser, ret_name);
        return r < 0 ? r : parse_array(parser, type, ret);
}

/* typealias TYPE := NAME, TYPE perhaps with brackets behind it. */
static int parse_typealias(struct parser *parser) {
        const struct type *type;
        const char *name;
        int r;

        r = parse_type(parser, false, &type);
        if (r >= 0)
                r = parse_array(parser, type, &type);
        if (r < 0)
                return r;
        if (parser->token.type != TOKEN_TYPE_IS)
                return parser_unexpected(parser, "':='");
        parser_next(parser);
        r = parse_type_name(parser, false, &name);
        return r < 0 ? r : scope_add(parser, NAME_ALIAS, name, type);
}

static int parse_typedef(struct parser *parser) {
        const struct type *type;
        int r;

        r = parse_type(parser, true, &type);
        if (r < 0)
                return r;
        do {
                const struct type *declared;
                const char *name;

                r = parse_declarator(parser, type, &name, &declared);
                if (r >= 0)
                        r = scope_add(parser, NAME_ALIAS, name, declared);
                if (r < 0)
                        return r;
        } while (parser_take_sign(parser, ','));
        return 0;
}

int parse_declaration(struct parser *parser) {
        const struct type *type;
        int r;

        if (parser_at_word(parser, "typealias")) {
                parser_next(parser);
                r = parse_typealias(parser);
        } else if (parser_at_word(parser, "typedef")) {
                parser_next(parser);
                r = parse_typedef(parser);
        } else if (parser_at_word(parser, "struct") || parser_at_word(parser, "variant") ||
                   parser_at_word(parser, "enum"))
                r = parse_type(parser, true, &type);
        else
                return 0;
        if (r >= 0)
                r = parser_expect_sign(parser, ';');
        return r < 0 ? r : 1;
}
