/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "protocol/filter-value.h"

/* filter_check() has made sure that the stack suffices and that each operator finds what it can work with. */
struct machine {
        const struct filter_code *code;
        struct filter_input *input;
        const char *strings;
        const char *contexts; /* once one was asked for */
        struct filter_value *top; /* the stack's highest, or the place below its first */
        uint32_t steps;
};

/* False where the filter ends without passing: the event has not what it was made for. */
static bool push_field(struct machine *m, const struct filter_instruction *i) {
        struct filter_value *v = m->top + 1;
        struct filter_piece piece;

        /* Where a string ends is not known beforehand: nothing in it but its beginning. */
        if (!m->input->piece(m->input, i->index, &piece) || i->value > (piece.terminated ? 0 : piece.size) ||
            !filter_field_kind(i->type, &v->kind))
                return false;
        piece.data += i->value;
        piece.size -= (uint32_t) i->value;
        if (v->kind == FILTER_KIND_STRING) {
                v->terminated = piece.terminated || i->type == DEFINITION_STRING;
                v->length = piece.size;
                v->string = piece.data;
        } else if (piece.terminated || !filter_load(i->type, piece.data, piece.size, v))
                return false;
        m->top = v;
        return true;
}

static void push_context(struct machine *m, const struct filter_instruction *i) {
        if (!m->contexts)
                m->contexts = m->input->contexts(m->input, m->code->contexts);
        filter_load_context(m->code->contexts, (uint32_t) i->value, m->contexts, ++m->top);
}

static void set_integer(struct filter_value *v, uint64_t number) {
        v->kind = FILTER_KIND_SIGNED;
        v->number = number;
}

static void compare(struct machine *m, enum filter_op op) {
        struct filter_value *b = m->top--, *a = m->top;

        if (a->kind != FILTER_KIND_STRING)
                set_integer(a, filter_compare(op, a, b));
        else
                set_integer(a, filter_same_string(a, b, &m->steps) == (op == FILTER_EQ));
}

static void operate(struct machine *m, const struct filter_instruction *i) {
        struct filter_value *v = m->top;

        switch (i->op) {
        case FILTER_MATCH:
                set_integer(v, filter_match(v, m->strings + (uint32_t) i->value, (uint32_t) (i->value >> 32),
                                            &m->steps));
                break;
        case FILTER_NOT:
                set_integer(v, v->number == 0);
                break;
        case FILTER_BOOL:
                set_integer(v, filter_is_true(v));
                break;
        case FILTER_NEGATE:
        case FILTER_INVERT:
                filter_unary(i->op, v);
                break;
        case FILTER_AND ... FILTER_SHIFT_RIGHT:
                m->top--;
                filter_bits(i->op, v - 1, v);
                break;
        default:
                compare(m, i->op);
        }
}

static void push_number(struct machine *m, const struct filter_instruction *i) {
        enum filter_kind kind = i->op == FILTER_SIGNED ? FILTER_KIND_SIGNED
                              : i->op == FILTER_UNSIGNED ? FILTER_KIND_UNSIGNED : FILTER_KIND_FLOAT;

        *++m->top = (struct filter_value) { .kind = kind, .number = i->value };
}

bool filter_run(const struct filter_code *code, struct filter_input *input) {
        const struct filter_instruction *instructions = (const struct filter_instruction *) (code + 1);
        struct filter_value stack[FILTER_STACK_MAX + 1]; /* the first is below the bottom */
        struct machine m = {
                .code = code,
                .input = input,
                .strings = (const char *) (instructions + code->n_instructions),
                .top = stack,
                .steps = FILTER_STEPS_MAX,
        };

        for (uint32_t at = 0; at < code->n_instructions; at++) {
                const struct filter_instruction *i = &instructions[at];

                switch (i->op) {
                case FILTER_SIGNED:
                case FILTER_UNSIGNED:
                case FILTER_FLOAT:
                        push_number(&m, i);
                        break;
                case FILTER_FIELD:
                        if (!push_field(&m, i))
                                return false;
                        break;
                case FILTER_CONTEXT:
                        push_context(&m, i);
                        break;
                case FILTER_JUMP_FALSE:
                case FILTER_JUMP_TRUE:
                        if ((m.top->number != 0) == (i->op == FILTER_JUMP_TRUE))
                                at = (uint32_t) i->value - 1;
                        else
                                m.top--;
                        break;
                case FILTER_PASS:
                        if ((m.top--)->number != 0)
                                return true;
                        break;
                default:
                        operate(&m, i);
                }
                if (m.steps == 0)
                        return false;
        }
        return false;
}
