/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "common/cleanup.h"
#include "consumer/kernel-format.h"

/* A piece of the text, not ended by a NUL. */
struct span {
        const char *p;
        size_t n;
};

/* Whether span begins with word, which is taken off. */
static bool take(struct span *span, const char *word) {
        size_t n = strlen(word);

        if (span->n < n || memcmp(span->p, word, n) != 0)
                return false;
        span->p += n;
        span->n -= n;
        return true;
}

static void trim(struct span *span) {
        for (; span->n > 0 && isspace((unsigned char) span->p[0]); span->n--)
                span->p++;
        while (span->n > 0 && isspace((unsigned char) span->p[span->n - 1]))
                span->n--;
}

/* What comes before the next end, which is taken off as well. */
static bool cut(struct span *span, char end, struct span *ret) {
        const char *at = memchr(span->p, end, span->n);

        if (!at)
                return false;
        *ret = (struct span) { span->p, (size_t) (at - span->p) };
        span->n -= ret->n + 1;
        span->p = at + 1;
        return true;
}

static bool number(struct span span, uint32_t max, uint32_t *ret) {
        uint32_t value = 0;

        trim(&span);
        if (span.n == 0 || span.n > 9)
                return false;
        for (size_t i = 0; i < span.n; i++) {
                if (!isdigit((unsigned char) span.p[i]))
                        return false;
                value = value * 10 + (uint32_t) (span.p[i] - '0');
        }
        *ret = value;
        return value <= max;
}

static bool is_word(char c) {
        return isalnum((unsigned char) c) || c == '_';
}

static bool copy_name(struct span span, bool with_colon, char ret[KERNEL_NAME_MAX]) {
        trim(&span);
        if (span.n == 0 || span.n >= KERNEL_NAME_MAX)
                return false;
        for (size_t i = 0; i < span.n; i++)
                if (!is_word(span.p[i]) && !(with_colon && span.p[i] == ':'))
                        return false;
        memcpy(ret, span.p, span.n);
        ret[span.n] = '\0';
        return true;
}

static bool equals(struct span span, const char *word) {
        return take(&span, word) && span.n == 0;
}

static bool contains(struct span span, const char *word) {
        return memmem(span.p, span.n, word, strlen(word)) != NULL;
}

/* Bytes of one element; 0: not known. Elsewhere sizes come from the kernel alone, which has none for these. */
static uint32_t element_size(struct span type) {
        static const struct {
                const char *name;
                uint32_t size;
        } types[] = {
                { "char", 1 },       { "u8", 1 },           { "__u8", 1 },       { "s8", 1 },
                { "uint8_t", 1 },    { "bool", 1 },         { "unsigned char", 1 }, { "u16", 2 },
                { "__u16", 2 },      { "s16", 2 },          { "unsigned short", 2 }, { "short", 2 },
                { "uint16_t", 2 },   { "u32", 4 },          { "__u32", 4 },      { "s32", 4 },
                { "int", 4 },        { "unsigned int", 4 }, { "unsigned", 4 },   { "uint32_t", 4 },
                { "pid_t", 4 },      { "u64", 8 },          { "__u64", 8 },      { "s64", 8 },
                { "uint64_t", 8 },   { "long long", 8 },    { "unsigned long long", 8 },
                { "long", sizeof(long) },      { "unsigned long", sizeof(long) }, { "size_t", sizeof(long) },
                { "cpumask_t", sizeof(long) },
        };

        (void) take(&type, "const ");
        trim(&type);
        for (size_t i = 0; i < ARRAY_SIZE(types); i++)
                if (equals(type, types[i].name))
                        return types[i].size;
        return 0;
}

static bool is_integer_size(uint32_t size) {
        return size == 1 || size == 2 || size == 4 || size == 8;
}

static bool is_character(struct span type) {
        (void) take(&type, "const ");
        trim(&type);
        return equals(type, "char");
}

/* A word, whose type is that of what it points to: "char[]", or "cpumask_t". */
static bool set_located(struct kernel_field *field, struct span type) {
        const char *bracket = memchr(type.p, '[', type.n);

        if (field->size != 4)
                return false;
        if (bracket)
                type.n = (size_t) (bracket - type.p);
        trim(&type);
        field->kind = is_character(type) ? KERNEL_LOC_STRING : KERNEL_LOC_SEQUENCE;
        field->element = element_size(type) ?: 1;
        return true;
}

/* count is what stands in the brackets. */
static bool set_array(struct kernel_field *field, struct span type, struct span count) {
        uint32_t n = 0, size = element_size(type);

        if (field->size == 0) {
                field->kind = is_character(type) ? KERNEL_REST_STRING : KERNEL_REST_SEQUENCE;
                field->element = size ?: 1;
                return true;
        }
        if (number(count, field->size, &n) && n > 0 && field->size % n == 0 && is_integer_size(field->size / n))
                size = field->size / n;
        else if (size == 0 || field->size % size)
                size = 1;
        field->kind = is_character(type) && size == 1 ? KERNEL_TEXT : KERNEL_ARRAY;
        field->element = size;
        return true;
}

static bool set_scalar(struct kernel_field *field, struct span type) {
        if (field->size == 0)
                return false;
        field->is_address = contains(type, "*");
        field->kind = is_integer_size(field->size) ? KERNEL_INTEGER : KERNEL_ARRAY;
        field->element = field->kind == KERNEL_INTEGER ? field->size : 1;
        return true;
}

/* "const char * filename", "u8 saddr[4]", "__data_loc char[] name" */
static bool parse_declaration(struct span text, struct kernel_field *field) {
        struct span count = { NULL, 0 }, name;
        bool is_array = false;

        trim(&text);
        if (text.n > 0 && text.p[text.n - 1] == ']') {
                const char *open = memrchr(text.p, '[', text.n);

                if (!open)
                        return false;
                count = (struct span) { open + 1, text.n - 2 - (size_t) (open - text.p) };
                text.n = (size_t) (open - text.p);
                is_array = true;
        }
        for (name = (struct span) { text.p + text.n, 0 }; text.n > 0 && is_word(text.p[text.n - 1]); text.n--) {
                name.p--;
                name.n++;
        }
        trim(&text);
        if (!copy_name(name, false, field->name) || text.n == 0)
                return false;
        if (take(&text, "__data_loc "))
                return set_located(field, text);
        if (take(&text, "__rel_loc ")) {
                field->is_relative = true;
                return set_located(field, text);
        }
        return is_array ? set_array(field, text, count) : set_scalar(field, text);
}

/* "field:DECLARATION;\toffset:8;\tsize:4;\tsigned:1;" */
static bool parse_field(struct span line, struct kernel_field *ret) {
        struct kernel_field field = {};
        struct span declaration, value;
        uint32_t is_signed = 0;

        if (!cut(&line, ';', &declaration))
                return false;
        for (; cut(&line, ';', &value); trim(&line)) {
                trim(&value);
                if (take(&value, "offset:")) {
                        if (!number(value, KERNEL_OFFSET_MAX, &field.offset))
                                return false;
                } else if (take(&value, "size:")) {
                        if (!number(value, KERNEL_OFFSET_MAX, &field.size))
                                return false;
                } else if (take(&value, "signed:")) {
                        if (!number(value, 1, &is_signed))
                                return false;
                }
        }
        field.is_signed = is_signed;
        if (!parse_declaration(declaration, &field) || field.offset + field.size > KERNEL_OFFSET_MAX)
                return false;
        *ret = field;
        return true;
}

/* Every record begins with these. Of them only the thread is of use. */
static bool check_common(struct kernel_format *format, const struct kernel_field *field, unsigned *found) {
        if (strcmp(field->name, "common_type") == 0) {
                *found |= 1;
                return field->offset == 0 && field->size == 2;
        }
        if (strcmp(field->name, "common_pid") == 0) {
                *found |= 2;
                format->pid_at = field->offset;
                return field->size == 4;
        }
        return true;
}

static bool parse_line(struct kernel_format *format, struct span line, unsigned *found) {
        struct kernel_field *field = &format->fields[format->n_fields];

        trim(&line);
        if (take(&line, "name:"))
                return copy_name(line, true, format->name);
        if (take(&line, "ID:")) {
                *found |= 4;
                return number(line, UINT16_MAX, &format->id);
        }
        if (!take(&line, "field:"))
                return true;
        if (format->n_fields == KERNEL_FIELDS_MAX || !parse_field(line, field))
                return false;
        if (strncmp(field->name, "common_", strlen("common_")) == 0)
                return check_common(format, field, found);
        format->n_fields++;
        return true;
}

int kernel_format_parse(const char *text, size_t size, struct kernel_format *ret) {
        struct span rest = { text, size }, line;
        unsigned found = 0;

        ret->name[0] = '\0';
        ret->n_fields = 0;
        while (cut(&rest, '\n', &line)) {
                /* What follows says how the kernel itself prints the event. */
                if (take(&line, "print fmt:"))
                        break;
                if (!parse_line(ret, line, &found))
                        return -EBADMSG;
        }
        return found == 7 && ret->name[0] ? 0 : -EBADMSG;
}
