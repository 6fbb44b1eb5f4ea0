/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A tracefs `format` file: what the record of a kernel event looks like. Kernels
 * change their formats, so nothing about an event is known beforehand. The text
 * is checked line by line, and field by field against the record's bounds. No
 * state, no memory of its own.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KERNEL_NAME_MAX 128
#define KERNEL_FIELDS_MAX 128

/* No field lies beyond; a record is in one sub-buffer. */
#define KERNEL_OFFSET_MAX 4096

enum kernel_field_kind {
        KERNEL_INTEGER,      /* size bytes: 1, 2, 4 or 8 */
        KERNEL_TEXT,         /* size characters, ended by a NUL where they are fewer */
        KERNEL_ARRAY,        /* size bytes, a whole number of elements */
        KERNEL_LOC_STRING,   /* a word: place and length of a string that ends with a NUL */
        KERNEL_LOC_SEQUENCE, /* a word: place and length of elements */
        KERNEL_REST_STRING,  /* everything from offset on */
        KERNEL_REST_SEQUENCE,
};

struct kernel_field {
        enum kernel_field_kind kind;
        char name[KERNEL_NAME_MAX];
        uint32_t offset; /* from the record's beginning */
        uint32_t size;
        uint32_t element; /* bytes; of integers their size */
        bool is_signed;
        bool is_address;  /* shown as a hexadecimal number */
        bool is_relative; /* a word whose place counts from the word's end */
};

struct kernel_format {
        char name[KERNEL_NAME_MAX];
        uint32_t id;      /* common_type of its records */
        uint32_t pid_at;  /* offset of common_pid, which is a thread's number */
        uint32_t n_fields; /* without the common ones */
        struct kernel_field fields[KERNEL_FIELDS_MAX];
};

/* -EBADMSG where the text is no format file, or has what no record could have. */
int kernel_format_parse(const char *text, size_t size, struct kernel_format *ret);
