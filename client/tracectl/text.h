/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Text on its way to a file descriptor: a large buffer, and numbers without
 * printf(). A write that fails is remembered in error, and everything after it
 * dropped. Whoever has it begins with text_init(), and calls text_flush() before
 * the end.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TEXT_SIZE 262144
#define TEXT_RESERVE 64 /* bytes that are always there after text_room() */

struct text {
        int fd;
        int error; /* errno, or 0 */
        size_t size;
        bool has_flushed; /* set by text_flush(); whoever wants to know clears it */
        void (*before_write)(void *userdata); /* NULL, or called before anything is written to fd */
        void *userdata;
        char data[TEXT_SIZE];
};

/* All but the room for text, which stays as it is. */
void text_init(struct text *text, int fd);

void text_flush(struct text *text);

/* Bytes as they are. */
void text_add(struct text *text, const char *data, size_t size);

/*
 * Bytes that nobody vouches for: UTF-8 that a terminal shows as a letter stays;
 * control characters, broken UTF-8, what changes the direction of writing, and
 * quote, if not 0, become escapes.
 */
void text_add_escaped(struct text *text, const char *data, size_t size, char quote);

/* The same as text of its own, which the caller frees; NULL without memory. Of what is absurdly long, the beginning. */
char *text_escaped_copy(const char *data);

/* The bytes of the UTF-8 character at p, or 0 where there is none. ret receives it. */
unsigned text_decode_utf8(const unsigned char *p, size_t size, uint32_t *ret);

void text_add_u64(struct text *text, uint64_t value);
void text_add_i64(struct text *text, int64_t value);
void text_add_u64_base(struct text *text, uint64_t value, unsigned base, unsigned min_digits); /* 2, 8 or 16 */
void text_add_digits(struct text *text, uint32_t value, unsigned digits);                      /* with zeros before */
void text_add_double(struct text *text, double value);

/* Decimal digits to a place that has room for TEXT_NUMBER bytes, which may all be written to. Returns their end. */
#define TEXT_NUMBER 24
char *text_write_u64(char *p, uint64_t value);
char *text_write_nanoseconds(char *p, uint32_t value); /* 9 digits */

static inline void text_room(struct text *text) {
        if (text->size > TEXT_SIZE - TEXT_RESERVE)
                text_flush(text);
}

/* A place for up to size bytes, which text_commit() takes in up to their end. size is less than TEXT_SIZE. */
static inline char *text_reserve(struct text *text, size_t size) {
        if (text->size > TEXT_SIZE - size)
                text_flush(text);
        return text->data + text->size;
}

static inline void text_commit(struct text *text, const char *end) {
        text->size = (size_t) (end - text->data);
}

static inline void text_add_char(struct text *text, char c) {
        text_room(text);
        text->data[text->size++] = c;
}

#define text_add_literal(text, s) text_add(text, "" s, sizeof(s) - 1)
