/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A compartment: processes that may share a ring, because any of them could
 * read and forge what the others write anyway. Constant after it was made and
 * counted; any thread. Two compartments with the same key are the same object
 * as long as one of them is in use.
 */

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/cleanup.h"

#define COMPARTMENT_LABEL_MAX 255

struct compartment_key {
        uid_t uid;
        unsigned word_size; /* bits */
        uint64_t user_namespace, pid_namespace;
        uint64_t alone; /* the application, where its namespaces cannot be read: it shares with nobody */
        char label[COMPARTMENT_LABEL_MAX + 1];
};

struct compartment_table {
        pthread_mutex_t lock;
        struct compartment *first;
};

struct compartment {
        atomic_uint refs;
        struct compartment_table *table;
        struct compartment *next;
        struct compartment_key key;
};

void compartment_table_init(struct compartment_table *table);
void compartment_table_done(struct compartment_table *table);

/*
 * Reads what the kernel says about a process. The caller makes sure afterwards
 * that the process is still the one that it means.
 */
void compartment_read(pid_t pid, uid_t uid, unsigned word_size, uint64_t application, struct compartment_key *ret);

/* Whether its processes are in the process namespace of this one: their numbers are the same here. */
bool compartment_shares_pids(const struct compartment_key *key);

/* The compartment with this key, made where there is none. */
int compartment_get(struct compartment_table *table, const struct compartment_key *key, struct compartment **ret);

struct compartment *compartment_ref(struct compartment *c);
struct compartment *compartment_unref(struct compartment *c);

static inline void compartment_unrefp(struct compartment **c) {
        if (*c)
                compartment_unref(*c);
}
