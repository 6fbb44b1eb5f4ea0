/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <string.h>

#include "common/glob.h"
#include "service/registry/catalog.h"

struct item {
        const char *name, *entry;
        size_t size;
};

struct items {
        struct item *first;
        size_t n, size;
};

const char *catalog_type_name(enum definition_type type) {
        static const char *const names[_DEFINITION_TYPE_MAX] = {
                [DEFINITION_U8] = "u8",           [DEFINITION_U16] = "u16",         [DEFINITION_U32] = "u32",
                [DEFINITION_U64] = "u64",         [DEFINITION_I8] = "i8",           [DEFINITION_I16] = "i16",
                [DEFINITION_I32] = "i32",         [DEFINITION_I64] = "i64",         [DEFINITION_HEX64] = "hex64",
                [DEFINITION_F32] = "f32",         [DEFINITION_F64] = "f64",         [DEFINITION_BOOL] = "bool",
                [DEFINITION_STRING] = "str",      [DEFINITION_TEXT] = "text",       [DEFINITION_BYTES] = "bytes",
                [DEFINITION_ARRAY_U8] = "u8[]",   [DEFINITION_ARRAY_U16] = "u16[]", [DEFINITION_ARRAY_U32] = "u32[]",
                [DEFINITION_ARRAY_U64] = "u64[]", [DEFINITION_ARRAY_I8] = "i8[]",   [DEFINITION_ARRAY_I16] = "i16[]",
                [DEFINITION_ARRAY_I32] = "i32[]", [DEFINITION_ARRAY_I64] = "i64[]",
        };

        return type < _DEFINITION_TYPE_MAX && names[type] ? names[type] : "?";
}

const char *catalog_level_name(uint8_t loglevel) {
        static const char *const names[] = {
                "emergency",     "alert",         "critical",     "error",      "warning",
                "notice",        "info",          "debug-system", "debug-program", "debug-process",
                "debug-module",  "debug-unit",    "debug-function", "debug-line", "debug",
        };

        return loglevel < ARRAY_SIZE(names) ? names[loglevel] : "unknown";
}

static int compare(const void *a, const void *b) {
        const struct item *x = a, *y = b;
        int r = strcmp(x->name, y->name);

        if (r != 0)
                return r;
        if (x->size != y->size)
                return x->size < y->size ? -1 : 1;
        return memcmp(x->entry, y->entry, x->size);
}

static int collect(const struct event_definitions *d, const char *glob, struct items *items) {
        for (uint32_t i = 0; i < d->n_events; i++) {
                if (!glob_match(glob, d->events[i].name))
                        continue;
                if (items->n == items->size) {
                        size_t size = items->size ? 2 * items->size : 64;
                        struct item *grown = realloc(items->first, size * sizeof(*grown));

                        if (!grown)
                                return -ENOMEM;
                        items->first = grown;
                        items->size = size;
                }
                items->first[items->n++] = (struct item) {
                        .name = d->events[i].name,
                        .entry = (const char *) d->data + d->events[i].offset,
                        .size = d->events[i].size,
                };
        }
        return 0;
}

static int read_entry(const struct item *item, struct definition *ret) {
        struct definitions_reader reader = { .data = item->entry, .size = item->size, .n_events = 1 };

        return definitions_reader_next(&reader, ret);
}

int catalog_walk(struct registry *r, uid_t uid, const char *glob,
                 int (*each)(const struct definition *event, const char *name, void *userdata), void *userdata) {
        struct event_definitions **list;
        struct items items = { 0 };
        struct definition event;
        size_t n;
        int k;

        k = registry_list_definitions(r, uid, &list, &n);
        if (k < 0)
                return k;
        for (size_t i = 0; i < n && k >= 0; i++)
                k = collect(list[i], glob, &items);
        if (items.n > 0)
                qsort(items.first, items.n, sizeof(items.first[0]), compare);
        for (size_t i = 0; i < items.n && k >= 0; i++) {
                if (i > 0 && compare(&items.first[i - 1], &items.first[i]) == 0)
                        continue;
                k = read_entry(&items.first[i], &event);
                if (k > 0)
                        k = each(&event, items.first[i].name, userdata);
        }
        free(items.first);
        for (size_t i = 0; i < n; i++)
                event_definitions_unref(list[i]);
        free(list);
        return k < 0 ? k : 0;
}
