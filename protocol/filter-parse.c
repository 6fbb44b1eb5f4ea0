/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "protocol/context.h"
#include "protocol/filter-internal.h"

struct parser {
        const char *text;
        size_t at; /* after token */
        struct token token; /* the next one */
        unsigned nesting;
        struct filter_program *program;
        struct filter_error *error;
};

/* As in C. */
static const uint8_t precedences[_FILTER_OP_MAX] = {
        [FILTER_JUMP_TRUE] = 1, [FILTER_JUMP_FALSE] = 2, [FILTER_OR] = 3,         [FILTER_XOR] = 4,
        [FILTER_AND] = 5,       [FILTER_EQ] = 6,         [FILTER_NE] = 6,         [FILTER_LT] = 7,
        [FILTER_LE] = 7,        [FILTER_GT] = 7,         [FILTER_GE] = 7,         [FILTER_SHIFT_LEFT] = 8,
        [FILTER_SHIFT_RIGHT] = 8,
};

static int advance(struct parser *p) {
        return filter_lex(p->text, &p->at, p->program, &p->token, p->error);
}

/* Its number, or -EINVAL. */
static int add_node(struct parser *p, const struct filter_node *node) {
        if (p->program->n_nodes == FILTER_NODES_MAX)
                return filter_fail(p->error, node->position,
                                   "The expression has more than %i values and operators; write two rules.",
                                   FILTER_NODES_MAX);
        p->program->nodes[p->program->n_nodes] = *node;
        return (int) p->program->n_nodes++;
}

static int parse_binary(struct parser *p, unsigned least);

static int parse_parenthesis(struct parser *p) {
        size_t opened = p->token.node.position;
        int r, node;

        r = advance(p);
        if (r < 0)
                return r;
        node = parse_binary(p, 1);
        if (node < 0)
                return node;
        if (p->token.type == TOKEN_END)
                return filter_fail(p->error, opened, "This parenthesis is not closed.");
        if (p->token.type != TOKEN_CLOSE)
                return filter_fail(p->error, p->token.node.position,
                                   "An operator such as == or && or a closing parenthesis is missing here.");
        r = advance(p);
        return r < 0 ? r : node;
}

static int parse_value(struct parser *p);

static int parse_sign(struct parser *p, uint8_t op) {
        struct filter_node node = { .op = op, .position = p->token.node.position };
        int r;

        r = advance(p);
        if (r < 0)
                return r;
        r = parse_value(p);
        if (r < 0)
                return r;
        if (op == 0) /* + */
                return r;
        node.left = (uint16_t) r;
        return add_node(p, &node);
}

static int parse_nested(struct parser *p) {
        switch (p->token.type) {
        case TOKEN_OPEN:
                return parse_parenthesis(p);
        case TOKEN_NOT:
                return parse_sign(p, FILTER_NOT);
        case TOKEN_INVERT:
                return parse_sign(p, FILTER_INVERT);
        case TOKEN_MINUS:
                return parse_sign(p, FILTER_NEGATE);
        case TOKEN_PLUS:
                return parse_sign(p, 0);
        default:
                return filter_fail(p->error, p->token.node.position,
                                   "A field, a number, a string or a context is missing here.");
        }
}

static int parse_value(struct parser *p) {
        int r, node;

        if (p->token.type == TOKEN_VALUE) {
                node = add_node(p, &p->token.node);
                if (node < 0)
                        return node;
                r = advance(p);
                return r < 0 ? r : node;
        }
        if (p->nesting == FILTER_NESTING_MAX)
                return filter_fail(p->error, p->token.node.position,
                                   "There are more than %i parentheses and signs inside each other.",
                                   FILTER_NESTING_MAX);
        p->nesting++;
        node = parse_nested(p);
        p->nesting--;
        return node;
}

/* Operators that bind at least this strongly; of equal ones the left one first. */
static int parse_binary(struct parser *p, unsigned least) {
        int left, right, r;

        left = parse_value(p);
        while (left >= 0) {
                struct filter_node node = p->token.node;

                if (p->token.type == TOKEN_MINUS || p->token.type == TOKEN_PLUS)
                        return filter_fail(p->error, node.position, "There is no arithmetic in filters.");
                if (p->token.type != TOKEN_OPERATOR || precedences[node.op] < least)
                        break;
                r = advance(p);
                if (r < 0)
                        return r;
                right = parse_binary(p, precedences[node.op] + 1u);
                if (right < 0)
                        return right;
                node.left = (uint16_t) left;
                node.right = (uint16_t) right;
                left = add_node(p, &node);
        }
        return left;
}

/* How much of the stack each node needs; a right side stands on top of the left one, but not of && and ||. */
static int check_depth(const struct filter_program *program, struct filter_error *error) {
        unsigned depths[FILTER_NODES_MAX];

        for (unsigned i = 0; i < program->n_nodes; i++) {
                const struct filter_node *node = &program->nodes[i];
                unsigned depth = 1;

                if (node->op == FILTER_NOT || node->op == FILTER_INVERT || node->op == FILTER_NEGATE)
                        depth = depths[node->left];
                else if (precedences[node->op]) {
                        bool logic = node->op == FILTER_JUMP_FALSE || node->op == FILTER_JUMP_TRUE;
                        unsigned right = depths[node->right] + !logic;

                        depth = depths[node->left] > right ? depths[node->left] : right;
                }
                if (depth > FILTER_STACK_MAX)
                        return filter_fail(error, node->position,
                                           "The expression is nested too deeply; put its simple parts on the right.");
                depths[i] = depth;
        }
        return 0;
}

/* They have to fit into a bound filter. */
static int check_applications(const struct filter_program *program, struct filter_error *error) {
        struct context_set set = { 0 };

        for (unsigned i = 0; i < program->n_nodes; i++) {
                const struct filter_node *node = &program->nodes[i];

                if (node->op == FILTER_APPLICATION && context_set_add(&set, program->strings + node->string) < 0)
                        return filter_fail(error, node->position,
                                           "There are more than %i contexts of applications, or %i bytes of their names.",
                                           APP_CONTEXTS_MAX, APP_CONTEXTS_SIZE - 1);
        }
        return 0;
}

static int parse(struct parser *p) {
        enum node_kind kinds[FILTER_NODES_MAX];
        int r;

        if (strlen(p->text) > FILTER_TEXT_MAX)
                return filter_fail(p->error, FILTER_TEXT_MAX, "The expression has more than %i bytes.",
                                   FILTER_TEXT_MAX);
        r = advance(p);
        if (r < 0)
                return r;
        if (p->token.type == TOKEN_END)
                return filter_fail(p->error, 0, "The expression is empty.");
        r = parse_binary(p, 1);
        if (r < 0)
                return r;
        if (p->token.type == TOKEN_CLOSE)
                return filter_fail(p->error, p->token.node.position, "This parenthesis was never opened.");
        if (p->token.type != TOKEN_END)
                return filter_fail(p->error, p->token.node.position,
                                   "An operator such as == or && is missing here.");
        r = check_depth(p->program, p->error);
        if (r >= 0)
                r = check_applications(p->program, p->error);
        return r < 0 ? r : filter_kinds(p->program, NULL, NULL, kinds, p->error);
}

int filter_compile(const char *text, struct filter_program **ret, struct filter_error *error) {
        _cleanup_(filter_program_unrefp) struct filter_program *program = NULL;
        struct parser p = { .text = text, .error = error };
        int r;

        p.program = program = calloc(1, sizeof(*program));
        if (!program)
                return -ENOMEM;
        atomic_init(&program->refs, 1);
        r = parse(&p);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(program);
        return 0;
}

struct filter_program *filter_program_ref(struct filter_program *program) {
        atomic_fetch_add_explicit(&program->refs, 1, memory_order_relaxed);
        return program;
}

struct filter_program *filter_program_unref(struct filter_program *program) {
        /* Release what this thread read of it, acquire what the others did, before it is freed. */
        if (program && atomic_fetch_sub_explicit(&program->refs, 1, memory_order_acq_rel) == 1)
                free(program);
        return NULL;
}
