/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The state of compiling one metadata's types. symbol.c finds the fields that
 * lengths and tags refer to, compile-type.c makes operations of types,
 * compile.c goes over the streams and events.
 */

#include "client/libtracectl-read/metadata.h"

#define COMPILER_PATH_MAX 1024
#define COMPILER_WORK_MAX 20000000
#define COMPILER_TYPES_MAX 250000
#define COMPILER_REGISTERS_MAX 65536

/* An integer that was compiled before; the newest first. */
struct symbol {
        struct symbol *older;
        enum root root;
        const char *path; /* below the root: "a.b.c" */
        struct program *program;
        uint32_t op;
        const struct type *type;
};

struct compiler {
        struct metadata *metadata;
        struct problem *problem;
        const char *metadata_path;
        struct stream_class *stream; /* NULL for the packet header */
        const struct event_class *event;
        struct program *program;
        enum root root;
        struct symbol *symbols;
        unsigned n_registers;
        unsigned depth;
        uint64_t types; /* compiled, and */
        uint64_t work;  /* comparisons: bounded, because types that share types may be endless */
        char path[COMPILER_PATH_MAX];
};

__attribute__((format(printf, 2, 3))) int compiler_fail(struct compiler *compiler, const char *format, ...);
int compiler_oom(struct compiler *compiler);

/* Adds to the work. -EBADMSG, with the sentence, where it becomes too much. */
int compiler_work(struct compiler *compiler, uint64_t n);

/* Remembers the newest operation of the program under the compiler's path. */
int symbol_add(struct compiler *compiler, const struct type *type);

/*
 * Finds what path refers to from here: the operation, good until the next one
 * is made, whose store is the register that will hold the value.
 */
int symbol_get(struct compiler *compiler, const char *path, const struct type **ret_type, struct op **ret);

/* Compiles the fields of a struct, without opening one. type may be NULL. */
int compile_root(struct compiler *compiler, enum root root, const struct type *type, struct program **ret);

/* What the reader knows a field by, or ROLE_NONE. name is without underscore. */
int role_find(struct compiler *compiler, const char *name, const struct type *integer, enum role *ret);
