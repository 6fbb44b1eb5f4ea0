/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "client/tracectl/names.h"

#define NAMES_MAX (UINT32_C(1) << 30)

static uint32_t hash_bytes(const char *data, size_t size) {
        uint64_t hash = UINT64_C(0xcbf29ce484222325);

        for (size_t i = 0; i < size; i++)
                hash = (hash ^ (unsigned char) data[i]) * UINT64_C(0x100000001b3);
        return (uint32_t) (hash ^ hash >> 32);
}

static void insert(uint32_t *slots, uint32_t n_slots, uint32_t hash, uint32_t number) {
        uint32_t i = hash & (n_slots - 1);

        while (slots[i] != 0)
                i = (i + 1) & (n_slots - 1);
        slots[i] = number + 1;
}

/* At most half of the slots are taken. */
static int grow(struct names *names) {
        uint32_t n_slots = names->n_slots ? names->n_slots * 2 : 64;
        uint32_t *slots;

        if (names->n == names->n_allocated) {
                uint32_t n = names->n_allocated ? names->n_allocated * 2 : 32;
                struct name *items = reallocarray(names->items, n, sizeof(*items));

                if (!items)
                        return -ENOMEM;
                names->items = items;
                names->n_allocated = n;
        }
        if (names->n < names->n_slots / 2)
                return 0;
        slots = calloc(n_slots, sizeof(*slots));
        if (!slots)
                return -ENOMEM;
        for (uint32_t i = 0; i < names->n; i++)
                insert(slots, n_slots, names->items[i].hash, i);
        free(names->slots);
        names->slots = slots;
        names->n_slots = n_slots;
        return 0;
}

static int64_t add_new(struct names *names, const char *data, size_t size, uint32_t hash) {
        char *copy;

        if (names->n == NAMES_MAX)
                return -ENOSPC;
        if (grow(names) < 0)
                return -ENOMEM;
        copy = malloc(size + 1);
        if (!copy)
                return -ENOMEM;
        memcpy(copy, data, size);
        copy[size] = '\0';
        names->items[names->n] = (struct name) { .data = copy, .size = size, .hash = hash };
        insert(names->slots, names->n_slots, hash, names->n);
        return names->n++;
}

static int64_t find(const struct names *names, const char *data, size_t size, uint32_t hash) {
        for (uint32_t i = hash; names->n_slots > 0; i++) {
                uint32_t slot = names->slots[i & (names->n_slots - 1)];
                const struct name *item;

                if (slot == 0)
                        break;
                item = &names->items[slot - 1];
                if (item->hash == hash && item->size == size && memcmp(item->data, data, size) == 0)
                        return slot - 1;
        }
        return -ENOENT;
}

int64_t names_find(const struct names *names, const char *data, size_t size) {
        return find(names, data, size, hash_bytes(data, size));
}

int64_t names_add(struct names *names, const char *data, size_t size) {
        uint32_t hash = hash_bytes(data, size);
        int64_t number = find(names, data, size, hash);

        return number >= 0 ? number : add_new(names, data, size, hash);
}

void names_done(struct names *names) {
        for (uint32_t i = 0; i < names->n; i++)
                free(names->items[i].data);
        free(names->items);
        free(names->slots);
        *names = (struct names) {};
}
