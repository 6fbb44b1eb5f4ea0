/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The class ids of one channel in one compartment: an event definition, that is
 * all bytes of its entry, together with what the channel's application contexts
 * are, has one id for ever, so that copies and restarts of a program share its
 * classes. Owned by a recording, used under its lock.
 */

#include <stddef.h>
#include <stdint.h>

/* What one channel and compartment may have; hostile applications register new definitions without end. */
#define CLASS_TABLE_MAX 65536
#define CLASS_TABLE_BYTES_MAX (UINT64_C(32) << 20)

struct class_entry;

struct class_table {
        struct class_entry **buckets;
        uint32_t n_buckets; /* a power of two, or 0 */
        uint32_t n_entries;
        uint32_t n_given; /* ids; more than there are entries where some did not outlive a tracingd */
        uint64_t n_bytes;
};

void class_table_done(struct class_table *table);

/*
 * The id of a definition together with the types of n contexts of its
 * application, given now where it has none. -ENOSPC when the table is full.
 */
int class_table_id(struct class_table *table, const void *entry, size_t size, const void *types, size_t n,
                   uint32_t *ret);

/* A definition that an earlier tracingd has given this id. -EBADMSG where there can be none. */
int class_table_restore(struct class_table *table, const void *entry, size_t size, const void *types, size_t n,
                        uint32_t id);

/* Ids in the order in which they are given: those that fit the compact header first. */
uint32_t class_id_at(uint32_t n);
