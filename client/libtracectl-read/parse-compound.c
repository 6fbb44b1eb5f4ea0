/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <string.h>

#include "client/libtracectl-read/parser.h"

/* TYPE NAME, NAME; or only a type, which declares its name. */
static int parse_member(struct parser *parser, struct type *type, struct member ***tail) {
        const struct type *declared;
        int r;

        if (parser_at_word(parser, "typealias") || parser_at_word(parser, "typedef"))
                return parse_declaration(parser);
        r = parse_type(parser, true, &declared);
        if (r < 0)
                return r;
        if (parser_take_sign(parser, ';'))
                return 0;
        do {
                struct member *member = arena_alloc(&parser->metadata->arena, sizeof(*member));

                if (!member)
                        return parser_oom(parser);
                r = parse_declarator(parser, declared, &member->name, &member->type);
                if (r < 0)
                        return r;
                if (member->type->align > type->align)
                        type->align = member->type->align;
                **tail = member;
                *tail = &member->next;
        } while (parser_take_sign(parser, ','));
        return parser_expect_sign(parser, ';');
}

static int parse_members(struct parser *parser, struct type *type) {
        struct scope scope = { .outer = parser->scope };
        struct member **tail = &type->compound.members;
        int r;

        r = parser_expect_sign(parser, '{');
        if (r < 0)
                return r;
        parser->scope = &scope;
        while (r >= 0 && !parser_at_sign(parser, '}'))
                r = parse_member(parser, type, &tail);
        parser->scope = scope.outer;
        return r < 0 ? r : parser_expect_sign(parser, '}');
}

static int parse_struct_align(struct parser *parser, struct type *type) {
        uint32_t align;
        bool is_negative;
        uint64_t n;
        int r;

        if (!parser_at_word(parser, "align"))
                return 0;
        parser_next(parser);
        r = parser_expect_sign(parser, '(');
        if (r >= 0)
                r = parse_number(parser, &n, &is_negative);
        if (r >= 0)
                r = parse_align(parser, is_negative ? 0 : n, &align);
        if (r >= 0)
                r = parser_expect_sign(parser, ')');
        if (r >= 0 && align > type->align)
                type->align = align;
        return r;
}

static struct type *new_compound(struct parser *parser, enum type_kind kind) {
        struct type *type = arena_alloc(&parser->metadata->arena, sizeof(*type));

        if (type) {
                type->kind = kind;
                type->align = 1;
        }
        return type;
}

/* struct [NAME] [{ ... } [align(N)]] */
int parse_struct(struct parser *parser, const struct type **ret) {
        const char *name = NULL;
        struct type *type;
        int r = 0;

        if (parser->token.type == TOKEN_WORD) {
                r = parse_word(parser, &name);
                if (r < 0)
                        return r;
                if (!parser_at_sign(parser, '{'))
                        return scope_get(parser, NAME_STRUCT, name, ret);
        }
        type = new_compound(parser, TYPE_STRUCT);
        if (!type)
                return parser_oom(parser);
        r = parse_members(parser, type);
        if (r >= 0)
                r = parse_struct_align(parser, type);
        if (r >= 0 && name)
                r = scope_add(parser, NAME_STRUCT, name, type);
        if (r >= 0)
                *ret = type;
        return r;
}

static int parse_tag(struct parser *parser, const char **ret) {
        int r = 0;

        if (parser_take_sign(parser, '<')) {
                r = parse_path(parser, ret);
                if (r >= 0)
                        r = parser_expect_sign(parser, '>');
        }
        return r;
}

/* variant [NAME] [<TAG>] [{ ... }]: a named one may get its tag where it is used. */
int parse_variant(struct parser *parser, const struct type **ret) {
        const char *name = NULL, *tag = NULL;
        const struct type *named;
        struct type *type;
        int r = 0;

        if (parser->token.type == TOKEN_WORD)
                r = parse_word(parser, &name);
        if (r >= 0)
                r = parse_tag(parser, &tag);
        if (r < 0)
                return r;
        type = new_compound(parser, TYPE_VARIANT);
        if (!type)
                return parser_oom(parser);
        if (name && !parser_at_sign(parser, '{')) {
                r = scope_get(parser, NAME_VARIANT, name, &named);
                if (r < 0)
                        return r;
                *type = *named;
        } else {
                r = parse_members(parser, type);
                if (r >= 0 && name)
                        r = scope_add(parser, NAME_VARIANT, name, type);
                if (r < 0)
                        return r;
        }
        if (tag)
                type->compound.tag = tag;
        *ret = type;
        return 0;
}

static int parse_bound(struct parser *parser, uint64_t *ret) {
        bool is_negative;
        uint64_t n;
        int r;

        r = parse_number(parser, &n, &is_negative);
        if (r >= 0)
                *ret = is_negative ? -n : n;
        return r;
}

/* LABEL [= LOW [... HIGH]]; without a number, the one after the last. */
static int parse_mapping(struct parser *parser, uint64_t *next, struct mapping **ret) {
        struct mapping *mapping = arena_alloc(&parser->metadata->arena, sizeof(*mapping));
        int r;

        if (!mapping)
                return parser_oom(parser);
        if (parser->token.type == TOKEN_STRING)
                r = parse_string(parser, &mapping->label);
        else
                r = parse_word(parser, &mapping->label);
        if (r < 0)
                return r;
        mapping->low = mapping->high = *next;
        if (parser_take_sign(parser, '=')) {
                r = parse_bound(parser, &mapping->low);
                if (r < 0)
                        return r;
                mapping->high = mapping->low;
                if (parser->token.type == TOKEN_ELLIPSIS) {
                        parser_next(parser);
                        r = parse_bound(parser, &mapping->high);
                        if (r < 0)
                                return r;
                }
        }
        *next = mapping->high + 1;
        *ret = mapping;
        return 0;
}

static int parse_mappings(struct parser *parser, struct type *type) {
        struct mapping **tail = &type->enumeration.mappings;
        uint64_t next = 0;
        int r;

        r = parser_expect_sign(parser, '{');
        while (r >= 0 && !parser_at_sign(parser, '}')) {
                r = parse_mapping(parser, &next, tail);
                if (r < 0)
                        return r;
                tail = &(*tail)->next;
                if (!parser_take_sign(parser, ','))
                        break;
        }
        return r < 0 ? r : parser_expect_sign(parser, '}');
}

/* enum [NAME] [: INTEGER] [{ ... }] */
int parse_enum(struct parser *parser, const struct type **ret) {
        const char *name = NULL;
        struct type *type;
        int r = 0;

        if (parser->token.type == TOKEN_WORD) {
                r = parse_word(parser, &name);
                if (r < 0)
                        return r;
                if (!parser_at_sign(parser, '{') && !parser_at_sign(parser, ':'))
                        return scope_get(parser, NAME_ENUM, name, ret);
        }
        type = new_compound(parser, TYPE_ENUM);
        if (!type)
                return parser_oom(parser);
        if (parser_take_sign(parser, ':'))
                r = parse_type(parser, false, &type->enumeration.integer);
        else
                r = scope_get(parser, NAME_ALIAS, "int", &type->enumeration.integer);
        if (r >= 0 && type->enumeration.integer->kind != TYPE_INTEGER)
                r = parser_fail(parser, "an enumeration must be of an integer");
        if (r >= 0)
                r = parse_mappings(parser, type);
        if (r >= 0 && name)
                r = scope_add(parser, NAME_ENUM, name, type);
        if (r < 0)
                return r;
        type->align = type->enumeration.integer->align;
        *ret = type;
        return 0;
}
