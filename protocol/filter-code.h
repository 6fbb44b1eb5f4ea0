/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A filter as the library runs it: a header, instructions for a small stack
 * machine, the bytes of string patterns. In the byte order of the machine.
 *
 * It ends whatever it says: jumps lead forward only. What
 * depends on data, comparing strings, has a limit for the whole run.
 * Nothing here allocates memory, fails, or touches errno or the program's
 * floating point state; filter_run() is async-signal-safe.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/definitions.h"
#include "protocol/later.h"

#define FILTER_CODE_MAJOR 1
#define FILTER_CODE_MINOR (1 + LATER_MINOR)

#define FILTER_STACK_MAX 16
#define FILTER_INSTRUCTIONS_MAX 4096
#define FILTER_STRINGS_MAX 32768
#define FILTER_STEPS_MAX 65536 /* bytes of strings that one run looks at */
#define FILTER_CODE_SIZE_MAX                                                                                   \
        (sizeof(struct filter_code) + FILTER_INSTRUCTIONS_MAX * sizeof(struct filter_instruction) + FILTER_STRINGS_MAX)

enum filter_op {
        FILTER_SIGNED = 1,  /* push value */
        FILTER_UNSIGNED,    /* push value */
        FILTER_FLOAT,       /* push value, the bits of a double */
        FILTER_FIELD,       /* push the field of this type that lies value bytes into piece number index */
        FILTER_CONTEXT,     /* push context value */
        FILTER_MATCH,       /* string: 1 where the pattern at value (offset, length << 32 in the strings) matches */
        FILTER_NOT,         /* integer: 1 where it is 0 */
        FILTER_BOOL,        /* number: 1 where it is not 0 */
        FILTER_NEGATE,      /* number */
        FILTER_INVERT,      /* from here to SHIFT_RIGHT: integers only */
        FILTER_AND,
        FILTER_OR,
        FILTER_XOR,
        FILTER_SHIFT_LEFT,
        FILTER_SHIFT_RIGHT,
        FILTER_EQ,          /* two numbers or two strings */
        FILTER_NE,
        FILTER_LT,          /* from here to GE: two numbers */
        FILTER_LE,
        FILTER_GT,
        FILTER_GE,
        FILTER_JUMP_FALSE,  /* integer: 0: keep it and go on at instruction value; else take it away */
        FILTER_JUMP_TRUE,   /* likewise where it is not 0 */
        FILTER_PASS,        /* integer, alone on the stack: not 0: the filter passes; else take it away */
        FILTER_APPLICATION, /* push the application's context number index, of this type; since minor version 1 */
        _FILTER_OP_MAX,
};

struct filter_instruction {
        uint8_t op;
        uint8_t type;      /* FIELD: enum definition_type, no array; APPLICATION: that of a context */
        uint16_t index;    /* FIELD: of the piece, of a sequence that of its elements; APPLICATION: of the name */
        uint32_t reserved; /* 0 */
        uint64_t value;
};

/* At the beginning, at a multiple of 8. Its instructions follow, then its strings, then zeros up to size, or what a later minor version has. */
struct filter_code {
        uint16_t major, minor;
        uint32_t size; /* of everything; a multiple of 8 */
        uint32_t n_instructions;
        uint32_t strings_size;
        uint32_t contexts; /* those that CONTEXT instructions name: enum context */
        uint32_t app_size; /* since minor version 1: so many bytes at the end of the strings are the names of the
                            * application's contexts, as struct context_set.app, with NUL; 0: there are none */
};

/* The names of the application's contexts in checked code; "" where there are none. */
static inline const char *filter_code_app(const struct filter_code *code) {
        const struct filter_instruction *instructions = (const struct filter_instruction *) (code + 1);

        return code->app_size == 0 ? "" : (const char *) (instructions + code->n_instructions) + code->strings_size -
                                                  code->app_size;
}

enum filter_kind {
        FILTER_KIND_SIGNED,
        FILTER_KIND_UNSIGNED,
        FILTER_KIND_FLOAT,
        FILTER_KIND_STRING,
};

/* A value while a filter runs. */
struct filter_value {
        enum filter_kind kind;
        bool terminated;   /* STRING: ends before a NUL, if there is one within length */
        uint32_t length;   /* STRING */
        union {
                uint64_t number; /* or the bits of a double */
                const char *string;
        };
};

/*
 * What a filter is run on. The payload lies in pieces, as the tracepoint hands
 * it over: of an event whose fields all have a fixed size one piece with the
 * packed values; of any other event one piece for each field, of a sequence two,
 * the count and the elements.
 */
struct filter_piece {
        const char *data;
        uint32_t size;
        bool terminated; /* ends before a NUL, if there is one within size */
};

struct filter_input {
        /* False where there is no piece of this number. */
        bool (*piece)(const struct filter_input *input, unsigned number, struct filter_piece *ret);

        /* This set of contexts, as it is in a record. They stay until the run ends. Called at most once. */
        const char *(*contexts)(struct filter_input *input, uint32_t contexts);

        /*
         * The application's context of this number: 8 bytes, or a string that ends within APP_CONTEXT_VALUE_MAX. It
         * stays until the run ends. NULL where there is none, or of another type.
         */
        const char *(*application)(struct filter_input *input, unsigned number, unsigned type);
};

/*
 * Whether code can be run: versions, sizes, each instruction, what is on the
 * stack at each. data has exactly size bytes, lies at a multiple of 8 and cannot
 * change. -EBADMSG where it is broken, -EPROTONOSUPPORT for another major version.
 */
int filter_check(const void *data, size_t size);

/* Whether the event passes a filter that filter_check() accepted. */
bool filter_run(const struct filter_code *code, struct filter_input *input);
