/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A type, compiled to a flat list of operations that decode.h runs: alignment,
 * byte order and the place of every length and tag are settled here, once.
 * Lengths and tags travel from the field that has them to the one that needs
 * them through registers, which belong to the stream; register 0 is written by
 * all fields that nobody needs. A program lives in the arena of its metadata
 * and is constant once the metadata is loaded.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "client/libtracectl-read/problem.h"
#include "client/libtracectl-read/type.h"

#define PROGRAM_DEPTH_MAX 64

enum op_code {
        OP_END,
        OP_U8, /* to OP_S64: whole bytes in this machine's order */
        OP_U16,
        OP_U32,
        OP_U64,
        OP_S8,
        OP_S16,
        OP_S32,
        OP_S64,
        OP_BITS,    /* any other integer */
        OP_FLOAT,
        OP_STRING,  /* up to a NUL */
        OP_TEXT,    /* count bytes */
        OP_NUMBERS, /* count integers or floating point numbers */
        OP_STRUCT,
        OP_LOOP,    /* count times what follows, up to the OP_NEXT before target */
        OP_NEXT,
        OP_VARIANT, /* goes on at the choice of the tag */
        OP_JUMP,
        OP_CLOSE,   /* ends OP_STRUCT and OP_LOOP */
};

/* Fields that mean something to the reader. */
enum role {
        ROLE_NONE,
        ROLE_MAGIC,
        ROLE_UUID, /* the position of its first bit */
        ROLE_STREAM_ID,
        ROLE_BEGIN,
        ROLE_END,
        ROLE_CONTENT_SIZE,
        ROLE_PACKET_SIZE,
        ROLE_SEQUENCE,
        ROLE_DISCARDED,
        ROLE_CPU,
        ROLE_ID,
        ROLE_TIME,
        ROLE_PID,
        ROLE_TID,
        _ROLE_MAX,
};

struct choice {
        uint64_t low, high;
        uint32_t target;
};

struct op {
        uint8_t code, bits, base, role;
        bool is_signed, is_big_endian, is_float;
        bool is_padded;      /* OP_TEXT: ends at the first NUL */
        bool is_length;      /* of a sequence */
        uint32_t align_mask; /* alignment in bits, minus one */
        uint32_t store;      /* register for the value */
        uint32_t load;       /* register with the count or tag; 0: count is constant */
        uint32_t target;
        uint32_t n_choices;
        uint64_t count;
        const char *name; /* without the underscore that protects it from keywords */
        size_t name_size;
        const struct type *labels; /* the enumeration */
        const struct choice *choices;
};

struct program {
        struct op *ops;
        size_t n_ops, capacity;
};

/* Where a type stands. The order is that in which one may refer to another. */
enum root {
        ROOT_PACKET_HEADER,
        ROOT_PACKET_CONTEXT,
        ROOT_EVENT_HEADER,
        ROOT_STREAM_EVENT_CONTEXT,
        ROOT_EVENT_CONTEXT,
        ROOT_EVENT_FIELDS,
};

struct metadata;

/* Compiles everything in metadata. path is for the sentence in problem. */
int programs_compile(struct metadata *metadata, const char *path, struct problem *problem);
