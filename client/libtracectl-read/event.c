/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <string.h>

#include "client/libtracectl-read/event.h"
#include "client/libtracectl-read/export.h"

_public_ const char *tracectl_reader_event_get_name(const tracectl_reader_event *event) {
        return event->stream->event->name;
}

_public_ int64_t tracectl_reader_event_get_time(const tracectl_reader_event *event) {
        return event->stream->ns;
}

_public_ uint64_t tracectl_reader_event_get_ticks(const tracectl_reader_event *event) {
        return event->stream->decoder.time;
}

_public_ uint64_t tracectl_reader_event_get_clock_frequency(const tracectl_reader_event *event) {
        return event->stream->class->clock ? event->stream->class->clock->frequency : 0;
}

_public_ const char *tracectl_reader_event_get_clock_name(const tracectl_reader_event *event) {
        return event->stream->class->clock ? event->stream->class->clock->name : NULL;
}

_public_ int tracectl_reader_event_get_thread(const tracectl_reader_event *event, int32_t *ret_pid, int32_t *ret_tid) {
        if (!event->stream->has_thread)
                return 0;
        *ret_pid = event->stream->pid;
        *ret_tid = event->stream->tid;
        return 1;
}

_public_ int tracectl_reader_event_get_cpu(const tracectl_reader_event *event) {
        return event->stream->cpu;
}

_public_ int tracectl_reader_event_get_loglevel(const tracectl_reader_event *event) {
        return event->stream->event->loglevel;
}

_public_ const char *tracectl_reader_event_get_stream(const tracectl_reader_event *event) {
        return event->stream->path;
}

_public_ void tracectl_reader_event_rewind(tracectl_reader_event *event, enum tracectl_field_scope scope) {
        bool is_context = scope == TRACECTL_SCOPE_CONTEXT;

        event->next = is_context ? 0 : event->stream->n_context_slots;
        event->end = is_context ? event->stream->n_context_slots : event->stream->decoder.n_slots;
        event->array = NULL;
}

static const char *find_label(const struct op *op, uint64_t value) {
        for (const struct mapping *m = op->labels->enumeration.mappings; m; m = m->next) {
                if (op->is_signed ? (int64_t) value >= (int64_t) m->low && (int64_t) value <= (int64_t) m->high :
                                    value >= m->low && value <= m->high)
                        return m->label;
        }
        return NULL;
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
                field->label = op->labels ? find_label(op, value) : NULL;
        }
}

/* The elements of an array of numbers are not slots: they come out of it one by one. */
static const tracectl_field *next_element(tracectl_reader_event *event) {
        const struct slot *array = event->array;

        event->field.name = NULL;
        event->field.name_size = 0;
        if (event->element < array->value)
                set_number(&event->field, array->op,
                           decode_element(event->stream->decoder.data, array, event->element++));
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
                field->string.data = (const char *) event->stream->decoder.data + slot->position / 8;
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

_public_ const tracectl_field *tracectl_reader_event_next_field(tracectl_reader_event *event) {
        const struct slot *slot;

        if (event->array)
                return next_element(event);
        if (event->next == event->end)
                return NULL;
        slot = &event->stream->decoder.slots[event->next++];
        event->field.name = slot->op->name;
        event->field.name_size = slot->op->name_size;
        set_field(event, slot);
        return &event->field;
}
