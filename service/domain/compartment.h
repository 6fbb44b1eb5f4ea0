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

#define COMPARTMENT_BUCKETS 64
#define COMPARTMENT_MAP_MAX 512

/* What our own process is in; constant. Empty where it cannot be read. */
struct compartment_home {
        uint64_t user_namespace, pid_namespace;
        char uid_map[COMPARTMENT_MAP_MAX], projid_map[COMPARTMENT_MAP_MAX];
        bool has_labels; /* a security module gives processes labels */
        int fdinfo_fd;   /* the folder of what our descriptors are, pidfds among them */
};

struct compartment_table {
        struct compartment_home home;
        pthread_mutex_t lock;
        struct compartment *buckets[COMPARTMENT_BUCKETS];
};

struct compartment {
        atomic_uint refs;
        struct compartment_table *table;
        struct compartment *next; /* in its bucket; not those that are alone */
        struct compartment_key key;
};

void compartment_table_init(struct compartment_table *table);
void compartment_table_done(struct compartment_table *table);

/* Whose compartment is asked for. */
struct compartment_process {
        pid_t pid; /* 0: cannot be seen */
        int pidfd; /* -1: there is none */
        uid_t uid;
        unsigned word_size;
        uint64_t application;
        bool was_at_home; /* this process, before an earlier tracingd ended */
};

/*
 * Reads what the kernel says about a process. The caller makes sure afterwards
 * that the process is still the one that it means.
 */
void compartment_read(const struct compartment_table *table, const struct compartment_process *process,
                      struct compartment_key *ret);

/* Whether its processes are in the user and the process namespace of this one. */
bool compartment_is_home(const struct compartment *c);

/* Whether its processes are in the process namespace of this one: their numbers are the same here. */
bool compartment_shares_pids(const struct compartment *c);

/* The compartment with this key, made where there is none. */
int compartment_get(struct compartment_table *table, const struct compartment_key *key, struct compartment **ret);

struct compartment *compartment_ref(struct compartment *c);
struct compartment *compartment_unref(struct compartment *c);

static inline void compartment_unrefp(struct compartment **c) {
        if (*c)
                compartment_unref(*c);
}
