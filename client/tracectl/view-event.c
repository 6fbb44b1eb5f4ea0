/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "client/tracectl/view-event.h"
#include "client/tracectl/view-plain.h"

#define NSEC_PER_SEC INT64_C(1000000000)
#define THREAD_WIDTH 15 /* two numbers of 7 digits */
#define NAME_WIDTH 24

#define DIM "\x1b[2m"
#define BOLD "\x1b[1m"
#define PLAIN "\x1b[0m"

static void set_second(struct view_format *format, int64_t second) {
        time_t t = (time_t) second;
        struct tm tm = {};

        localtime_r(&t, &tm);
        format->n_clock = strftime(format->clock, sizeof(format->clock), format->with_date ? "%F %T." : "%T.", &tm);
        format->second = second;
        format->has_second = true;
}

static void add_time(struct view_format *format, struct text *text, int64_t ns) {
        int64_t second = ns / NSEC_PER_SEC, part = ns % NSEC_PER_SEC;
        char *p = text_reserve(text, sizeof(format->clock) + TEXT_NUMBER);

        if (part < 0) {
                second--;
                part += NSEC_PER_SEC;
        }
        if (!format->has_second || second != format->second)
                set_second(format, second);
        memcpy(p, format->clock, sizeof(format->clock));
        text_commit(text, text_write_nanoseconds(p + format->n_clock, (uint32_t) part));
}

/* Up to width columns, and a gap. Returns the end. */
static char *pad(char *p, size_t n, size_t width) {
        size_t missing = (n < width ? width - n : 0) + 2;

        memset(p, ' ', missing);
        return p + missing;
}

static char *write_i32(char *p, int32_t value) {
        if (value < 0)
                *p++ = '-';
        return text_write_u64(p, value < 0 ? -(uint64_t) value : (uint64_t) value);
}

static void set_thread(struct view_format *format, bool has_thread, int32_t pid, int32_t tid) {
        char *p = format->thread;

        memset(p, ' ', 2);
        p += 2;
        if (has_thread) {
                if (pid >= 0)
                        p = write_i32(p, pid);
                else
                        *p++ = '-';
                *p++ = '/';
                p = write_i32(p, tid);
        } else
                *p++ = '-';
        p = pad(p, (size_t) (p - format->thread) - 2, THREAD_WIDTH);
        format->has_thread = has_thread;
        format->pid = pid;
        format->tid = tid;
        format->n_thread = (size_t) (p - format->thread);
}

static void add_column(struct view_format *format, struct text *text, bool has_thread, int32_t pid, int32_t tid) {
        if (format->n_thread == 0 || has_thread != format->has_thread || pid != format->pid || tid != format->tid)
                set_thread(format, has_thread, pid, tid);
        memcpy(text_reserve(text, sizeof(format->thread)), format->thread, sizeof(format->thread));
        if (format->is_uncertain)
                text->data[text->size] = '~';
        text->size += format->n_thread;
}

static void add_thread(struct view_format *format, struct text *text, const tracectl_reader_event *event) {
        int32_t pid = 0, tid = 0;
        bool has_thread = tracectl_reader_event_get_thread(event, &pid, &tid) > 0;

        add_column(format, text, has_thread, pid, tid);
}

static void add_dimmed_time(struct view_format *format, struct text *text, int64_t time) {
        if (format->is_coloured)
                text_add_literal(text, DIM);
        add_time(format, text, time);
        if (format->is_coloured)
                text_add_literal(text, PLAIN);
}

void view_add_place(struct view_format *format, struct text *text, int64_t time, int32_t pid, int32_t tid) {
        add_dimmed_time(format, text, time);
        add_column(format, text, true, pid, tid);
}

/* The event's name as it stands in every line. */
void view_add_name(const struct view_format *format, struct text *text, const char *name) {
        size_t n = strlen(name);
        char spaces[NAME_WIDTH + 2];

        if (format->is_coloured)
                text_add_literal(text, BOLD);
        text_add_escaped(text, name, n, 0);
        if (format->is_coloured)
                text_add_literal(text, PLAIN);
        text_add(text, spaces, (size_t) (pad(spaces, n, NAME_WIDTH) - spaces));
}

static void add_integer(struct text *text, const tracectl_field *field) {
        uint64_t mask = field->bits < 64 ? (UINT64_C(1) << field->bits) - 1 : UINT64_MAX;

        if (field->label) {
                text_add_escaped(text, field->label, strlen(field->label), 0);
                text_add_char(text, '(');
        }
        if (field->base == 16 || field->base == 8 || field->base == 2) {
                text_add_char(text, '0');
                if (field->base != 8)
                        text_add_char(text, field->base == 16 ? 'x' : 'b');
                text_add_u64_base(text, field->u & mask, field->base, field->base == 2 ? field->bits : 1);
        } else if (field->type == TRACECTL_FIELD_SIGNED)
                text_add_i64(text, field->i);
        else
                text_add_u64(text, field->u);
        if (field->label)
                text_add_char(text, ')');
}

void view_add_value(struct text *text, const tracectl_field *field) {
        switch (field->type) {
        case TRACECTL_FIELD_UNSIGNED:
        case TRACECTL_FIELD_SIGNED:
                add_integer(text, field);
                break;
        case TRACECTL_FIELD_DOUBLE:
                text_add_double(text, field->d);
                break;
        case TRACECTL_FIELD_STRING:
                text_add_char(text, '"');
                text_add_escaped(text, field->string.data, field->string.size, '"');
                text_add_char(text, '"');
                break;
        case TRACECTL_FIELD_STRUCT:
                text_add_char(text, '{');
                break;
        case TRACECTL_FIELD_ARRAY:
                text_add_char(text, '[');
                break;
        case TRACECTL_FIELD_CLOSE:
                break;
        }
}

/* As many digits as people read. */
void view_add_duration(struct text *text, uint64_t ns) {
        if (ns < 1000) {
                text_add_u64(text, ns);
                text_add_literal(text, "ns");
        } else if (ns < 1000000) {
                text_add_u64(text, ns / 1000);
                text_add_char(text, '.');
                text_add_digits(text, (uint32_t) (ns % 1000), 3);
                text_add_literal(text, "us");
        } else if (ns < 1000000000) {
                text_add_u64(text, ns / 1000000);
                text_add_char(text, '.');
                text_add_digits(text, (uint32_t) (ns / 1000 % 1000), 3);
                text_add_literal(text, "ms");
        } else {
                text_add_u64(text, ns / 1000000000);
                text_add_char(text, '.');
                text_add_digits(text, (uint32_t) (ns / 1000 % 1000000), 6);
                text_add_literal(text, "s");
        }
}

/* Which brackets are open, one bit a level: structs' are curly. Traces are nested less deep. */
struct nesting {
        uint64_t is_struct[4];
        unsigned depth;
};

static void open_bracket(struct nesting *nesting, bool is_struct) {
        unsigned i = nesting->depth++ % 256;
        uint64_t bit = UINT64_C(1) << (i % 64);

        if (is_struct)
                nesting->is_struct[i / 64] |= bit;
        else
                nesting->is_struct[i / 64] &= ~bit;
}

static char close_bracket(struct nesting *nesting) {
        unsigned i = --nesting->depth % 256;

        return nesting->is_struct[i / 64] & (UINT64_C(1) << (i % 64)) ? '}' : ']';
}

/* Of a system call: with the name of its error. */
static void add_result(struct text *text, const tracectl_field *field) {
        const char *name = view_error_name(field->i);

        if (name) {
                text_add(text, name, strlen(name));
                text_add_char(text, '(');
        }
        text_add_i64(text, field->i);
        if (name)
                text_add_char(text, ')');
}

static void add_fields(struct text *text, tracectl_reader_event *event, bool *is_first_field) {
        struct nesting nesting = {};
        const tracectl_field *field;
        bool is_first = *is_first_field;

        while ((field = tracectl_reader_event_next_field(event))) {
                if (field->is_length)
                        continue;
                if (field->type == TRACECTL_FIELD_CLOSE) {
                        text_add_char(text, close_bracket(&nesting));
                        is_first = false;
                        continue;
                }
                if (!is_first) {
                        if (nesting.depth > 0)
                                text_add_char(text, ',');
                        text_add_char(text, ' ');
                }
                if (field->name) {
                        text_add_escaped(text, field->name, field->name_size, 0);
                        text_add_char(text, '=');
                }
                if (field->type == TRACECTL_FIELD_SIGNED && field->name &&
                    view_is_result(tracectl_reader_event_get_name(event), field->name, field->name_size))
                        add_result(text, field);
                else
                        view_add_value(text, field);
                is_first = field->type == TRACECTL_FIELD_STRUCT || field->type == TRACECTL_FIELD_ARRAY;
                if (is_first)
                        open_bracket(&nesting, field->type == TRACECTL_FIELD_STRUCT);
        }
        *is_first_field = is_first;
}

/* NULL: this kind has to be written field by field. */
static const struct view_plain *find_plain(struct view_format *format, const tracectl_reader_event *event) {
        const tracectl_layout *layout = tracectl_reader_event_get_layout(event);
        unsigned kind = tracectl_reader_event_get_kind(event);

        if (!layout)
                return NULL;
        if (kind >= format->n_plains) {
                size_t n = 2 * (size_t) kind + 16;
                struct view_plain **plains = realloc(format->plains, n * sizeof(struct view_plain *));

                if (!plains)
                        return NULL;
                memset(plains + format->n_plains, 0, (n - format->n_plains) * sizeof(struct view_plain *));
                format->plains = plains;
                format->n_plains = n;
        }
        if (!format->plains[kind])
                format->plains[kind] = view_plain_new(format, layout, tracectl_reader_event_get_name(event));
        return format->plains[kind];
}

void view_format_forget(struct view_format *format) {
        for (size_t i = 0; i < format->n_plains; i++)
                view_plain_free(format->plains[i]);
        free(format->plains);
        format->plains = NULL;
        format->n_plains = 0;
}

void view_format_done(struct view_format *format) {
        view_format_forget(format);
}

static void add_each(struct view_format *format, struct text *text, tracectl_reader_event *event) {
        bool is_first = true;

        view_add_name(format, text, tracectl_reader_event_get_name(event));
        tracectl_reader_event_rewind(event, TRACECTL_SCOPE_CONTEXT);
        add_fields(text, event, &is_first);
        tracectl_reader_event_rewind(event, TRACECTL_SCOPE_FIELDS);
        add_fields(text, event, &is_first);
}

void view_add_event(struct view_format *format, struct text *text, tracectl_reader_event *event) {
        const struct view_plain *plain = find_plain(format, event);

        add_dimmed_time(format, text, tracectl_reader_event_get_time(event));
        add_thread(format, text, event);
        if (plain)
                view_plain_add(plain, text, tracectl_reader_event_get_bytes(event));
        else
                add_each(format, text, event);
        text_add_char(text, '\n');
}
