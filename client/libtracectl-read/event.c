/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <string.h>

#include "client/libtracectl-read/bits.h"
#include "client/libtracectl-read/event.h"
#include "client/libtracectl-read/export.h"

_public_ const char *tracectl_reader_event_get_name(const tracectl_reader_event *event) {
        return event->record->class->name;
}

_public_ int64_t tracectl_reader_event_get_time(const tracectl_reader_event *event) {
        return event->record->ns;
}

_public_ uint64_t tracectl_reader_event_get_ticks(const tracectl_reader_event *event) {
        return event->record->ticks;
}

_public_ uint64_t tracectl_reader_event_get_clock_frequency(const tracectl_reader_event *event) {
        return event->record->class->clock ? event->record->class->clock->frequency : 0;
}

_public_ const char *tracectl_reader_event_get_clock_name(const tracectl_reader_event *event) {
        return event->record->class->clock ? event->record->class->clock->name : NULL;
}

_public_ const char *tracectl_reader_event_get_machine(const tracectl_reader_event *event) {
        return event->record->class->machine;
}

_public_ uint64_t tracectl_reader_event_get_clock_error(const tracectl_reader_event *event) {
        const struct clock *clock = event->record->class->clock;

        if (!clock)
                return 0;
        /* Rounded up. */
        return (uint64_t) (((unsigned __int128) clock->precision * clock->multiplier +
                            ((unsigned __int128) 1 << clock->shift) - 1) >> clock->shift);
}

_public_ int tracectl_reader_event_get_thread(const tracectl_reader_event *event, int32_t *ret_pid, int32_t *ret_tid) {
        if (!event->record->has_thread)
                return 0;
        *ret_pid = event->record->pid;
        *ret_tid = event->record->tid;
        return 1;
}

_public_ int tracectl_reader_event_get_cpu(const tracectl_reader_event *event) {
        return event->record->cpu;
}

_public_ int tracectl_reader_event_get_loglevel(const tracectl_reader_event *event) {
        return event->record->class->loglevel;
}

_public_ const char *tracectl_reader_event_get_stream(const tracectl_reader_event *event) {
        return event->record->path;
}

_public_ unsigned tracectl_reader_event_get_kind(const tracectl_reader_event *event) {
        return event->record->class->kind;
}

_public_ const tracectl_layout *tracectl_reader_event_get_layout(const tracectl_reader_event *event) {
        return event->record->has_slots ? NULL : &event->record->class->layout->fields;
}

_public_ const void *tracectl_reader_event_get_bytes(const tracectl_reader_event *event) {
        return event->record->has_slots ? NULL : event->record->bytes;
}

static void rewind_layout(tracectl_reader_event *event, bool is_context) {
        const tracectl_layout *layout = &event->record->class->layout->fields;

        event->next = 0;
        event->byte = event->record->bytes;
        event->end = is_context ? layout->n_contexts : layout->n_fields;
        for (; !is_context && event->next < layout->n_contexts; event->next++)
                event->byte += layout_field_size(&layout->fields[event->next], event->byte);
}

_public_ void tracectl_reader_event_rewind(tracectl_reader_event *event, enum tracectl_field_scope scope) {
        bool is_context = scope == TRACECTL_SCOPE_CONTEXT;

        event->array = NULL;
        event->list = NULL;
        if (!event->record->has_slots) {
                rewind_layout(event, is_context);
                return;
        }
        event->next = is_context ? 0 : event->record->n_context_slots;
        event->end = is_context ? event->record->n_context_slots : event->record->n_slots;
}

void event_set(tracectl_reader_event *event, const struct record *record) {
        event->record = record;
        tracectl_reader_event_rewind(event, TRACECTL_SCOPE_FIELDS);
}

static const char *find_label(const struct type *labels, bool is_signed, uint64_t value) {
        for (const struct mapping *m = labels->enumeration.mappings; m; m = m->next) {
                if (is_signed ? (int64_t) value >= (int64_t) m->low && (int64_t) value <= (int64_t) m->high :
                                value >= m->low && value <= m->high)
                        return m->label;
        }
        return NULL;
}

_public_ const char *tracectl_reader_layout_get_label(const tracectl_layout_field *field, uint64_t value) {
        enum tracectl_field_type type = field->type == TRACECTL_FIELD_ARRAY ? field->element : field->type;

        return field->labels ? find_label(field->labels, type == TRACECTL_FIELD_SIGNED, value) : NULL;
}

static void set_number(tracectl_field *field, const struct op *op, uint64_t value) {
        field->u = value;
        field->bits = op->bits;
        field->is_length = op->is_length;
        if (op->is_float)
                field->type = TRACECTL_FIELD_DOUBLE;
        else {
                field->type = op->is_signed ? TRACECTL_FIELD_SIGNED : TRACECTL_FIELD_UNSIGNED;
                field->base = op->base;
                field->label = op->labels ? find_label(op->labels, op->is_signed, value) : NULL;
        }
}

/* The elements of an array of numbers are not slots: they come out of it one by one. */
static const tracectl_field *next_element(tracectl_reader_event *event) {
        const struct slot *array = event->array;

        event->field.name = NULL;
        event->field.name_size = 0;
        if (event->element < array->value)
                set_number(&event->field, array->op,
                           decode_element(event->record->data, array, event->element++));
        else {
                event->field.type = TRACECTL_FIELD_CLOSE;
                event->array = NULL;
        }
        return &event->field;
}

static void set_field(tracectl_reader_event *event, const struct slot *slot) {
        tracectl_field *field = &event->field;

        field->is_length = 0;
        switch (slot->op->code) {
        case OP_STRING:
        case OP_TEXT:
                field->type = TRACECTL_FIELD_STRING;
                field->string.data = (const char *) event->record->data + slot->position / 8;
                field->string.size = (size_t) slot->value;
                break;
        case OP_NUMBERS:
        case OP_LOOP:
                field->type = TRACECTL_FIELD_ARRAY;
                field->n_elements = slot->value;
                event->array = slot->op->code == OP_NUMBERS ? slot : NULL;
                event->element = 0;
                break;
        case OP_STRUCT:
                field->type = TRACECTL_FIELD_STRUCT;
                break;
        case OP_CLOSE:
                field->type = TRACECTL_FIELD_CLOSE;
                break;
        default:
                set_number(field, slot->op, slot->value);
        }
}

static void set_layout_number(tracectl_field *field, const tracectl_layout_field *is, enum tracectl_field_type type,
                              const uint8_t *p) {
        uint64_t value = layout_load(p, is->size);
        float narrow;

        field->type = type;
        field->bits = (uint8_t) (8 * is->size);
        field->base = is->base;
        field->label = NULL;
        if (type == TRACECTL_FIELD_DOUBLE && is->size == sizeof(narrow)) {
                memcpy(&narrow, p, sizeof(narrow));
                field->d = (double) narrow;
                return;
        }
        if (type == TRACECTL_FIELD_SIGNED)
                value = bits_extend_sign(value, field->bits);
        field->u = value;
        if (is->labels)
                field->label = find_label(is->labels, type == TRACECTL_FIELD_SIGNED, value);
}

static void set_layout_field(tracectl_reader_event *event, const tracectl_layout_field *is, size_t size) {
        tracectl_field *field = &event->field;

        field->is_length = is->is_length;
        if (is->type < TRACECTL_FIELD_STRING)
                set_layout_number(field, is, is->type, event->byte);
        else if (is->type == TRACECTL_FIELD_STRING) {
                field->type = TRACECTL_FIELD_STRING;
                field->string.data = (const char *) event->byte;
                field->string.size = is->is_terminated ? size - 1 :
                                     is->is_padded     ? strnlen(field->string.data, size) :
                                                         size;
        } else {
                field->type = TRACECTL_FIELD_ARRAY;
                field->n_elements = size / is->size;
                event->list = is;
                event->element = 0;
                event->n_elements = field->n_elements;
        }
}

/* The next element of an array; the field behind it is only then the next one. */
static const tracectl_field *next_listed(tracectl_reader_event *event) {
        event->field.name = NULL;
        event->field.name_size = 0;
        event->field.is_length = 0;
        if (event->element++ < event->n_elements) {
                set_layout_number(&event->field, event->list, event->list->element, event->byte);
                event->byte += event->list->size;
        } else {
                event->field.type = TRACECTL_FIELD_CLOSE;
                event->list = NULL;
        }
        return &event->field;
}

static const tracectl_field *next_of_layout(tracectl_reader_event *event) {
        const tracectl_layout_field *is;
        size_t size;

        if (event->list)
                return next_listed(event);
        if (event->next == event->end)
                return NULL;
        is = &event->record->class->layout->fields.fields[event->next++];
        size = layout_field_size(is, event->byte);
        event->field.name = is->name;
        event->field.name_size = is->name_size;
        set_layout_field(event, is, size);
        if (!event->list)
                event->byte += size;
        return &event->field;
}

_public_ const tracectl_field *tracectl_reader_event_next_field(tracectl_reader_event *event) {
        const struct slot *slot;

        if (!event->record->has_slots)
                return next_of_layout(event);
        if (event->array)
                return next_element(event);
        if (event->next == event->end)
                return NULL;
        slot = &event->record->slots[event->next++];
        event->field.name = slot->op->name;
        event->field.name_size = slot->op->name_size;
        set_field(event, slot);
        return &event->field;
}
