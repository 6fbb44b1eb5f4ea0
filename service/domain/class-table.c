/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <stdbool.h>
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

/* What is looked for. */
struct class_key {
        uint64_t hash;
        const void *entry;
        size_t entry_size;
        const void *types;
        size_t n_types;
};

static bool is_same(const struct class_entry *e, const struct class_key *key) {
        return e->hash == key->hash && e->size == key->entry_size + key->n_types &&
               memcmp(e->data, key->entry, key->entry_size) == 0 &&
               memcmp(e->data + key->entry_size, key->types, key->n_types) == 0;
}

static int insert(struct class_table *table, const struct class_key *key, uint32_t id) {
        size_t size = key->entry_size + key->n_types;
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
        bucket = &table->buckets[key->hash & (table->n_buckets - 1)];
        *e = (struct class_entry) {
                .next = *bucket,
                .hash = key->hash,
                .id = id,
                .size = size,
        };
        memcpy(e->data, key->entry, key->entry_size);
        memcpy(e->data + key->entry_size, key->types, key->n_types);
        *bucket = e;
        table->n_entries++;
        table->n_bytes += size;
        return 0;
}

static struct class_key make_key(const void *entry, size_t size, const void *types, size_t n) {
        return (struct class_key) {
                .hash = hash_bytes(hash_bytes(HASH_INIT, entry, size), types, n),
                .entry = entry,
                .entry_size = size,
                .types = types,
                .n_types = n,
        };
}

static const struct class_entry *find(const struct class_table *table, const struct class_key *key) {
        if (table->n_buckets > 0)
                for (struct class_entry *e = table->buckets[key->hash & (table->n_buckets - 1)]; e; e = e->next)
                        if (is_same(e, key))
                                return e;
        return NULL;
}

int class_table_id(struct class_table *table, const void *entry, size_t size, const void *types, size_t n,
                   uint32_t *ret) {
        const struct class_key key = make_key(entry, size, types, n);
        const struct class_entry *e = find(table, &key);
        int r;

        if (e) {
                *ret = e->id;
                return 0;
        }
        if (table->n_given >= CLASS_TABLE_MAX)
                return -ENOSPC;
        r = insert(table, &key, class_id_at(table->n_given));
        if (r < 0)
                return r;
        *ret = class_id_at(table->n_given++);
        return 0;
}

int class_table_restore(struct class_table *table, const void *entry, size_t size, const void *types, size_t n,
                        uint32_t id) {
        const struct class_key key = make_key(entry, size, types, n);
        const struct class_entry *e = find(table, &key);

        if (e)
                return e->id == id ? 0 : -EBADMSG;
        if (id < class_id_at(0) || id > class_id_at(CLASS_TABLE_MAX - 1))
                return -EBADMSG;
        while (class_id_at(table->n_given) <= id)
                table->n_given++;
        return insert(table, &key, id);
}
