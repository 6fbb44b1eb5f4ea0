/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <stdlib.h>
#include <string.h>

#include "client/tracectl/view-plain.h"
#include "common/cleanup.h"

#define NUMBER_MAX 32 /* bytes for the text of a decimal or hexadecimal number: TEXT_NUMBER and a sign */
#define SHORT_MAX 16   /* texts up to this are copied as that much */
#define PREFIX_MAX 8192
#define ERROR_MAX 4095 /* of the kernel */

/* A value, and what stands before it. */
struct step {
        const tracectl_layout_field *field;
        enum { STEP_UNSIGNED, STEP_SIGNED, STEP_HEX, STEP_RESULT, STEP_HIDDEN, STEP_OTHER } code;
        uint32_t prefix, n_prefix; /* in texts */
};

struct view_plain {
        size_t n_steps;
        size_t room; /* for the name, all prefixes and all plain numbers */
        char *texts; /* the name's column first, with SHORT_MAX bytes behind the last text */
        size_t n_name;
        struct step steps[];
};

DEFINE_CLEANUP(struct view_plain *, view_plain_free)

static int find_code(const tracectl_layout_field *field) {
        if (field->is_length)
                return STEP_HIDDEN;
        if (field->type > TRACECTL_FIELD_SIGNED || field->labels || field->base == 8 || field->base == 2)
                return STEP_OTHER;
        if (field->base == 16)
                return STEP_HEX;
        return field->type == TRACECTL_FIELD_SIGNED ? STEP_SIGNED : STEP_UNSIGNED;
}

bool view_is_result(const char *event, const char *field, size_t field_size) {
        static const char exit[] = "syscall_exit_";

        return field_size == 3 && memcmp(field, "ret", 3) == 0 && strncmp(event, exit, sizeof(exit) - 1) == 0;
}

static void make_texts(struct view_plain *plain, const struct view_format *format, const tracectl_layout *layout,
                       const char *name, struct text *text) {
        bool is_first = true;

        view_add_name(format, text, name);
        plain->n_name = text->size;
        for (size_t i = 0; i < layout->n_fields; i++) {
                struct step *step = &plain->steps[i];

                step->field = &layout->fields[i];
                step->code = find_code(step->field);
                if (step->code == STEP_SIGNED && view_is_result(name, step->field->name, step->field->name_size))
                        step->code = STEP_RESULT;
                step->prefix = (uint32_t) text->size;
                if (step->code == STEP_HIDDEN)
                        continue;
                if (!is_first)
                        text_add_char(text, ' ');
                is_first = false;
                text_add_escaped(text, step->field->name, step->field->name_size, 0);
                text_add_char(text, '=');
                if (step->code == STEP_HEX)
                        text_add_literal(text, "0x");
                step->n_prefix = (uint32_t) text->size - step->prefix;
        }
}

struct view_plain *view_plain_new(const struct view_format *format, const tracectl_layout *layout, const char *name) {
        _cleanup_(view_plain_freep) struct view_plain *plain = NULL;
        _cleanup_free_ struct text *text = malloc(sizeof(*text));
        size_t size = strlen(name);

        for (size_t i = 0; i < layout->n_fields; i++)
                size += layout->fields[i].name_size;
        /* Each byte may become four. */
        if (!text || size + 8 * layout->n_fields > PREFIX_MAX)
                return NULL;
        plain = calloc(1, sizeof(*plain) + layout->n_fields * sizeof(struct step));
        if (!plain)
                return NULL;
        text_init(text, -1);
        plain->n_steps = layout->n_fields;
        make_texts(plain, format, layout, name, text);
        plain->room = text->size + layout->n_fields * NUMBER_MAX + SHORT_MAX;
        plain->texts = calloc(1, text->size + SHORT_MAX);
        if (!plain->texts)
                return NULL;
        memcpy(plain->texts, text->data, text->size);
        return TAKE_PTR(plain);
}

void view_plain_free(struct view_plain *plain) {
        if (plain)
                free(plain->texts);
        free(plain);
}

/* n is nearly always so small that copying more costs less. Both have room for it. */
static inline char *write_short(char *p, const char *s, size_t n) {
        memcpy(p, s, SHORT_MAX);
        if (n > SHORT_MAX)
                memcpy(p + SHORT_MAX, s + SHORT_MAX, n - SHORT_MAX);
        return p + n;
}

static inline uint64_t load(const uint8_t *p, unsigned size) {
        uint16_t half;
        uint32_t word;
        uint64_t value;

        switch (size) {
        case 1:
                return *p;
        case 2:
                memcpy(&half, p, sizeof(half));
                return half;
        case 4:
                memcpy(&word, p, sizeof(word));
                return word;
        default:
                memcpy(&value, p, sizeof(value));
                return value;
        }
}

static inline int64_t load_signed(const uint8_t *p, unsigned size) {
        unsigned unused = 64 - 8 * size;

        return (int64_t) (load(p, size) << unused) >> unused;
}

static char *write_signed(char *p, int64_t value) {
        if (value >= 0)
                return text_write_u64(p, (uint64_t) value);
        *p++ = '-';
        return text_write_u64(p, -(uint64_t) value);
}

const char *view_error_name(int64_t result) {
        return result < 0 && result >= -ERROR_MAX ? strerrorname_np((int) -result) : NULL;
}

/* No name is so long that both do not fit where a number does. */
static char *write_result(char *p, int64_t value) {
        const char *name = view_error_name(value);

        if (name)
                p = stpcpy(stpcpy(p, name), "(");
        p = write_signed(p, value);
        if (name)
                *p++ = ')';
        return p;
}

static char *write_hex(char *p, uint64_t value) {
        unsigned n = value > 0 ? (67 - (unsigned) __builtin_clzll(value)) / 4 : 1;

        for (unsigned i = n; i-- > 0; value >>= 4)
                p[i] = "0123456789abcdef"[value & 15];
        return p + n;
}

static void add_number(struct text *text, const tracectl_layout_field *field, enum tracectl_field_type type,
                       const uint8_t *p) {
        uint64_t value = load(p, field->size);
        const char *label = tracectl_reader_layout_get_label(
                field, type == TRACECTL_FIELD_SIGNED ? (uint64_t) load_signed(p, field->size) : value);

        if (type == TRACECTL_FIELD_DOUBLE) {
                float narrow;
                double wide;

                memcpy(&narrow, p, sizeof(narrow));
                memcpy(&wide, &value, sizeof(wide));
                text_add_double(text, field->size == sizeof(narrow) ? (double) narrow : wide);
                return;
        }
        if (label) {
                text_add_escaped(text, label, strlen(label), 0);
                text_add_char(text, '(');
        }
        if (field->base == 16 || field->base == 8 || field->base == 2) {
                text_add_char(text, '0');
                if (field->base != 8)
                        text_add_char(text, field->base == 16 ? 'x' : 'b');
                text_add_u64_base(text, value, field->base, field->base == 2 ? 8 * field->size : 1);
        } else if (type == TRACECTL_FIELD_SIGNED)
                text_add_i64(text, load_signed(p, field->size));
        else
                text_add_u64(text, value);
        if (label)
                text_add_char(text, ')');
}

/* Bytes of a string or an array at p; of a string with those that do not belong to it. */
static size_t find_size(const tracectl_layout_field *field, const uint8_t *p) {
        if (field->is_terminated)
                return strlen((const char *) p) + 1;
        if (field->count_size > 0)
                return load(p - field->count_size, field->count_size) * field->size;
        return field->count * field->size;
}

/* What is no plain number. Returns the value's size. */
static size_t add_other(struct text *text, const tracectl_layout_field *field, const uint8_t *p) {
        size_t size, n;

        if (field->type < TRACECTL_FIELD_STRING) {
                add_number(text, field, field->type, p);
                return field->size;
        }
        size = find_size(field, p);
        if (field->type == TRACECTL_FIELD_STRING) {
                n = field->is_terminated ? size - 1 : field->is_padded ? strnlen((const char *) p, size) : size;
                text_add_char(text, '"');
                text_add_escaped(text, (const char *) p, n, '"');
                text_add_char(text, '"');
                return size;
        }
        text_add_char(text, '[');
        for (n = 0; n < size; n += field->size) {
                if (n > 0)
                        text_add_literal(text, ", ");
                add_number(text, field, field->element, p + n);
        }
        text_add_char(text, ']');
        return size;
}

void view_plain_add(const struct view_plain *plain, struct text *text, const void *bytes) {
        const struct step *step = plain->steps, *end = step + plain->n_steps;
        const uint8_t *from = bytes;
        char *p = text_reserve(text, plain->room);

        memcpy(p, plain->texts, plain->n_name);
        p += plain->n_name;
        for (; step < end; step++) {
                const tracectl_layout_field *field = step->field;

                if (step->code != STEP_HIDDEN)
                        p = write_short(p, plain->texts + step->prefix, step->n_prefix);
                switch (step->code) {
                case STEP_UNSIGNED:
                        p = text_write_u64(p, load(from, field->size));
                        break;
                case STEP_SIGNED:
                        p = write_signed(p, load_signed(from, field->size));
                        break;
                case STEP_RESULT:
                        p = write_result(p, load_signed(from, field->size));
                        break;
                case STEP_HEX:
                        p = write_hex(p, load(from, field->size));
                        break;
                case STEP_HIDDEN:
                        break;
                case STEP_OTHER:
                        text_commit(text, p);
                        from += add_other(text, field, from);
                        p = text_reserve(text, plain->room);
                        continue;
                }
                from += field->size;
        }
        text_commit(text, p);
}
