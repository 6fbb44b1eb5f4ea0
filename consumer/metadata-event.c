/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "common/cleanup.h"
#include "consumer/metadata.h"
#include "protocol/context.h"

/* CTF knows the log levels of syslog and a few finer ones; readers complain about others. */
#define LOGLEVEL_MAX 14

#define ID_SIZE (sizeof("_app_") + DEFINITION_NAME_MAX + sizeof("__length_4294967295") + 1)

/* A field as it is written: the value's name and, for a sequence, its length's. */
struct field_names {
        char value[ID_SIZE];
        char length[ID_SIZE];
};

static const char *const types[_DEFINITION_TYPE_MAX] = {
        [DEFINITION_U8] = "uint8_t",
        [DEFINITION_U16] = "uint16_t",
        [DEFINITION_U32] = "uint32_t",
        [DEFINITION_U64] = "uint64_t",
        [DEFINITION_I8] = "int8_t",
        [DEFINITION_I16] = "int16_t",
        [DEFINITION_I32] = "int32_t",
        [DEFINITION_I64] = "int64_t",
        [DEFINITION_HEX64] = "integer { size = 64; align = 8; signed = false; base = 16; }",
        [DEFINITION_F32] = "floating_point { exp_dig = 8; mant_dig = 24; align = 8; }",
        [DEFINITION_F64] = "floating_point { exp_dig = 11; mant_dig = 53; align = 8; }",
        [DEFINITION_BOOL] = "uint8_t",
        [DEFINITION_STRING] = "string { encoding = UTF8; }",
        [DEFINITION_TEXT] = "integer { size = 8; align = 8; signed = false; encoding = UTF8; }",
        [DEFINITION_BYTES] = "integer { size = 8; align = 8; signed = false; base = 16; }",
        [DEFINITION_ARRAY_U8] = "uint8_t",
        [DEFINITION_ARRAY_U16] = "uint16_t",
        [DEFINITION_ARRAY_U32] = "uint32_t",
        [DEFINITION_ARRAY_U64] = "uint64_t",
        [DEFINITION_ARRAY_I8] = "int8_t",
        [DEFINITION_ARRAY_I16] = "int16_t",
        [DEFINITION_ARRAY_I32] = "int32_t",
        [DEFINITION_ARRAY_I64] = "int64_t",
};

static bool is_taken(const struct field_names *names, unsigned n, const char *name) {
        for (unsigned i = 0; i < n; i++)
                if (strcmp(names[i].value, name) == 0 || strcmp(names[i].length, name) == 0)
                        return true;
        return false;
}

/*
 * The underscore in front keeps the name apart from TSDL's keywords; readers
 * take it off again. names has all fields up to this one, as far as they have names yet.
 */
static void choose_name(const struct field_names *names, unsigned n, const char *prefix, const char *name,
                        const char *suffix, char ret[ID_SIZE]) {
        char candidate[ID_SIZE];

        snprintf(candidate, sizeof(candidate), "%s%s%s", prefix, name, suffix);
        for (unsigned k = 2; is_taken(names, n, candidate); k++)
                snprintf(candidate, sizeof(candidate), "%s%s%s_%u", prefix, name, suffix, k);
        memcpy(ret, candidate, sizeof(candidate));
}

static int put_field(struct text *text, struct field_names *names, unsigned n, const struct definition_field *field) {
        struct field_names *own = &names[n];
        int r;

        own->value[0] = own->length[0] = '\0';
        choose_name(names, n, "_", field->name, "", own->value);
        if (!definition_type_is_sequence(field->type))
                return text_printf(text, "\t\t%s %s;\n", types[field->type], own->value);
        choose_name(names, n, "__", field->name, "_length", own->length);
        r = text_printf(text, "\t\tuint32_t %s;\n", own->length);
        if (r < 0)
                return r;
        return text_printf(text, "\t\t%s %s[ %s ];\n", types[field->type], own->value, own->length);
}

/* In the order of their bits, as they stand in a record. */
static const struct {
        const char *type, *length;
} context_types[] = {
        { "int32_t", "" },
        { "int32_t", "" },
        { "integer { size = 8; align = 8; signed = false; encoding = UTF8; }", "[16]" },
        { "integer { size = 64; align = 8; signed = false; base = 16; }", "" },
        { "int32_t", "" },
        { "int32_t", "" },
        { "uint32_t", "" },
        { "uint32_t", "" },
        { "string { encoding = UTF8; }", "" },
};

_Static_assert(CONTEXT_PROCNAME_SIZE == 16, "as in its type");
_Static_assert(CONTEXTS_ALL == (1 << ARRAY_SIZE(context_types)) - 1, "each has a type");

/* "shop:queue" becomes _app_shop_queue, or the like where another context is called so already. */
static int put_app_contexts(struct text *text, const char *list, const struct app_contexts *app) {
        struct field_names names[APP_CONTEXTS_MAX];
        char id[APP_CONTEXTS_SIZE];
        const char *name;
        size_t length;
        int r = 0;

        for (unsigned i = 0; r >= 0 && i < app->n && (name = app_contexts_next(&list, &length)); i++) {
                memcpy(id, name, length);
                id[length] = '\0';
                *strchr(id, ':') = '_';
                names[i].value[0] = names[i].length[0] = '\0';
                choose_name(names, i, "_app_", id, "", names[i].value);
                r = text_printf(text, "\t\t%s %s;\n", types[app->types[i]], names[i].value);
        }
        return r;
}

static int put_contexts(struct text *text, const struct context_set *set, const struct app_contexts *app) {
        uint32_t contexts = set->bits;
        int r;

        if (contexts == 0)
                return 0;
        r = text_printf(text, "\tcontext := struct {\n");
        for (unsigned i = 0; r >= 0 && i < ARRAY_SIZE(context_types); i++) {
                if (contexts & UINT32_C(1) << i)
                        r = text_printf(text, "\t\t%s _%s%s;\n", context_types[i].type,
                                        context_name(UINT32_C(1) << i), context_types[i].length);
        }
        if (r >= 0)
                r = put_app_contexts(text, set->app, app);
        return r < 0 ? r : text_printf(text, "\t} align(8);\n");
}

int metadata_event(struct text *text, uint32_t stream, uint32_t id, const struct context_set *contexts,
                   const struct app_contexts *app, const struct definition *d) {
        struct field_names names[DEFINITION_FIELDS_MAX];
        size_t before = text->size;
        int r;

        r = text_printf(text,
                        "event {\n"
                        "\tname = \"%s:%s\";\n"
                        "\tid = %" PRIu32 ";\n"
                        "\tstream_id = %" PRIu32 ";\n",
                        d->provider, d->name, id, stream);
        if (r >= 0 && d->loglevel <= LOGLEVEL_MAX)
                r = text_printf(text, "\tloglevel = %u;\n", d->loglevel);
        if (r >= 0)
                r = put_contexts(text, contexts, app);
        if (r >= 0)
                r = text_printf(text, "\tfields := struct {\n");
        for (unsigned i = 0; r >= 0 && i < d->n_fields; i++)
                r = put_field(text, names, i, &d->fields[i]);
        if (r >= 0)
                r = text_printf(text, "\t};\n};\n\n");
        if (r < 0)
                text->size = before;
        return r;
}
