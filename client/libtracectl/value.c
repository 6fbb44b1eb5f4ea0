/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "client/libtracectl/value.h"

int value_new(enum tracectl_type type, tracectl_value **ret) {
        tracectl_value *value = calloc(1, sizeof(*value));

        if (!value)
                return -ENOMEM;
        value->type = type;
        *ret = value;
        return 0;
}

void tracectl_value_free(tracectl_value *value) {
        if (!value)
                return;
        for (size_t i = 0; i < value->n; i++) {
                if (value->keys)
                        free(value->keys[i]);
                tracectl_value_free(value->items[i]);
        }
        free(value->keys);
        free(value->items);
        free(value->string);
        free(value);
}

/* Room for one more: the arrays grow to the next power of two. */
static int make_room(tracectl_value *value) {
        size_t size = value->n ? 2 * value->n : 1;
        tracectl_value **items;
        char **keys;

        if (value->n & (value->n - 1))
                return 0;
        items = reallocarray(value->items, size, sizeof(*items));
        if (!items)
                return -ENOMEM;
        value->items = items;
        if (value->type != TRACECTL_DICTIONARY)
                return 0;
        keys = reallocarray(value->keys, size, sizeof(*keys));
        if (!keys)
                return -ENOMEM;
        value->keys = keys;
        return 0;
}

int value_add(tracectl_value *value, const char *key, tracectl_value *item) {
        _cleanup_(tracectl_value_freep) tracectl_value *owned = item;
        _cleanup_free_ char *copy = NULL;
        int r;

        if (value->type == TRACECTL_DICTIONARY) {
                copy = strdup(key);
                if (!copy)
                        return -ENOMEM;
        }
        r = make_room(value);
        if (r < 0)
                return r;
        if (copy)
                value->keys[value->n] = TAKE_PTR(copy);
        value->items[value->n++] = TAKE_PTR(owned);
        return 0;
}

int value_add_string(tracectl_value *value, const char *key, const char *string) {
        _cleanup_(tracectl_value_freep) tracectl_value *item = NULL;
        int r;

        r = value_new(TRACECTL_STRING, &item);
        if (r < 0)
                return r;
        item->string = strdup(string);
        if (!item->string)
                return -ENOMEM;
        return value_add(value, key, TAKE_PTR(item));
}

enum tracectl_type tracectl_value_get_type(const tracectl_value *value) {
        return value->type;
}

int tracectl_value_get_boolean(const tracectl_value *value) {
        return value && value->type == TRACECTL_BOOLEAN && value->number != 0;
}

uint64_t tracectl_value_get_number(const tracectl_value *value) {
        return value && value->type == TRACECTL_NUMBER ? value->number : 0;
}

const char *tracectl_value_get_string(const tracectl_value *value) {
        return value && value->type == TRACECTL_STRING ? value->string : "";
}

size_t tracectl_value_get_size(const tracectl_value *value) {
        return value ? value->n : 0;
}

const char *tracectl_value_get_key(const tracectl_value *value, size_t i) {
        return value && value->keys && i < value->n ? value->keys[i] : NULL;
}

const tracectl_value *tracectl_value_get_item(const tracectl_value *value, size_t i) {
        return value && i < value->n ? value->items[i] : NULL;
}

const tracectl_value *tracectl_value_lookup(const tracectl_value *value, const char *key) {
        for (size_t i = 0; value && value->keys && i < value->n; i++)
                if (strcmp(value->keys[i], key) == 0)
                        return value->items[i];
        return NULL;
}

int value_name_items(tracectl_value *value, const char *const names[], size_t n) {
        if (value->type != TRACECTL_ARRAY || value->n != n)
                return -EBADMSG;
        value->keys = calloc(n, sizeof(*value->keys));
        if (!value->keys)
                return -ENOMEM;
        value->type = TRACECTL_DICTIONARY;
        for (size_t i = 0; i < n; i++) {
                value->keys[i] = strdup(names[i]);
                if (!value->keys[i])
                        return -ENOMEM;
        }
        return 0;
}

int value_name_rows(tracectl_value *value, const char *const names[], size_t n) {
        for (size_t i = 0; i < value->n; i++) {
                int r = value_name_items(value->items[i], names, n);

                if (r < 0)
                        return r;
        }
        return 0;
}

static int rename_key(char **key) {
        char *name = malloc(2 * strlen(*key) + 1), *to = name;

        if (!name)
                return -ENOMEM;
        for (const char *from = *key; *from; from++) {
                if (isupper((unsigned char) *from) && from > *key)
                        *to++ = '_';
                *to++ = *from == '-' ? '_' : (char) tolower((unsigned char) *from);
        }
        *to = '\0';
        free(*key);
        *key = name;
        return 0;
}

int value_rename_keys(tracectl_value *value) {
        for (size_t i = 0; value->keys && i < value->n; i++) {
                int r = rename_key(&value->keys[i]);

                if (r < 0)
                        return r;
        }
        return 0;
}

static int compare(const tracectl_value *a, const tracectl_value *b) {
        uint64_t x = tracectl_value_get_number(a), y = tracectl_value_get_number(b);

        if (x != y)
                return x < y ? -1 : 1;
        return strcmp(tracectl_value_get_string(a), tracectl_value_get_string(b));
}

static int compare_rows(const void *a, const void *b, void *userdata) {
        const tracectl_value *x = *(tracectl_value *const *) a, *y = *(tracectl_value *const *) b;
        const char *const *keys = userdata;
        int order = compare(tracectl_value_lookup(x, keys[0]), tracectl_value_lookup(y, keys[0]));

        return order ?: compare(tracectl_value_lookup(x, keys[1]), tracectl_value_lookup(y, keys[1]));
}

void value_sort(tracectl_value *value, const char *first, const char *second) {
        const char *keys[] = { first, second };

        if (value->n > 1)
                qsort_r(value->items, value->n, sizeof(*value->items), compare_rows, keys);
}

struct entry {
        char *key;
        tracectl_value *item;
};

static int compare_keys(const void *a, const void *b) {
        return strcmp(((const struct entry *) a)->key, ((const struct entry *) b)->key);
}

int value_sort_by_key(tracectl_value *dictionary) {
        _cleanup_free_ struct entry *entries = NULL;

        if (dictionary->n < 2)
                return 0;
        entries = calloc(dictionary->n, sizeof(*entries));
        if (!entries)
                return -ENOMEM;
        for (size_t i = 0; i < dictionary->n; i++)
                entries[i] = (struct entry) { dictionary->keys[i], dictionary->items[i] };
        qsort(entries, dictionary->n, sizeof(*entries), compare_keys);
        for (size_t i = 0; i < dictionary->n; i++) {
                dictionary->keys[i] = entries[i].key;
                dictionary->items[i] = entries[i].item;
        }
        return 0;
}
