/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "client/libtracectl-read/compiler.h"

#define PREFIX_WORK 16 /* to make a path, in comparisons */

int symbol_add(struct compiler *compiler, const struct type *type) {
        struct arena *arena = &compiler->metadata->arena;
        struct symbol *symbol = arena_alloc(arena, sizeof(*symbol));

        if (!symbol)
                return compiler_oom(compiler);
        *symbol = (struct symbol) {
                .older = compiler->symbols,
                .root = compiler->root,
                .path = arena_strndup(arena, compiler->path, strlen(compiler->path)),
                .program = compiler->program,
                .op = (uint32_t) compiler->program->n_ops - 1,
                .type = type,
        };
        if (!symbol->path)
                return compiler_oom(compiler);
        compiler->symbols = symbol;
        return 0;
}

/* The newest one of this path; below one root, or any. */
static struct symbol *find(struct compiler *compiler, const char *path, const enum root *root) {
        for (struct symbol *symbol = compiler->symbols; symbol; symbol = symbol->older) {
                if (++compiler->work > COMPILER_WORK_MAX)
                        return NULL;
                if ((!root || symbol->root == *root) && strcmp(symbol->path, path) == 0)
                        return symbol;
        }
        return NULL;
}

/* "event.fields.length" and the like name their root. */
static bool find_absolute(struct compiler *compiler, const char *path, struct symbol **ret) {
        static const struct {
                const char *prefix;
                enum root root;
        } roots[] = {
                { "trace.packet.header.", ROOT_PACKET_HEADER },
                { "stream.packet.context.", ROOT_PACKET_CONTEXT },
                { "stream.event.header.", ROOT_EVENT_HEADER },
                { "stream.event.context.", ROOT_STREAM_EVENT_CONTEXT },
                { "event.context.", ROOT_EVENT_CONTEXT },
                { "event.fields.", ROOT_EVENT_FIELDS },
        };

        for (size_t i = 0; i < sizeof(roots) / sizeof(roots[0]); i++) {
                size_t n = strlen(roots[i].prefix);

                if (strncmp(path, roots[i].prefix, n) == 0) {
                        *ret = find(compiler, path + n, &roots[i].root);
                        return true;
                }
        }
        return false;
}

/* From the struct around outwards, then in what comes before this root. */
static struct symbol *find_relative(struct compiler *compiler, const char *path) {
        char prefix[COMPILER_PATH_MAX], full[2 * COMPILER_PATH_MAX + 2];
        struct symbol *symbol;
        char *dot;

        memcpy(prefix, compiler->path, sizeof(prefix));
        while ((dot = strrchr(prefix, '.'))) {
                *dot = '\0';
                compiler->work += PREFIX_WORK;
                snprintf(full, sizeof(full), "%s.%s", prefix, path);
                symbol = find(compiler, full, &compiler->root);
                if (symbol)
                        return symbol;
        }
        symbol = find(compiler, path, &compiler->root);
        return symbol ? symbol : find(compiler, path, NULL);
}

int symbol_get(struct compiler *compiler, const char *path, const struct type **ret_type, struct op **ret) {
        struct symbol *symbol = NULL;
        struct op *op;

        if (!find_absolute(compiler, path, &symbol))
                symbol = find_relative(compiler, path);
        if (!symbol && compiler->work > COMPILER_WORK_MAX)
                return compiler_fail(compiler, "the types are too complex");
        if (!symbol)
                return compiler_fail(compiler, "there is no integer '%s' before it that could be a length or tag",
                                     path);

        op = &symbol->program->ops[symbol->op];
        if (op->store == 0) {
                if (compiler->n_registers >= COMPILER_REGISTERS_MAX)
                        return compiler_fail(compiler, "the types are too complex");
                op->store = compiler->n_registers++;
        }
        *ret_type = symbol->type;
        *ret = op;
        return 0;
}
