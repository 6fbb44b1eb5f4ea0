/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The state of reading one metadata text. parse-block.c reads what all blocks
 * have in common, parse-type.c types and their names, parse-compound.c
 * structs, variants and enumerations, parse-trace.c what stands at the top.
 *
 * All functions return 0 or a negative errno, with a sentence in problem.
 */

#include <stdbool.h>
#include <stdint.h>

#include "client/libtracectl-read/lexer.h"
#include "client/libtracectl-read/metadata.h"

#define PARSER_DEPTH_MAX 64
#define PARSER_WORK_MAX 500000000

enum name_kind {
        NAME_ALIAS,
        NAME_STRUCT,
        NAME_VARIANT,
        NAME_ENUM,
};

struct type_name {
        struct type_name *next;
        enum name_kind kind;
        const char *name;
        const struct type *type;
};

/* The names declared inside one pair of braces. */
struct scope {
        struct scope *outer;
        struct type_name *names;
};

struct parser {
        struct lexer lexer;
        struct token token; /* the next one */
        struct scope *scope;
        struct metadata *metadata;
        struct problem *problem;
        const char *path;
        bool has_trace; /* its declaration has ended */
        unsigned depth;
        uint64_t work; /* names compared: bounded, hostile text could make it quadratic */
};

/* What stands after = or := in a block. */
struct value {
        enum { VALUE_NUMBER, VALUE_STRING, VALUE_WORD, VALUE_TYPE } kind;
        bool is_negative;
        uint64_t number; /* the magnitude */
        const char *text;
        const struct type *type;
};

/* Takes one entry of a block; keys that it does not know are no error. */
typedef int (*block_set)(struct parser *parser, void *object, const char *key, const struct value *value);

/* parse-block.c */
void parser_next(struct parser *parser);
bool parser_at_sign(const struct parser *parser, char sign);
bool parser_at_word(const struct parser *parser, const char *word);
bool parser_take_sign(struct parser *parser, char sign);
int parser_expect_sign(struct parser *parser, char sign);
int parser_unexpected(struct parser *parser, const char *wanted);
__attribute__((format(printf, 2, 3))) int parser_fail(struct parser *parser, const char *format, ...);
int parser_oom(struct parser *parser);
int parse_word(struct parser *parser, const char **ret);
int parse_string(struct parser *parser, const char **ret);
int parse_path(struct parser *parser, const char **ret); /* a.b.c */
int parse_number(struct parser *parser, uint64_t *ret, bool *ret_negative);
int parse_block(struct parser *parser, block_set set, void *object);
int value_get_number(struct parser *parser, const char *key, const struct value *value, uint64_t *ret);
int value_get_bool(struct parser *parser, const char *key, const struct value *value, bool *ret);
int value_get_text(struct parser *parser, const char *key, const struct value *value, const char **ret);

/* parse-type.c */
int scope_add(struct parser *parser, enum name_kind kind, const char *name, const struct type *type);
const struct type *scope_find(struct parser *parser, enum name_kind kind, const char *name);
/* As scope_find(), and the sentence where there is none. */
int scope_get(struct parser *parser, enum name_kind kind, const char *name, const struct type **ret);
/* with_declarator: the last word is not the type's but the name of what has it. */
int parse_type(struct parser *parser, bool with_declarator, const struct type **ret);
int parse_declarator(struct parser *parser, const struct type *type, const char **ret_name, const struct type **ret);
/* typealias, typedef, or a struct, variant or enum by itself. 0: there was none, 1: it was read. */
int parse_declaration(struct parser *parser);

/* parse-attributes.c */
int parse_integer(struct parser *parser, const struct type **ret);
int parse_floating_point(struct parser *parser, const struct type **ret);
int parse_string_type(struct parser *parser, const struct type **ret);
int parse_align(struct parser *parser, uint64_t bits, uint32_t *ret);
int parse_byte_order(struct parser *parser, const struct value *value, enum byte_order *ret);

/* parse-compound.c */
int parse_struct(struct parser *parser, const struct type **ret);
int parse_variant(struct parser *parser, const struct type **ret);
int parse_enum(struct parser *parser, const struct type **ret);

/* parse-trace.c */
int parse_metadata(struct parser *parser);
