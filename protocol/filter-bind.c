/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <string.h>

#include "protocol/context.h"
#include "protocol/filter-internal.h"

/* The buffer: header, instructions so far, free room, strings so far at the place where all of them end at its end. */
struct writer {
        const struct filter_program *program;
        const struct definition *event;
        const struct filter_application *application;
        enum node_kind kinds[FILTER_NODES_MAX]; /* of the program */
        struct filter_instruction *instructions;
        unsigned n, n_max;
        char *strings;
        uint32_t strings_size;
        uint32_t contexts;
        struct context_set applications; /* the names of those that are needed */
        bool full;
};

static struct filter_instruction *emit(struct writer *w, enum filter_op op, uint64_t value) {
        static struct filter_instruction nowhere; /* written to, never read */

        if (w->n == w->n_max) {
                w->full = true;
                return &nowhere;
        }
        w->instructions[w->n] = (struct filter_instruction) { .op = (uint8_t) op, .value = value };
        return &w->instructions[w->n++];
}

static bool event_is_fixed(const struct definition *event) {
        for (unsigned i = 0; i < event->n_fields; i++)
                if (event->fields[i].type == DEFINITION_STRING || definition_type_is_sequence(event->fields[i].type))
                        return false;
        return true;
}

static void emit_field(struct writer *w, const struct filter_node *node) {
        const struct definition *event = w->event;
        int field = filter_find_field(event, w->program->strings + node->string);
        bool fixed = event_is_fixed(event);
        unsigned piece = 0, offset = 0;
        struct filter_instruction *instruction;

        for (int i = 0; i < field; i++) {
                piece += definition_type_is_sequence(event->fields[i].type) ? 2 : 1;
                offset += definition_type_size(event->fields[i].type);
        }
        /* Of a sequence, the elements: after the count. */
        piece += definition_type_is_sequence(event->fields[field].type);
        instruction = emit(w, FILTER_FIELD, fixed ? offset : 0);
        instruction->type = (uint8_t) event->fields[field].type;
        instruction->index = (uint16_t) (fixed ? 0 : piece);
}

/* The place of a name that the list has. */
static unsigned find_name(const char *list, const char *wanted) {
        const char *name;
        size_t length;
        unsigned i = 0;

        for (; (name = app_contexts_next(&list, &length)); i++)
                if (strlen(wanted) == length && memcmp(name, wanted, length) == 0)
                        break;
        return i;
}

static void emit_application(struct writer *w, const struct filter_node *node) {
        const char *name = w->program->strings + node->string;
        struct filter_instruction *instruction;

        if (context_set_add(&w->applications, name) < 0) {
                w->full = true;
                return;
        }
        instruction = emit(w, FILTER_APPLICATION, 0);
        instruction->type = (uint8_t) filter_application_type(w->application, name);
        instruction->index = (uint16_t) find_name(w->applications.app, name + strlen("app:"));
}

static void emit_match(struct writer *w, const struct filter_node *constant, bool equal) {
        memcpy(w->strings + w->strings_size, w->program->strings + constant->string, constant->length);
        (void) emit(w, FILTER_MATCH, w->strings_size | (uint64_t) constant->length << 32);
        w->strings_size += constant->length;
        if (!equal)
                (void) emit(w, FILTER_NOT, 0);
}

static bool is_boolean(enum filter_op op) {
        return op == FILTER_NOT || (op >= FILTER_EQ && op <= FILTER_JUMP_TRUE);
}

static void emit_node(struct writer *w, unsigned number);

/* As 0 or 1. */
static void emit_boolean(struct writer *w, unsigned number) {
        emit_node(w, number);
        if (!is_boolean(w->program->nodes[number].op))
                (void) emit(w, FILTER_BOOL, 0);
}

static void emit_logic(struct writer *w, const struct filter_node *node) {
        struct filter_instruction *jump;

        emit_boolean(w, node->left);
        jump = emit(w, node->op, 0);
        emit_boolean(w, node->right);
        jump->value = w->n;
}

static void emit_binary(struct writer *w, const struct filter_node *node) {
        const struct filter_node *left = &w->program->nodes[node->left], *right = &w->program->nodes[node->right];

        if (left->op == FILTER_MATCH || right->op == FILTER_MATCH) {
                emit_node(w, left->op == FILTER_MATCH ? node->right : node->left);
                emit_match(w, left->op == FILTER_MATCH ? left : right, node->op == FILTER_EQ);
                return;
        }
        emit_node(w, node->left);
        emit_node(w, node->right);
        (void) emit(w, node->op, 0);
}

static void emit_node(struct writer *w, unsigned number) {
        const struct filter_node *node = &w->program->nodes[number];

        switch (node->op) {
        case FILTER_SIGNED:
        case FILTER_UNSIGNED:
        case FILTER_FLOAT:
                (void) emit(w, node->op, node->value);
                break;
        case FILTER_FIELD:
                emit_field(w, node);
                break;
        case FILTER_CONTEXT:
                w->contexts |= (uint32_t) node->value;
                (void) emit(w, node->op, node->value);
                break;
        case FILTER_APPLICATION:
                emit_application(w, node);
                break;
        case FILTER_NOT:
                emit_node(w, node->left);
                if (w->kinds[node->left] == NODE_NUMBER)
                        (void) emit(w, FILTER_BOOL, 0);
                (void) emit(w, FILTER_NOT, 0);
                break;
        case FILTER_NEGATE:
        case FILTER_INVERT:
                emit_node(w, node->left);
                (void) emit(w, node->op, 0);
                break;
        case FILTER_JUMP_FALSE:
        case FILTER_JUMP_TRUE:
                emit_logic(w, node);
                break;
        default:
                emit_binary(w, node);
        }
}

/* At most: names may be needed more than once. */
static size_t measure_strings(const struct filter_program *program) {
        size_t size = 0;

        for (unsigned i = 0; i < program->n_nodes; i++)
                if (program->nodes[i].op == FILTER_MATCH)
                        size += program->nodes[i].length;
                else if (program->nodes[i].op == FILTER_APPLICATION)
                        size += program->nodes[i].length + 1;
        return size;
}

/* Behind all other strings. */
static uint32_t put_names(struct writer *w) {
        uint32_t size = w->applications.bits ? (uint32_t) strlen(w->applications.app) + 1 : 0;

        memcpy(w->strings + w->strings_size, w->applications.app, size);
        w->strings_size += size;
        return size;
}

/* Adds a program, if any record of the event could pass it. */
static void write_program(struct writer *w, const struct filter_program *program) {
        unsigned whole = program->n_nodes - 1;
        struct filter_error error;

        w->program = program;
        if (filter_kinds(program, w->event, w->application, w->kinds, &error) < 0)
                return;
        emit_node(w, whole);
        if (w->kinds[whole] == NODE_NUMBER)
                (void) emit(w, FILTER_BOOL, 0);
        (void) emit(w, FILTER_PASS, 0);
}

int filter_bind(struct filter_program *const *programs, size_t n, const struct definition *event,
                const struct filter_application *application, void *buffer, size_t size, size_t *ret_size) {
        struct filter_code *code = buffer;
        struct writer w = {
                .event = event,
                .application = application,
                .instructions = (struct filter_instruction *) (code + 1),
        };
        uint32_t app_size;
        size_t strings = 0, room, total;

        for (size_t i = 0; i < n; i++)
                strings += measure_strings(programs[i]);
        if (strings > FILTER_STRINGS_MAX || sizeof(*code) + strings > size)
                return -E2BIG;
        w.strings = (char *) buffer + size - strings;
        room = (size - strings - sizeof(*code)) / sizeof(struct filter_instruction);
        w.n_max = room < FILTER_INSTRUCTIONS_MAX ? (unsigned) room : FILTER_INSTRUCTIONS_MAX;
        for (size_t i = 0; i < n; i++)
                write_program(&w, programs[i]);
        if (w.n == 0 && !w.full)
                return 0;
        app_size = put_names(&w);
        total = (sizeof(*code) + w.n * sizeof(struct filter_instruction) + w.strings_size + LATER_SIZE + 7) & ~(size_t) 7;
        if (w.full || total > size)
                return -E2BIG;
        *code = (struct filter_code) {
                .major = FILTER_CODE_MAJOR,
                .minor = FILTER_CODE_MINOR,
                .size = (uint32_t) total,
                .n_instructions = w.n,
                .strings_size = w.strings_size,
                .contexts = w.contexts,
                .app_size = app_size,
        };
        memmove(&w.instructions[w.n], w.strings, w.strings_size);
        memset((char *) &w.instructions[w.n] + w.strings_size, 0,
               total - (sizeof(*code) + w.n * sizeof(struct filter_instruction) + w.strings_size));
        *ret_size = total;
        return 1;
}
