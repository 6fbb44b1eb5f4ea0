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

static int walk_items(struct items *items, int (*each)(const struct definition *event, const char *name, void *userdata),
                      void *userdata) {
        struct definition event;
        int k = 0;

        if (items->n > 0)
                qsort(items->first, items->n, sizeof(items->first[0]), compare);
        for (size_t i = 0; i < items->n && k >= 0; i++) {
                if (i > 0 && compare(&items->first[i - 1], &items->first[i]) == 0)
                        continue;
                k = read_entry(&items->first[i], &event);
                if (k > 0)
                        k = each(&event, items->first[i].name, userdata);
        }
        return k < 0 ? k : 0;
}

/* The definitions of one uid, which keep what the items point to, and then those of the next. */
static int walk(struct registry *r, const uid_t *uids, size_t n_uids, const char *glob, struct items *items,
                int (*each)(const struct definition *event, const char *name, void *userdata), void *userdata) {
        struct event_definitions **list;
        size_t n;
        int k;

        if (n_uids == 0)
                return walk_items(items, each, userdata);
        k = registry_list_definitions(r, uids[0], &list, &n);
        if (k < 0)
                return k;
        for (size_t i = 0; i < n && k >= 0; i++)
                k = collect(list[i], glob, items);
        if (k >= 0)
                k = walk(r, uids + 1, n_uids - 1, glob, items, each, userdata);
        for (size_t i = 0; i < n; i++)
                event_definitions_unref(list[i]);
        free(list);
        return k;
}

int catalog_walk(struct registry *r, const uid_t *uids, size_t n_uids, const char *glob,
                 int (*each)(const struct definition *event, const char *name, void *userdata), void *userdata) {
        struct items items = { 0 };
        int k;

        k = walk(r, uids, n_uids, glob, &items, each, userdata);
        free(items.first);
        return k;
}
