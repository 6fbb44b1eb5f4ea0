/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What the parts of the filter compiler share: the lexer (filter-lex.c) cuts the
 * text into tokens, the parser (filter-parse.c) makes a tree of them,
 * filter-type.c says what kinds of values its nodes have, filter-bind.c makes
 * code of it for one event. The library has none of this.
 */

#include <stdatomic.h>
#include <stdbool.h>

#include "protocol/filter-code.h"
#include "protocol/filter.h"

/* In a tree, FILTER_MATCH is a constant string, FILTER_JUMP_FALSE is && and FILTER_JUMP_TRUE is ||. */
struct filter_node {
        uint8_t op; /* enum filter_op */
        uint16_t position; /* in the text */
        uint16_t left, right; /* nodes with lower numbers */
        uint32_t string, length; /* FIELD, MATCH, APPLICATION: in the program's strings, which have a NUL more */
        uint64_t value; /* of a constant number; CONTEXT: enum context */
};

struct filter_program {
        atomic_uint refs;
        unsigned n_nodes; /* the last one is the whole */
        struct filter_node nodes[FILTER_NODES_MAX];
        uint32_t strings_size;
        char strings[FILTER_TEXT_MAX + FILTER_NODES_MAX];
};

enum token_type {
        TOKEN_END,
        TOKEN_VALUE,    /* a constant, field or context: op and what belongs to it */
        TOKEN_OPERATOR, /* between two values: op */
        TOKEN_NOT,
        TOKEN_INVERT,
        TOKEN_MINUS,
        TOKEN_PLUS,
        TOKEN_OPEN,
        TOKEN_CLOSE,
};

struct token {
        enum token_type type;
        struct filter_node node; /* VALUE: as it will be; OPERATOR: op. position always */
};

/* Reads text from *at on; strings and names go to the program. -EINVAL and error. */
int filter_lex(const char *text, size_t *at, struct filter_program *program, struct token *ret,
               struct filter_error *error);

/* -EINVAL, with this sentence. */
int filter_fail(struct filter_error *error, size_t position, const char *format, ...)
        __attribute__((format(printf, 3, 4)));

/* What is known of a node's value. */
enum node_kind {
        NODE_UNKNOWN, /* a field, as long as there is no event */
        NODE_INTEGER,
        NODE_NUMBER, /* a floating point number */
        NODE_STRING,
};

/*
 * Finds the kind of each node, in an event or, where it is NULL, as far as it is
 * certain for all. -EINVAL and error where an operator has an operand that it
 * cannot have, or the event lacks a field, or the application (NULL: one without any) a context.
 */
int filter_kinds(const struct filter_program *program, const struct definition *event,
                 const struct filter_application *application, enum node_kind *kinds, struct filter_error *error);

/* Of one context; 0 where there is none of this name. */
static inline unsigned filter_application_type(const struct filter_application *application, const char *name) {
        return application ? application->type(name, application->userdata) : 0;
}

/* The number of the event's field that has this name, or -1. */
int filter_find_field(const struct definition *event, const char *name);
