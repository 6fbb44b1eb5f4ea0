/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "client/libtracectl-read/compact.h"

static bool is_integer(const struct metadata *metadata, const struct type *type, uint32_t bits, uint32_t align) {
        return type->kind == TYPE_INTEGER && type->integer.bits == bits && !type->integer.is_signed &&
               type->align == align &&
               (type->integer.order == BYTE_ORDER_LITTLE ||
                (type->integer.order == BYTE_ORDER_NATIVE && !metadata->is_big_endian));
}

static bool is_named(const struct member *member, const char *name) {
        return member && strcmp(member->name, name) == 0;
}

/* compact = 0 ... 30, extended = 31 */
static bool is_tag(const struct metadata *metadata, const struct type *type) {
        const struct mapping *m, *n;

        if (type->kind != TYPE_ENUM || type->align > 8 ||
            !is_integer(metadata, type->enumeration.integer, CTF_COMPACT_ID_BITS, type->align))
                return false;
        m = type->enumeration.mappings;
        n = m ? m->next : NULL;
        return n && !n->next && strcmp(m->label, "compact") == 0 && m->low == 0 && m->high == CTF_ID_EXTENDED - 1 &&
               strcmp(n->label, "extended") == 0 && n->low == CTF_ID_EXTENDED && n->high == CTF_ID_EXTENDED;
}

static bool is_compact(const struct metadata *metadata, const struct type *type) {
        const struct member *time = type->kind == TYPE_STRUCT ? type->compound.members : NULL;

        return is_named(time, "timestamp") && !time->next && type->align == 1 &&
               is_integer(metadata, time->type, CTF_COMPACT_TIME_BITS, 1);
}

static bool is_extended(const struct metadata *metadata, const struct type *type) {
        const struct member *id = type->kind == TYPE_STRUCT ? type->compound.members : NULL;

        return is_named(id, "id") && is_named(id->next, "timestamp") && !id->next->next && type->align == 8 &&
               is_integer(metadata, id->type, 32, 8) && is_integer(metadata, id->next->type, 64, 8);
}

/* Whether a program leaves anything in a register for the ones after it. */
static bool has_registers(const struct program *program) {
        for (size_t i = 0; i < program->n_ops; i++)
                if (program->ops[i].store != 0 && strcmp(program->ops[i].name, "id") != 0)
                        return true;
        return false;
}

bool compact_header_fits(const struct metadata *metadata, const struct stream_class *stream) {
        const struct type *header = stream->event_header, *variant;
        const struct member *id, *choice;

        if (__BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__ || !header || header->align != 8 ||
            has_registers(stream->event_header_program))
                return false;
        id = header->compound.members;
        if (!is_named(id, "id") || !is_tag(metadata, id->type) || !id->next || id->next->next)
                return false;
        variant = id->next->type;
        if (variant->kind != TYPE_VARIANT || strcmp(variant->compound.tag, "id") != 0)
                return false;
        choice = variant->compound.members;
        return is_named(choice, "compact") && is_compact(metadata, choice->type) &&
               is_named(choice->next, "extended") && is_extended(metadata, choice->next->type) && !choice->next->next;
}
