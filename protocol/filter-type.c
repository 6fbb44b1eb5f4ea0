/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <string.h>

#include "protocol/filter-internal.h"
#include "protocol/filter-value.h"

static enum node_kind node_kind(enum filter_kind kind) {
        return kind == FILTER_KIND_STRING ? NODE_STRING : kind == FILTER_KIND_FLOAT ? NODE_NUMBER : NODE_INTEGER;
}

static enum node_kind context_kind(uint64_t context) {
        enum filter_kind kind = FILTER_KIND_SIGNED;

        (void) filter_context_kind(context, &kind); /* the lexer found it, so it is known */
        return node_kind(kind);
}

int filter_find_field(const struct definition *event, const char *name) {
        for (int i = 0; i < event->n_fields; i++)
                if (strcmp(event->fields[i].name, name) == 0)
                        return i;
        return -1;
}

static int field_kind(const struct filter_program *program, const struct filter_node *node,
                      const struct definition *event, enum node_kind *ret, struct filter_error *error) {
        const char *name = program->strings + node->string;
        enum filter_kind kind;
        int i;

        *ret = NODE_UNKNOWN;
        if (!event)
                return 0;
        i = filter_find_field(event, name);
        if (i < 0 || !filter_field_kind(event->fields[i].type, &kind))
                return filter_fail(error, node->position, "The event has no field '%.64s' that can be compared.", name);
        *ret = node_kind(kind);
        return 0;
}

static int application_kind(const struct filter_program *program, const struct filter_node *node,
                            const struct definition *event, const struct filter_application *application,
                            enum node_kind *ret, struct filter_error *error) {
        const char *name = program->strings + node->string;
        enum filter_kind kind;

        *ret = NODE_UNKNOWN;
        if (!event)
                return 0;
        if (!filter_field_kind(filter_application_type(application, name), &kind))
                return filter_fail(error, node->position, "The application has no context '%.64s'.", name);
        *ret = node_kind(kind);
        return 0;
}

static int compare_kind(const struct filter_program *program, const struct filter_node *node, enum node_kind left,
                        enum node_kind right, struct filter_error *error) {
        bool equality = node->op == FILTER_EQ || node->op == FILTER_NE;

        if ((left == NODE_STRING || right == NODE_STRING) && !equality)
                return filter_fail(error, node->position, "Strings can only be compared with == and !=.");
        if (left != NODE_UNKNOWN && right != NODE_UNKNOWN && (left == NODE_STRING) != (right == NODE_STRING))
                return filter_fail(error, node->position, "A string is compared with a number.");
        if (program->nodes[node->left].op == FILTER_MATCH && program->nodes[node->right].op == FILTER_MATCH)
                return filter_fail(error, node->position,
                                   "Two constant strings are compared; one side must be a field.");
        return 0;
}

/* An operator's operands, and what comes out. */
static int operator_kind(const struct filter_program *program, const struct filter_node *node,
                         const enum node_kind *kinds, enum node_kind *ret, struct filter_error *error) {
        enum node_kind left = kinds[node->left], right = kinds[node->right];

        *ret = NODE_INTEGER;
        switch (node->op) {
        case FILTER_NOT:
        case FILTER_NEGATE:
                right = left;
                if (node->op == FILTER_NEGATE)
                        *ret = left;
                break;
        case FILTER_JUMP_FALSE:
        case FILTER_JUMP_TRUE:
                break;
        case FILTER_INVERT:
                right = left;
                __attribute__((fallthrough));
        case FILTER_AND ... FILTER_SHIFT_RIGHT:
                if (left == NODE_NUMBER || right == NODE_NUMBER)
                        return filter_fail(error, node->position, "Bit operations are for integers.");
                break;
        default:
                return compare_kind(program, node, left, right, error);
        }
        if (left == NODE_STRING || right == NODE_STRING)
                return filter_fail(error, node->position, "Strings can only be compared with == and !=.");
        return 0;
}

int filter_kinds(const struct filter_program *program, const struct definition *event,
                 const struct filter_application *application, enum node_kind *kinds, struct filter_error *error) {
        const struct filter_node *whole = &program->nodes[program->n_nodes - 1];
        int r = 0;

        for (unsigned i = 0; i < program->n_nodes && r >= 0; i++) {
                const struct filter_node *node = &program->nodes[i];

                switch (node->op) {
                case FILTER_SIGNED:
                case FILTER_UNSIGNED:
                        kinds[i] = NODE_INTEGER;
                        break;
                case FILTER_FLOAT:
                        kinds[i] = NODE_NUMBER;
                        break;
                case FILTER_MATCH:
                        kinds[i] = NODE_STRING;
                        break;
                case FILTER_CONTEXT:
                        kinds[i] = context_kind(node->value);
                        break;
                case FILTER_FIELD:
                        r = field_kind(program, node, event, &kinds[i], error);
                        break;
                case FILTER_APPLICATION:
                        r = application_kind(program, node, event, application, &kinds[i], error);
                        break;
                default:
                        r = operator_kind(program, node, kinds, &kinds[i], error);
                }
        }
        if (r >= 0 && kinds[program->n_nodes - 1] == NODE_STRING)
                r = filter_fail(error, whole->position, "A string is no condition; compare it with == or !=.");
        return r;
}
