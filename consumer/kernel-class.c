/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <stdlib.h>

#include "common/cleanup.h"
#include "consumer/kernel-class.h"
#include "consumer/kernel-metadata.h"
#include "consumer/kernel-profile.h"

static void add_copy(struct kernel_class *class, const struct kernel_field *field) {
        struct kernel_copy *last = class->n_copies > 0 ? &class->copies[class->n_copies - 1] : NULL;

        class->fixed_size = (uint16_t) (class->fixed_size + field->size);
        if (last && last->from + last->size == field->offset) {
                last->size = (uint16_t) (last->size + field->size);
                return;
        }
        class->copies[class->n_copies++] = (struct kernel_copy) { (uint16_t) field->offset, (uint16_t) field->size };
}

static void add_bias(struct kernel_class *class, const struct kernel_field *field, int32_t bias) {
        if (bias == 0 || field->kind != KERNEL_INTEGER || field->size != 4 ||
            class->n_biases == ARRAY_SIZE(class->biases))
                return;
        class->biases[class->n_biases++] = (struct kernel_bias) {
                .at = (uint16_t) (class->fixed_size - field->size),
                .subtract = (int16_t) bias,
        };
}

static bool is_fixed(const struct kernel_field *field) {
        return field->kind <= KERNEL_ARRAY;
}

static void add_tail(struct kernel_class *class, const struct kernel_field *field) {
        class->tails[class->n_tails++] = (struct kernel_tail) {
                .at = (uint16_t) field->offset,
                .kind = (uint8_t) field->kind,
                .element = (uint8_t) field->element,
                .is_relative = field->is_relative,
        };
}

/* Fields that the trace has under no name are taken out, the others put in the trace's order. */
static unsigned arrange(const char *system, const struct kernel_format *format, bool fixed,
                        const struct kernel_field *ret[KERNEL_FIELDS_MAX], unsigned n) {
        for (uint32_t i = 0; i < format->n_fields; i++)
                if (is_fixed(&format->fields[i]) == fixed &&
                    kernel_profile_field(system, format->name, format->fields[i].name))
                        ret[n++] = &format->fields[i];
        return n;
}

static void compile(struct kernel_class *class, const char *system, const char *event,
                    const struct kernel_field *const *fields, unsigned n) {
        for (unsigned i = 0; i < n; i++) {
                if (!is_fixed(fields[i])) {
                        add_tail(class, fields[i]);
                        continue;
                }
                add_copy(class, fields[i]);
                add_bias(class, fields[i], kernel_profile_bias(system, event, fields[i]->name));
        }
}

/* What must be there of a record so that every field of known place is in it. */
static uint16_t min_size(const struct kernel_format *format) {
        uint32_t size = format->pid_at + 4;

        for (uint32_t i = 0; i < format->n_fields; i++)
                if (format->fields[i].offset + format->fields[i].size > size)
                        size = format->fields[i].offset + format->fields[i].size;
        return (uint16_t) size;
}

/* Fields that overlap could be more than what any record has. */
static bool is_too_large(const struct kernel_field *const *fields, unsigned n) {
        uint32_t size = 0;

        for (unsigned i = 0; i < n; i++)
                size += fields[i]->size;
        return size > KERNEL_OFFSET_MAX;
}

int kernel_class_new(const char *system, const struct kernel_format *format, uint32_t id, uint32_t stream,
                     struct text *metadata, struct kernel_class **ret) {
        const struct kernel_field *fields[KERNEL_FIELDS_MAX];
        _cleanup_free_ struct kernel_class *class = NULL;
        unsigned n;
        int r;

        class = calloc(1, sizeof(*class));
        if (!class)
                return -ENOMEM;
        class->id = id;
        class->pid_at = (uint16_t) format->pid_at;
        class->min_size = min_size(format);
        n = arrange(system, format, true, fields, 0);
        n = arrange(system, format, false, fields, n);
        if (is_too_large(fields, n))
                return -EBADMSG;
        compile(class, system, format->name, fields, n);
        r = kernel_metadata_event(metadata, stream, id, system, format->name, fields, n);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(class);
        return 0;
}

/* Up to the first NUL, and one NUL. A string that has none is as long as it is. */
static char *put_string(const char *from, uint32_t size, char *to, const char *end) {
        uint32_t n = (uint32_t) strnlen(from, size);

        if ((size_t) (end - to) <= n)
                return NULL;
        memcpy(to, from, n);
        to[n] = '\0';
        return to + n + 1;
}

static char *put_sequence(const char *from, uint32_t size, uint32_t element, char *to, const char *end) {
        uint32_t n = size / element;

        if ((size_t) (end - to) < sizeof(n) + n * element)
                return NULL;
        memcpy(to, &n, sizeof(n));
        memcpy(to + sizeof(n), from, n * element);
        return to + sizeof(n) + n * element;
}

/* Where a tail's bytes are. false: not in the record. */
static bool locate(const struct kernel_tail *tail, const char *record, uint32_t size, uint32_t *ret_at,
                   uint32_t *ret_size) {
        uint32_t word, at;

        if (tail->kind >= KERNEL_REST_STRING) {
                *ret_at = tail->at;
                *ret_size = size - tail->at;
                return true;
        }
        memcpy(&word, record + tail->at, sizeof(word));
        at = (word & 0xffff) + (tail->is_relative ? tail->at + (uint32_t) sizeof(word) : 0);
        *ret_at = at;
        *ret_size = word >> 16;
        return at <= size && word >> 16 <= size - at;
}

char *kernel_class_put_tails(const struct kernel_class *class, const char *record, uint32_t size, char *to,
                             const char *end) {
        for (unsigned i = 0; to && i < class->n_tails; i++) {
                const struct kernel_tail *tail = &class->tails[i];
                uint32_t at, length;

                if (!locate(tail, record, size, &at, &length))
                        return NULL;
                if (tail->kind == KERNEL_LOC_STRING || tail->kind == KERNEL_REST_STRING)
                        to = put_string(record + at, length, to, end);
                else
                        to = put_sequence(record + at, length, tail->element, to, end);
        }
        return to;
}
