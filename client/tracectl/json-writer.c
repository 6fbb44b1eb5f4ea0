/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <math.h>
#include <string.h>

#include "client/tracectl/json-writer.h"

#define NUMBER_MAX (UINT64_C(1) << 53)
#define DEPTH_MAX 256 /* traces are nested less deep */

static void add_quote(const struct json_writer *json) {
        if (json->is_quoted)
                text_add_char(json->text, '"');
        text_add_char(json->text, '"');
}

/* Four digits of 16. */
static void add_unit(struct text *text, uint32_t unit) {
        text_add_literal(text, "\\u");
        text_add_u64_base(text, unit, 16, 4);
}

static void add_code(struct text *text, uint32_t code) {
        if (code < 0x10000) {
                add_unit(text, code);
                return;
        }
        add_unit(text, 0xd800 + ((code - 0x10000) >> 10));
        add_unit(text, 0xdc00 + ((code - 0x10000) & 0x3ff));
}

static bool is_plain(unsigned char c) {
        return c >= ' ' && c < 0x7f && c != '"' && c != '\\' && c != '<' && c != '>' && c != '&';
}

void json_write_string(const struct json_writer *json, const char *data, size_t size) {
        const unsigned char *p = (const unsigned char *) data, *end = p + size;

        add_quote(json);
        while (p < end) {
                const unsigned char *start = p;
                uint32_t code;
                unsigned n = 1;

                while (p < end && is_plain(*p))
                        p++;
                text_add(json->text, (const char *) start, (size_t) (p - start));
                if (p == end)
                        break;
                if (*p < 0x80)
                        code = *p;
                else
                        n = text_decode_utf8(p, (size_t) (end - p), &code);
                add_code(json->text, n > 0 ? code : 0xfffd);
                p += n > 0 ? n : 1;
        }
        add_quote(json);
}

void json_write_key(const struct json_writer *json, const char *name) {
        add_quote(json);
        text_add(json->text, name, strlen(name));
        add_quote(json);
        text_add_char(json->text, ':');
}

void json_write_u64(const struct json_writer *json, uint64_t value) {
        bool is_large = value > NUMBER_MAX;

        if (is_large)
                add_quote(json);
        text_add_u64(json->text, value);
        if (is_large)
                add_quote(json);
}

void json_write_i64(const struct json_writer *json, int64_t value) {
        bool is_large = value < -(int64_t) NUMBER_MAX || value > (int64_t) NUMBER_MAX;

        if (is_large)
                add_quote(json);
        text_add_i64(json->text, value);
        if (is_large)
                add_quote(json);
}

void json_write_double(const struct json_writer *json, double value) {
        if (isfinite(value)) {
                text_add_double(json->text, value);
                return;
        }
        add_quote(json);
        if (isnan(value))
                text_add_literal(json->text, "NaN");
        else if (value > 0)
                text_add_literal(json->text, "Infinity");
        else
                text_add_literal(json->text, "-Infinity");
        add_quote(json);
}

static void add_integer(const struct json_writer *json, const tracectl_field *field) {
        if (field->label) {
                text_add_char(json->text, '{');
                json_write_key(json, "label");
                json_write_string(json, field->label, strlen(field->label));
                text_add_char(json->text, ',');
                json_write_key(json, "value");
        }
        if (field->type == TRACECTL_FIELD_SIGNED)
                json_write_i64(json, field->i);
        else
                json_write_u64(json, field->u);
        if (field->label)
                text_add_char(json->text, '}');
}

static void add_value(const struct json_writer *json, const tracectl_field *field) {
        switch (field->type) {
        case TRACECTL_FIELD_UNSIGNED:
        case TRACECTL_FIELD_SIGNED:
                add_integer(json, field);
                break;
        case TRACECTL_FIELD_DOUBLE:
                json_write_double(json, field->d);
                break;
        case TRACECTL_FIELD_STRING:
                json_write_string(json, field->string.data, field->string.size);
                break;
        case TRACECTL_FIELD_STRUCT:
                text_add_char(json->text, '{');
                break;
        case TRACECTL_FIELD_ARRAY:
                text_add_char(json->text, '[');
                break;
        case TRACECTL_FIELD_CLOSE:
                break;
        }
}

size_t json_write_members(const struct json_writer *json, tracectl_reader_event *event, bool is_first) {
        char closing[DEPTH_MAX]; /* brackets of what is open */
        const tracectl_field *field;
        size_t n = 0;

        for (unsigned depth = 0; (field = tracectl_reader_event_next_field(event));) {
                bool is_element = depth > 0 && closing[(depth - 1) % DEPTH_MAX] == ']';

                if (field->is_length)
                        continue;
                if (field->type == TRACECTL_FIELD_CLOSE) {
                        text_add_char(json->text, closing[--depth % DEPTH_MAX]);
                        is_first = false;
                        continue;
                }
                if (!is_first)
                        text_add_char(json->text, ',');
                n += depth == 0;
                if (!is_element) {
                        json_write_string(json, field->name ? field->name : "", field->name ? field->name_size : 0);
                        text_add_char(json->text, ':');
                }
                add_value(json, field);
                is_first = field->type == TRACECTL_FIELD_STRUCT || field->type == TRACECTL_FIELD_ARRAY;
                if (is_first)
                        closing[depth++ % DEPTH_MAX] = field->type == TRACECTL_FIELD_STRUCT ? '}' : ']';
        }
        return n;
}

void json_write_fields(const struct json_writer *json, tracectl_reader_event *event) {
        text_add_char(json->text, '{');
        json_write_members(json, event, true);
        text_add_char(json->text, '}');
}
