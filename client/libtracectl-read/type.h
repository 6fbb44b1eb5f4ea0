/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * CTF types as the metadata declares them. They live in the arena of their
 * trace, never change once they are made, and are shared by whatever refers to
 * them; what depends on the place of use (where a sequence's length comes from)
 * is settled by program.h.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum type_kind {
        TYPE_INTEGER,
        TYPE_FLOAT,
        TYPE_ENUM,
        TYPE_STRING,
        TYPE_STRUCT,
        TYPE_VARIANT,
        TYPE_ARRAY,
        TYPE_SEQUENCE,
};

enum byte_order {
        BYTE_ORDER_NATIVE, /* the trace's */
        BYTE_ORDER_LITTLE,
        BYTE_ORDER_BIG,
};

/* Values low to high, signed or unsigned as the enumeration's integer. */
struct mapping {
        struct mapping *next;
        const char *label;
        uint64_t low, high;
};

/* A field of a struct, or a choice of a variant. */
struct member {
        struct member *next;
        const char *name;
        const struct type *type;
};

/* Without the '_' that tracers put before names that might be words of the language. */
static inline const char *member_shown_name(const char *name) {
        return *name == '_' ? name + 1 : name;
}

struct type {
        enum type_kind kind;
        uint32_t align; /* bits, a power of two */
        union {
                struct {
                        uint32_t bits;
                        uint8_t base;
                        bool is_signed;
                        bool is_text; /* an array of these is a string */
                        enum byte_order order;
                        const char *clock; /* whose time it is, or NULL */
                } integer;
                struct {
                        uint32_t bits;
                        enum byte_order order;
                } floating;
                struct {
                        const struct type *integer;
                        struct mapping *mappings;
                } enumeration;
                struct {
                        struct member *members;
                        const char *tag; /* of a variant: "a.b.c", or NULL while it has none */
                } compound;
                struct {
                        const struct type *element;
                        uint64_t length;        /* of an array */
                        const char *length_path; /* of a sequence: "a.b.c" */
                } array;
        };
};

#define TYPE_ALIGN_MAX 4096 /* bits; window.h keeps data aligned to this */
