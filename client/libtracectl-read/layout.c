/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <string.h>

#include "client/libtracectl-read/layout.h"
#include "client/libtracectl-read/metadata.h"

/* Constant arrays beyond this are left to the programs. */
#define FIXED_MAX (UINT64_C(1) << 20)

struct maker {
        tracectl_layout_field *fields;
        size_t n;
        const struct op *previous;
        struct layout *layout;
        bool has_pid, has_tid;
        bool is_variable; /* something before has no constant size */
        uint64_t fixed;   /* bytes, of all that has a constant size */
};

static bool is_native(const struct op *op) {
        return op->align_mask == 7 && (op->bits == 8 || op->is_big_endian == (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__));
}

static enum tracectl_field_type number_type(const struct op *op) {
        return op->is_float ? TRACECTL_FIELD_DOUBLE : op->is_signed ? TRACECTL_FIELD_SIGNED : TRACECTL_FIELD_UNSIGNED;
}

/* A process or a thread must be found without looking at anything else. */
static bool add_role(struct maker *maker, const struct op *op) {
        if (op->role == ROLE_NONE)
                return true;
        if ((op->role != ROLE_PID && op->role != ROLE_TID) || op->bits != 32 || maker->is_variable)
                return false;
        if (op->role == ROLE_PID) {
                maker->has_pid = true;
                maker->layout->pid_offset = (uint32_t) maker->fixed;
        } else {
                maker->has_tid = true;
                maker->layout->tid_offset = (uint32_t) maker->fixed;
        }
        return true;
}

static bool add_number(struct maker *maker, const struct op *op, tracectl_layout_field *field) {
        if (!is_native(op) || (op->is_float && op->bits != 32 && op->bits != 64) || !add_role(maker, op))
                return false;
        field->type = number_type(op);
        maker->fixed += field->size;
        return true;
}

static bool add_counted(struct maker *maker, const struct op *op, tracectl_layout_field *field) {
        bool is_text = op->code == OP_TEXT;

        if (op->role != ROLE_NONE || !is_native(op))
                return false;
        if (!is_text && op->bits != 8 && op->bits != 16 && op->bits != 32 && op->bits != 64)
                return false;
        if (op->is_float && op->bits != 32 && op->bits != 64)
                return false;
        field->type = is_text ? TRACECTL_FIELD_STRING : TRACECTL_FIELD_ARRAY;
        field->element = number_type(op);
        field->is_padded = op->is_padded;
        field->count = op->count;
        if (op->load == 0) {
                /* Many without a byte would be work without an end; the programs count it. */
                if (op->count > FIXED_MAX || op->count == 0)
                        return false;
                maker->fixed += op->count * field->size;
                return true;
        }
        if (!maker->previous || maker->previous->store != op->load || maker->previous->code > OP_U64)
                return false;
        field->count_size = maker->previous->bits / 8;
        maker->is_variable = true;
        return true;
}

static bool add_op(struct maker *maker, const struct op *op) {
        tracectl_layout_field *field = &maker->fields[maker->n];
        bool fits = true;

        field->name = op->name;
        field->name_size = op->name_size;
        field->labels = op->labels;
        field->base = op->base;
        field->size = op->bits / 8;
        field->is_length = op->is_length;
        switch (op->code) {
        case OP_U8 ... OP_S64:
        case OP_FLOAT:
                fits = add_number(maker, op, field);
                break;
        case OP_STRING:
                field->type = TRACECTL_FIELD_STRING;
                field->is_terminated = 1;
                maker->is_variable = true;
                fits = op->align_mask == 7;
                break;
        case OP_TEXT:
        case OP_NUMBERS:
                fits = add_counted(maker, op, field);
                break;
        default:
                return false;
        }
        maker->previous = op;
        maker->n++;
        return fits && maker->fixed <= FIXED_MAX;
}

static bool add_program(struct maker *maker, const struct program *program) {
        for (size_t i = 0; i < program->n_ops; i++) {
                const struct op *op = &program->ops[i];

                if (op->code == OP_END)
                        break;
                /* The first one, which only aligns. */
                if (op->code == OP_JUMP && i == 0 && op->align_mask <= 7)
                        continue;
                if (!add_op(maker, op))
                        return false;
        }
        maker->previous = NULL;
        return true;
}

int layout_make(struct metadata *metadata, const struct stream_class *stream, struct event_class *event) {
        const struct program *programs[] = { stream->event_context_program, event->context_program,
                                             event->fields_program };
        struct layout *layout = arena_alloc(&metadata->arena, sizeof(*layout));
        struct maker maker = { .layout = layout };
        size_t n = 0;

        for (unsigned i = 0; i < 3; i++)
                n += programs[i]->n_ops;
        maker.fields = arena_alloc(&metadata->arena, n * sizeof(*maker.fields));
        if (!layout || !maker.fields)
                return -ENOMEM;
        for (unsigned i = 0; i < 3; i++) {
                if (i == 2)
                        layout->fields.n_contexts = maker.n;
                if (!add_program(&maker, programs[i]))
                        return 0;
        }
        layout->fields.n_fields = maker.n;
        layout->fields.fields = maker.fields;
        layout->fields.size = (size_t) maker.fixed;
        layout->fields.is_variable = maker.is_variable;
        layout->has_thread = maker.has_pid && maker.has_tid;
        layout->has_tid = maker.has_tid;
        event->layout = layout;
        return 0;
}

size_t layout_field_size(const tracectl_layout_field *field, const uint8_t *p) {
        if (field->type < TRACECTL_FIELD_STRING)
                return field->size;
        if (field->is_terminated)
                return strlen((const char *) p) + 1;
        if (field->count_size == 0)
                return (size_t) field->count * field->size;
        return (size_t) layout_load(p - field->count_size, field->count_size) * field->size;
}

/* Where the field ends, or NULL if that is not before limit. wanted is how far it goes at least, from p on. */
static const uint8_t *pass_field(const tracectl_layout_field *field, const uint8_t *p, const uint8_t *limit,
                                 uint64_t *wanted) {
        uint64_t count = 1;

        if (field->is_terminated) {
                const uint8_t *end = memchr(p, '\0', (size_t) (limit - p));

                *wanted = (uint64_t) (limit - p) + 1;
                return end ? end + 1 : NULL;
        }
        if (field->type >= TRACECTL_FIELD_STRING)
                count = field->count_size > 0 ? layout_load(p - field->count_size, field->count_size) : field->count;
        if (__builtin_mul_overflow(count, (uint64_t) field->size, wanted))
                *wanted = UINT64_MAX;
        return *wanted <= (uint64_t) (limit - p) ? p + *wanted : NULL;
}

int layout_measure(const struct layout *layout, const uint8_t *data, size_t size, uint64_t room, size_t *ret) {
        const tracectl_layout_field *field = layout->fields.fields, *end = field + layout->fields.n_fields;
        const uint8_t *p = data, *limit = data + size;
        uint64_t wanted;

        if (layout->fields.size > size)
                return layout->fields.size > room ? -EBADMSG : -EAGAIN;
        if (!layout->fields.is_variable) {
                *ret = layout->fields.size;
                return 0;
        }
        for (; field < end; field++) {
                const uint8_t *next = pass_field(field, p, limit, &wanted);

                if (!next)
                        return wanted > room - (uint64_t) (p - data) ? -EBADMSG : -EAGAIN;
                p = next;
        }
        *ret = (size_t) (p - data);
        return 0;
}
