/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <string.h>

#include "protocol/context.h"
#include "protocol/filter-value.h"

/*
 * What is on the stack before an instruction: two bits of each place, the lowest
 * those of the bottom, 0 where there is nothing (so the depth is in it too).
 */
typedef uint32_t stack_state;

enum slot {
        SLOT_NONE = 0,
        SLOT_INTEGER = 1,
        SLOT_FLOAT = 2,
        SLOT_STRING = 3,
};

_Static_assert(FILTER_STACK_MAX * 2 <= 32, "the stack's state fits into a word");

struct checker {
        const struct filter_code *code;
        const struct filter_instruction *instructions;
        const char *strings;
        stack_state stack;
        unsigned n_apps; /* names of the application's contexts */
        bool bad;
        /* Before instructions that are jumped to; 0 elsewhere, since a jump leaves something on the stack. */
        stack_state expected[FILTER_INSTRUCTIONS_MAX];
};

static unsigned depth(stack_state stack) {
        return stack ? (unsigned) (32 - __builtin_clz(stack) + 1) / 2 : 0;
}

static void push(struct checker *c, enum slot slot) {
        unsigned d = depth(c->stack);

        if (d == FILTER_STACK_MAX)
                c->bad = true;
        else
                c->stack |= (stack_state) slot << 2 * d;
}

static enum slot pop(struct checker *c) {
        unsigned d = depth(c->stack);
        enum slot slot;

        if (d == 0) {
                c->bad = true;
                return SLOT_NONE;
        }
        slot = c->stack >> 2 * (d - 1) & 3;
        c->stack &= ~((stack_state) 3 << 2 * (d - 1));
        return slot;
}

static void pop_integer(struct checker *c) {
        c->bad |= pop(c) != SLOT_INTEGER;
}

static enum slot pop_number(struct checker *c) {
        enum slot slot = pop(c);

        c->bad |= slot == SLOT_STRING;
        return slot;
}

static enum slot slot_of(enum filter_kind kind) {
        return kind == FILTER_KIND_STRING ? SLOT_STRING : kind == FILTER_KIND_FLOAT ? SLOT_FLOAT : SLOT_INTEGER;
}

static void check_field(struct checker *c, const struct filter_instruction *i) {
        enum filter_kind kind;

        if (!filter_field_kind(i->type, &kind) || i->value > UINT32_MAX)
                c->bad = true;
        else
                push(c, slot_of(kind));
}

static void check_context(struct checker *c, const struct filter_instruction *i) {
        enum filter_kind kind;

        if (!filter_context_kind(i->value, &kind) || (i->value & ~(uint64_t) c->code->contexts))
                c->bad = true;
        else
                push(c, slot_of(kind));
}

static void check_application(struct checker *c, const struct filter_instruction *i) {
        enum filter_kind kind;

        if (!definition_type_is_context(i->type) || !filter_field_kind(i->type, &kind) || i->index >= c->n_apps ||
            i->value != 0)
                c->bad = true;
        else
                push(c, slot_of(kind));
}

/* How many names of the application's contexts there are; -EBADMSG where they are none. */
static int count_apps(const struct filter_code *code, const char *strings) {
        char app[APP_CONTEXTS_SIZE] = "";
        const char *list = app;
        size_t length;
        int n = 0;

        if (code->app_size == 0)
                return 0;
        if (code->app_size > sizeof(app) || code->app_size > code->strings_size)
                return -EBADMSG;
        memcpy(app, strings + code->strings_size - code->app_size, code->app_size);
        if (app[code->app_size - 1] != '\0' || strlen(app) != code->app_size - 1 ||
            !context_set_is_valid(CONTEXT_APPLICATION, app))
                return -EBADMSG;
        while (app_contexts_next(&list, &length))
                n++;
        return n;
}

/* Inside the strings, no backslash without a character. */
static void check_match(struct checker *c, const struct filter_instruction *i) {
        uint64_t offset = (uint32_t) i->value, length = i->value >> 32;

        c->bad |= pop(c) != SLOT_STRING;
        push(c, SLOT_INTEGER);
        if (offset + length > c->code->strings_size) {
                c->bad = true;
                return;
        }
        for (uint64_t k = offset; k < offset + length; k++)
                if (c->strings[k] == '\\' && ++k == offset + length)
                        c->bad = true;
}

static void check_jump(struct checker *c, const struct filter_instruction *i, unsigned number) {
        stack_state kept = c->stack;

        pop_integer(c);
        /* After the last instruction there is nothing to keep it for. */
        if (c->bad || i->value <= number || i->value >= c->code->n_instructions) {
                c->bad = true;
                return;
        }
        c->bad |= c->expected[i->value] && c->expected[i->value] != kept;
        c->expected[i->value] = kept;
}

static void check_operator(struct checker *c, const struct filter_instruction *i) {
        enum slot slot;

        switch (i->op) {
        case FILTER_NOT:
        case FILTER_INVERT:
                pop_integer(c);
                break;
        case FILTER_BOOL:
                (void) pop_number(c);
                break;
        case FILTER_NEGATE:
                push(c, pop_number(c));
                return;
        case FILTER_AND ... FILTER_SHIFT_RIGHT:
                pop_integer(c);
                pop_integer(c);
                break;
        case FILTER_EQ:
        case FILTER_NE:
                slot = pop(c);
                c->bad |= (slot == SLOT_STRING) != (pop(c) == SLOT_STRING);
                break;
        default:
                (void) pop_number(c);
                (void) pop_number(c);
        }
        push(c, SLOT_INTEGER);
}

static void check_instruction(struct checker *c, unsigned number) {
        const struct filter_instruction *i = &c->instructions[number];

        c->bad |= i->reserved != 0;
        switch (i->op) {
        case FILTER_SIGNED:
        case FILTER_UNSIGNED:
                push(c, SLOT_INTEGER);
                break;
        case FILTER_FLOAT:
                push(c, SLOT_FLOAT);
                break;
        case FILTER_FIELD:
                check_field(c, i);
                break;
        case FILTER_CONTEXT:
                check_context(c, i);
                break;
        case FILTER_APPLICATION:
                check_application(c, i);
                break;
        case FILTER_MATCH:
                check_match(c, i);
                break;
        case FILTER_NOT ... FILTER_GE:
                check_operator(c, i);
                break;
        case FILTER_JUMP_FALSE:
        case FILTER_JUMP_TRUE:
                check_jump(c, i, number);
                break;
        case FILTER_PASS:
                pop_integer(c);
                c->bad |= c->stack != 0;
                break;
        default:
                c->bad = true;
        }
}

int filter_check(const void *data, size_t size) {
        const struct filter_code *code = data;
        struct checker c;
        uint64_t need;
        int n_apps;

        if (size < sizeof(*code))
                return -EBADMSG;
        if (code->major != FILTER_CODE_MAJOR)
                return -EPROTONOSUPPORT;
        need = sizeof(*code) + (uint64_t) code->n_instructions * sizeof(struct filter_instruction) + code->strings_size;
        if (code->size != size || size % 8 || need > size || code->n_instructions > FILTER_INSTRUCTIONS_MAX ||
            code->strings_size > FILTER_STRINGS_MAX || (code->contexts & ~(uint32_t) CONTEXTS_ALL))
                return -EBADMSG;
        c.code = code;
        c.instructions = (const struct filter_instruction *) (code + 1);
        c.strings = (const char *) (c.instructions + code->n_instructions);
        n_apps = count_apps(code, c.strings);
        if (n_apps < 0)
                return n_apps;
        c.n_apps = (unsigned) n_apps;
        c.stack = 0;
        c.bad = false;
        memset(c.expected, 0, code->n_instructions * sizeof(c.expected[0]));
        for (unsigned i = 0; i < code->n_instructions && !c.bad; i++) {
                if (c.expected[i] && c.expected[i] != c.stack)
                        return -EBADMSG;
                check_instruction(&c, i);
        }
        return c.bad || c.stack ? -EBADMSG : 0;
}
