/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * JSON on its way out, piece by piece, for output that is too long for a tree
 * of values. What comes out is ASCII: whatever a trace has in its texts cannot
 * break it, nor a terminal or a page that it ends up in. Letters beyond ASCII
 * are written as \u, each byte that is not UTF-8 becomes U+FFFD, and of quotes
 * and brackets in texts only \u escapes are left.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "client/libtracectl-read/tracectl-read.h"
#include "client/tracectl/text.h"

struct json_writer {
        struct text *text;
        bool is_quoted; /* within a cell of CSV: quotes are doubled */
};

/* A text, in quotes. */
void json_write_string(const struct json_writer *json, const char *data, size_t size);

/* "name": the name is ours, and needs no escapes. */
void json_write_key(const struct json_writer *json, const char *name);

/* Numbers that a double does not hold are texts. */
void json_write_u64(const struct json_writer *json, uint64_t value);
void json_write_i64(const struct json_writer *json, int64_t value);

/* What is no number in JSON is a text: "NaN", "Infinity", "-Infinity". */
void json_write_double(const struct json_writer *json, double value);

/* The fields from where the event's cursor is to the end of its scope, as an object; a scope without any as {}. */
void json_write_fields(const struct json_writer *json, tracectl_reader_event *event);

/* The same without its brackets, after a comma if there was something before. How many there were. */
size_t json_write_members(const struct json_writer *json, tracectl_reader_event *event, bool is_first);
