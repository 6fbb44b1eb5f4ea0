/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "protocol/context.h"
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
static inline bool push_field(struct machine *m, const struct filter_instruction *i) {
        struct filter_value *v = ++m->top;
        struct filter_piece piece;

        /* Where a string ends is not known beforehand: nothing in it but its beginning. */
        if (!m->input->piece(m->input, i->index, &piece) || i->value > (piece.terminated ? 0 : piece.size))
                return false;
        if (i->value > 0) { /* an empty piece may be NULL */
                piece.data += i->value;
                piece.size -= (uint32_t) i->value;
        }
        if (i->type >= DEFINITION_STRING) {
                v->kind = FILTER_KIND_STRING;
                v->terminated = piece.terminated || i->type == DEFINITION_STRING;
                v->length = piece.size;
                v->string = piece.data;
                return true;
        }
        return !piece.terminated && filter_load(i->type, piece.data, piece.size, v);
}

static inline void push_context(struct machine *m, const struct filter_instruction *i) {
        if (!m->contexts)
                m->contexts = m->input->contexts(m->input, m->code->contexts);
        filter_load_context(m->code->contexts, (uint32_t) i->value, m->contexts, ++m->top);
}

/* False where the filter ends, as of a field. */
static bool push_application(struct machine *m, const struct filter_instruction *i) {
        const char *data = m->input->application(m->input, i->index, i->type);
        struct filter_value *v = ++m->top;

        if (!data)
                return false;
        if (i->type != DEFINITION_STRING)
                return filter_load(i->type, data, sizeof(uint64_t), v);
        *v = (struct filter_value) {
                .kind = FILTER_KIND_STRING,
                .terminated = true,
                .length = APP_CONTEXT_VALUE_MAX,
                .string = data,
        };
        return true;
}

static inline void push_number(struct machine *m, enum filter_kind kind, uint64_t number) {
        m->top++;
        m->top->kind = kind;
        m->top->number = number;
}

static inline void set_integer(struct filter_value *v, uint64_t number) {
        v->kind = FILTER_KIND_SIGNED;
        v->number = number;
}

/* Steps in a variable of their own: a pointer to m would keep all of it in memory. */
static inline void compare_strings(struct machine *m, enum filter_op op, struct filter_value *a,
                                   const struct filter_value *b) {
        uint32_t steps = m->steps;

        set_integer(a, filter_same_string(a, b, &steps) == (op == FILTER_EQ));
        m->steps = steps;
}

static inline void match(struct machine *m, struct filter_value *v, uint64_t pattern) {
        uint32_t steps = m->steps;

        set_integer(v, filter_match(v, m->strings + (uint32_t) pattern, (uint32_t) (pattern >> 32), &steps));
        m->steps = steps;
}

static inline void compare(struct machine *m, enum filter_op op) {
        struct filter_value *b = m->top--, *a = m->top;

        if (a->kind == FILTER_KIND_UNSIGNED && b->kind == FILTER_KIND_SIGNED && (int64_t) b->number >= 0)
                /* A field and a constant, mostly. */
                set_integer(a, filter_compared(op, a->number < b->number ? -1 : a->number > b->number));
        else if (a->kind != FILTER_KIND_STRING)
                set_integer(a, filter_compared(op, filter_order(a, b)));
        else
                compare_strings(m, op, a, b);
}

static inline void operate(struct machine *m, const struct filter_instruction *i) {
        struct filter_value *v = m->top;

        switch (i->op) {
        case FILTER_MATCH:
                match(m, v, i->value);
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
                        push_number(&m, FILTER_KIND_SIGNED, i->value);
                        break;
                case FILTER_UNSIGNED:
                        push_number(&m, FILTER_KIND_UNSIGNED, i->value);
                        break;
                case FILTER_FLOAT:
                        push_number(&m, FILTER_KIND_FLOAT, i->value);
                        break;
                case FILTER_FIELD:
                        if (!push_field(&m, i))
                                return false;
                        break;
                case FILTER_CONTEXT:
                        push_context(&m, i);
                        break;
                case FILTER_APPLICATION:
                        if (!push_application(&m, i))
                                return false;
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
