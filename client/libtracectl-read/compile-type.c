/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "client/libtracectl-read/compiler.h"

static int compile_type(struct compiler *compiler, const struct type *type, const char *name);

/* The new operation may move with the next one; refer to it by its index. */
static int emit(struct compiler *compiler, enum op_code code, const char *name, uint32_t align, struct op **ret) {
        struct program *program = compiler->program;
        struct op *op;

        if (program->n_ops == program->capacity) {
                size_t capacity = program->capacity > 0 ? 2 * program->capacity : 8;
                struct op *ops = arena_alloc(&compiler->metadata->arena, capacity * sizeof(*ops));

                if (!ops)
                        return compiler_oom(compiler);
                if (program->n_ops > 0)
                        memcpy(ops, program->ops, program->n_ops * sizeof(*ops));
                program->ops = ops;
                program->capacity = capacity;
        }
        if (name)
                name = member_shown_name(name);
        op = &program->ops[program->n_ops++];
        *op = (struct op) {
                .code = (uint8_t) code,
                .align_mask = align - 1,
                .name = name,
                .name_size = name ? strlen(name) : 0,
        };
        *ret = op;
        return 0;
}

static bool is_big_endian(const struct compiler *compiler, enum byte_order order) {
        return order == BYTE_ORDER_NATIVE ? compiler->metadata->is_big_endian : order == BYTE_ORDER_BIG;
}

/* What of a number is the same for one and for a whole array. */
static void describe_number(struct compiler *compiler, const struct type *type, struct op *op) {
        if (type->kind == TYPE_FLOAT) {
                op->bits = (uint8_t) type->floating.bits;
                op->is_float = true;
                op->is_big_endian = is_big_endian(compiler, type->floating.order);
                return;
        }
        if (type->kind == TYPE_ENUM) {
                op->labels = type;
                type = type->enumeration.integer;
        }
        op->bits = (uint8_t) type->integer.bits;
        op->base = type->integer.base;
        op->is_signed = type->integer.is_signed;
        op->is_big_endian = is_big_endian(compiler, type->integer.order);
}

static enum op_code integer_code(const struct op *op) {
        bool is_foreign = op->is_big_endian != (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__);

        if (op->align_mask < 7 || (is_foreign && op->bits > 8))
                return OP_BITS;
        switch (op->bits) {
        case 8:
                return op->is_signed ? OP_S8 : OP_U8;
        case 16:
                return op->is_signed ? OP_S16 : OP_U16;
        case 32:
                return op->is_signed ? OP_S32 : OP_U32;
        case 64:
                return op->is_signed ? OP_S64 : OP_U64;
        default:
                return OP_BITS;
        }
}

static int compile_number(struct compiler *compiler, const struct type *type, const char *name) {
        const struct type *integer = type->kind == TYPE_ENUM ? type->enumeration.integer : type;
        enum role role = ROLE_NONE;
        struct op *op;
        int r;

        r = emit(compiler, OP_FLOAT, name, type->align, &op);
        if (r < 0)
                return r;
        describe_number(compiler, type, op);
        if (type->kind == TYPE_FLOAT)
                return 0;
        op->code = (uint8_t) integer_code(op);
        r = role_find(compiler, op->name ? op->name : "", integer, &role);
        if (r < 0)
                return r;
        op->role = (uint8_t) role;
        return symbol_add(compiler, type);
}

/* Compiles one step down: the path grows by name, and shrinks again. */
static int compile_below(struct compiler *compiler, const struct type *type, const char *step, const char *name) {
        size_t length = strlen(compiler->path);
        int r;

        if (length + strlen(step) + 2 > sizeof(compiler->path))
                return compiler_fail(compiler, "the path of a field has more than %d characters", COMPILER_PATH_MAX);
        if (length > 0)
                strcat(compiler->path, ".");
        strcat(compiler->path, step);
        r = compile_type(compiler, type, name);
        compiler->path[length] = '\0';
        return r;
}

static int compile_members(struct compiler *compiler, const struct type *type) {
        for (const struct member *member = type->compound.members; member; member = member->next) {
                int r = compile_below(compiler, member->type, member->name, member->name);

                if (r < 0)
                        return r;
        }
        return 0;
}

static int compile_struct(struct compiler *compiler, const struct type *type, const char *name) {
        struct op *op;
        int r;

        r = emit(compiler, OP_STRUCT, name, type->align, &op);
        if (r >= 0)
                r = compile_members(compiler, type);
        return r < 0 ? r : emit(compiler, OP_CLOSE, NULL, 1, &op);
}

static int count_choices(struct compiler *compiler, const struct type *type, const struct type *tag, size_t *ret) {
        size_t n = 0;

        for (const struct member *member = type->compound.members; member; member = member->next) {
                size_t n_mappings = 0;
                int r;

                for (const struct mapping *m = tag->enumeration.mappings; m; m = m->next, n_mappings++)
                        n += strcmp(m->label, member->name) == 0;
                r = compiler_work(compiler, n_mappings);
                if (r < 0)
                        return r;
        }
        *ret = n;
        return 0;
}

/* One block an alternative, each with a jump to the end. */
static int compile_choices(struct compiler *compiler, const struct type *type, const struct type *tag,
                           const char *name, struct choice *choices, size_t n_choices) {
        size_t n = 0, n_members = 0, jump_n = 0;
        uint32_t *jumps;
        struct op *op;
        int r;

        for (const struct member *member = type->compound.members; member; member = member->next)
                n_members++;
        jumps = arena_alloc(&compiler->metadata->arena, n_members * sizeof(*jumps));
        if (!jumps)
                return compiler_oom(compiler);
        for (const struct member *member = type->compound.members; member; member = member->next) {
                for (const struct mapping *m = tag->enumeration.mappings; m; m = m->next)
                        if (strcmp(m->label, member->name) == 0 && n < n_choices)
                                choices[n++] = (struct choice) {
                                        .low = m->low,
                                        .high = m->high,
                                        .target = (uint32_t) compiler->program->n_ops,
                                };
                r = compile_below(compiler, member->type, member->name, name);
                if (r >= 0)
                        r = emit(compiler, OP_JUMP, NULL, 1, &op);
                if (r < 0)
                        return r;
                jumps[jump_n++] = (uint32_t) compiler->program->n_ops - 1;
        }
        for (size_t i = 0; i < jump_n; i++)
                compiler->program->ops[jumps[i]].target = (uint32_t) compiler->program->n_ops;
        return 0;
}

static int compile_variant(struct compiler *compiler, const struct type *type, const char *name) {
        size_t at = compiler->program->n_ops, n_choices;
        struct choice *choices;
        const struct type *tag;
        struct op *op;
        uint32_t load;
        int r;

        if (!type->compound.tag)
                return compiler_fail(compiler, "a variant has no tag");
        r = symbol_get(compiler, type->compound.tag, &tag, &op);
        if (r < 0)
                return r;
        load = op->store;
        if (tag->kind != TYPE_ENUM)
                return compiler_fail(compiler, "the tag '%s' of a variant is no enumeration", type->compound.tag);
        r = count_choices(compiler, type, tag, &n_choices);
        if (r < 0)
                return r;
        choices = arena_alloc(&compiler->metadata->arena, n_choices * sizeof(*choices));
        if (!choices)
                return compiler_oom(compiler);
        r = emit(compiler, OP_VARIANT, name, 1, &op);
        if (r < 0)
                return r;
        op->load = load;
        op->is_signed = tag->enumeration.integer->integer.is_signed;
        r = compile_choices(compiler, type, tag, name, choices, n_choices);
        if (r < 0)
                return r;
        op = &compiler->program->ops[at];
        op->choices = choices;
        op->n_choices = (uint32_t) n_choices;
        return 0;
}

/* An array of structs and the like: the element's operations, again and again. */
static int compile_loop(struct compiler *compiler, const struct type *type, size_t at) {
        struct op *op;
        int r;

        compiler->program->ops[at].code = OP_LOOP;
        r = compile_type(compiler, type->array.element, NULL);
        if (r >= 0)
                r = emit(compiler, OP_NEXT, NULL, 1, &op);
        if (r < 0)
                return r;
        op->target = (uint32_t) at + 1;
        compiler->program->ops[at].target = (uint32_t) compiler->program->n_ops;
        return emit(compiler, OP_CLOSE, NULL, 1, &op);
}

static int compile_array(struct compiler *compiler, const struct type *type, const char *name) {
        const struct type *element = type->array.element, *length;
        enum type_kind kind = element->kind;
        size_t at = compiler->program->n_ops;
        enum role role = ROLE_NONE;
        uint32_t load = 0;
        struct op *op;
        int r;

        if (type->kind == TYPE_SEQUENCE) {
                r = symbol_get(compiler, type->array.length_path, &length, &op);
                if (r < 0)
                        return r;
                op->is_length = true;
                load = op->store;
        }
        r = emit(compiler, OP_NUMBERS, name, element->align, &op);
        if (r < 0)
                return r;
        op->count = type->array.length;
        op->load = load;
        if (kind != TYPE_INTEGER && kind != TYPE_ENUM && kind != TYPE_FLOAT)
                return compile_loop(compiler, type, at);

        describe_number(compiler, element, op);
        if (kind == TYPE_INTEGER && element->integer.is_text && op->bits == 8 && op->align_mask == 7) {
                op->code = OP_TEXT;
                op->is_padded = type->kind == TYPE_ARRAY;
        }
        r = role_find(compiler, op->name ? op->name : "", NULL, &role);
        if (r >= 0 && role == ROLE_UUID && op->bits == 8 && op->count == 16 && op->load == 0)
                op->role = (uint8_t) role;
        return r;
}

static int compile_type_inner(struct compiler *compiler, const struct type *type, const char *name) {
        struct op *op;

        switch (type->kind) {
        case TYPE_INTEGER:
        case TYPE_ENUM:
        case TYPE_FLOAT:
                return compile_number(compiler, type, name);
        case TYPE_STRING:
                return emit(compiler, OP_STRING, name, type->align, &op);
        case TYPE_STRUCT:
                return compile_struct(compiler, type, name);
        case TYPE_VARIANT:
                return compile_variant(compiler, type, name);
        default:
                return compile_array(compiler, type, name);
        }
}

static int compile_type(struct compiler *compiler, const struct type *type, const char *name) {
        int r;

        if (compiler->depth >= PROGRAM_DEPTH_MAX)
                return compiler_fail(compiler, "types are nested more than %d deep", PROGRAM_DEPTH_MAX);
        if (++compiler->types > COMPILER_TYPES_MAX)
                return compiler_fail(compiler, "the types are too complex");
        compiler->depth++;
        r = compile_type_inner(compiler, type, name);
        compiler->depth--;
        return r;
}

int compile_root(struct compiler *compiler, enum root root, const struct type *type, struct program **ret) {
        struct program *program = arena_alloc(&compiler->metadata->arena, sizeof(*program));
        struct op *op;
        int r = 0;

        if (!program)
                return compiler_oom(compiler);
        compiler->program = program;
        compiler->root = root;
        compiler->path[0] = '\0';
        if (type) {
                /* For the struct's alignment alone. */
                r = emit(compiler, OP_JUMP, NULL, type->align, &op);
                if (r >= 0)
                        op->target = 1;
                if (r >= 0)
                        r = compile_members(compiler, type);
        }
        if (r >= 0)
                r = emit(compiler, OP_END, NULL, 1, &op);
        if (r >= 0)
                *ret = program;
        return r;
}
