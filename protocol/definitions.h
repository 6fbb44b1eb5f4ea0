/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Event definitions: what an application can record, as a sealed memory file.
 *
 * The file is a struct definitions_header and then, one after another without
 * padding, n_events entries:
 *
 *   u32 size of this entry, this word included
 *   u8  log level (enum tracectl_loglevel)
 *   u8  number of fields
 *   provider NUL  name NUL
 *   for each field: u8 type (enum definition_type), name NUL
 *   anything else up to size: added by a later minor version, skipped
 *
 * Since minor version 1, n_contexts entries of the same form begin at
 * contexts_offset: what the application's own contexts are called. They have no
 * fields, and in the place of the log level their type: DEFINITION_I64, U64,
 * F64 or STRING. Of two of the same name the first is meant.
 *
 * Integers are in the application's byte order, which the magic shows. The
 * place of an entry (0, 1, ...) is its index in views and classes.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/later.h"

#define DEFINITIONS_MAGIC UINT32_C(0x53464554)
#define DEFINITIONS_MAJOR 1
#define DEFINITIONS_MINOR (1 + LATER_MINOR)

#define DEFINITIONS_SIZE_MAX (UINT64_C(8) << 20)
#define DEFINITIONS_EVENTS_MAX 65536
#define DEFINITIONS_CONTEXTS_MAX 256
#define DEFINITION_FIELDS_MAX 32
#define DEFINITION_NAME_MAX 255

struct definitions_header {
        uint32_t magic;
        uint16_t major, minor;
        uint32_t header_size;
        uint32_t n_events;
        uint64_t total_size;
        uint32_t contexts_offset, n_contexts; /* since minor version 1 */
        LATER_MEMBER
};

#define DEFINITIONS_HEADER_SIZE_MIN offsetof(struct definitions_header, contexts_offset)

/*
 * How a field's value lies in a record, packed, in the writer's byte order.
 * The numbers are ABI of <tracectl/tracepoint.h>.
 */
enum definition_type {
        DEFINITION_U8 = 1,
        DEFINITION_U16,
        DEFINITION_U32,
        DEFINITION_U64,
        DEFINITION_I8,
        DEFINITION_I16,
        DEFINITION_I32,
        DEFINITION_I64,
        DEFINITION_HEX64,
        DEFINITION_F32,
        DEFINITION_F64,
        DEFINITION_BOOL,   /* one byte, 0 or 1 */
        DEFINITION_STRING, /* bytes up to and with NUL */
        DEFINITION_TEXT,   /* u32 count, then that many bytes of UTF-8 */
        DEFINITION_BYTES,  /* u32 count, then that many bytes */
        DEFINITION_ARRAY_U8, /* u32 count, then that many integers */
        DEFINITION_ARRAY_U16,
        DEFINITION_ARRAY_U32,
        DEFINITION_ARRAY_U64,
        DEFINITION_ARRAY_I8,
        DEFINITION_ARRAY_I16,
        DEFINITION_ARRAY_I32,
        DEFINITION_ARRAY_I64,
        _DEFINITION_TYPE_MAX,
};

struct definition_field {
        enum definition_type type;
        const char *name; /* points into the definitions */
};

struct definition {
        const char *provider, *name; /* point into the definitions */
        uint8_t loglevel;
        uint8_t n_fields;
        struct definition_field fields[DEFINITION_FIELDS_MAX];
};

/* Bytes of one value, or of one element of a sequence; 0 for STRING. */
unsigned definition_type_size(enum definition_type type);

/* Whether a value is a u32 count followed by elements. */
int definition_type_is_sequence(enum definition_type type);

/* A cursor over untrusted definitions. data must not change while it is used. */
struct definitions_reader {
        const char *data;
        size_t size;
        size_t offset;
        uint32_t n_events;
        uint32_t index; /* of the next event */
};

/* -EBADMSG where the header makes no sense, -EPROTONOSUPPORT for another major version. */
int definitions_reader_init(struct definitions_reader *reader, const void *data, size_t size);

/* Likewise, for the contexts, which definitions_reader_next() then reads as events without fields. */
int definitions_reader_init_contexts(struct definitions_reader *reader, const void *data, size_t size);

/* Whether it can be a context's. */
bool definition_type_is_context(unsigned type);

/* Letters, digits and underscores, not empty: safe in metadata and on a terminal. */
bool definition_name_is_valid(const char *s, size_t length);

/*
 * Reads the next event. 1 and *ret, 0 at the end, -EBADMSG for a broken entry:
 * sizes out of bounds, unknown types, names that are no identifiers.
 */
int definitions_reader_next(struct definitions_reader *reader, struct definition *ret);

/*
 * Appends one event to buffer at *offset (which it advances), or only measures
 * it where buffer is NULL. -EMSGSIZE where it does not fit into size,
 * -EINVAL where it has more fields or longer names than an entry may have.
 */
int definitions_append(char *buffer, size_t size, size_t *offset, const struct definition *definition);

/* Writes the header for n_events events that end at total_size. */
void definitions_finish(char *buffer, uint32_t n_events, size_t total_size);

/* After that: n contexts follow the events, up to total_size. */
void definitions_finish_contexts(char *buffer, uint32_t n, size_t total_size);
