/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/hash.h"
#include "protocol/ctf.h"
#include "service/domain/class-table.h"

#define BUCKETS_MIN 64

struct class_entry {
        struct class_entry *next;
        uint64_t hash;
        uint32_t id;
        size_t size;
        char data[];
};

void class_table_done(struct class_table *table) {
        for (uint32_t i = 0; i < table->n_buckets; i++)
                while (table->buckets[i]) {
                        struct class_entry *e = table->buckets[i];

                        table->buckets[i] = e->next;
                        free(e);
                }
        free(table->buckets);
        *table = (struct class_table) { 0 };
}

uint32_t class_id_at(uint32_t n) {
        uint32_t id = CTF_ID_FIRST + n;

        /* 30 and 31 are no classes. */
        return id <= CTF_ID_COMPACT_MAX ? id : id + (CTF_ID_EXTENDED - CTF_ID_COMPACT_MAX);
}

static int grow(struct class_table *table) {
        uint32_t n = table->n_buckets ? table->n_buckets * 2 : BUCKETS_MIN;
        struct class_entry **buckets;

        if (table->n_entries < table->n_buckets)
                return 0;
        buckets = calloc(n, sizeof(*buckets));
        if (!buckets)
                return -ENOMEM;
        for (uint32_t i = 0; i < table->n_buckets; i++)
                while (table->buckets[i]) {
                        struct class_entry *e = table->buckets[i];

                        table->buckets[i] = e->next;
                        e->next = buckets[e->hash & (n - 1)];
                        buckets[e->hash & (n - 1)] = e;
                }
        free(table->buckets);
        table->buckets = buckets;
        table->n_buckets = n;
        return 0;
}

static int add(struct class_table *table, uint64_t hash, const void *entry, size_t size, uint32_t *ret) {
        struct class_entry *e, **bucket;
        int r;

        if (table->n_entries >= CLASS_TABLE_MAX || table->n_bytes + size > CLASS_TABLE_BYTES_MAX)
                return -ENOSPC;
        r = grow(table);
        if (r < 0)
                return r;
        e = malloc(sizeof(*e) + size);
        if (!e)
                return -ENOMEM;
        bucket = &table->buckets[hash & (table->n_buckets - 1)];
        *e = (struct class_entry) {
                .next = *bucket,
                .hash = hash,
                .id = class_id_at(table->n_entries),
                .size = size,
        };
        memcpy(e->data, entry, size);
        *bucket = e;
        table->n_entries++;
        table->n_bytes += size;
        *ret = e->id;
        return 0;
}

int class_table_id(struct class_table *table, const void *entry, size_t size, uint32_t *ret) {
        uint64_t hash = hash_bytes(HASH_INIT, entry, size);

        if (table->n_buckets > 0)
                for (struct class_entry *e = table->buckets[hash & (table->n_buckets - 1)]; e; e = e->next)
                        if (e->hash == hash && e->size == size && memcmp(e->data, entry, size) == 0) {
                                *ret = e->id;
                                return 0;
                        }
        return add(table, hash, entry, size, ret);
}
