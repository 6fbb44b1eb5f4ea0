/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The event definitions that applications sent, kept once for each uid and hash
 * in that uid's store. Counted and constant, so that any thread may read them;
 * the lock guards the list of session views that were built for them.
 *
 * A store keeps definitions that no application uses any more until it needs
 * their room, so that the next start of a program need not send them again.
 */

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

#include "common/cleanup.h"
#include "protocol/definitions.h"
#include "service/model/quota.h"

/* What one uid may have; their number is QUOTA_DEFINITIONS. */
#define DEFINITIONS_STORE_BYTES_MAX (UINT64_C(64) << 20)

struct event_entry {
        uint32_t offset, size; /* of the entry in the definitions */
        const char *name;      /* provider:name */
        uint8_t loglevel;
};

struct event_definitions {
        atomic_uint refs;
        struct event_definitions *next; /* in its store, under the store's lock */
        struct charge charge;           /* while it is in its store */
        uint64_t hash;
        int fd;
        const void *data; /* mapped; a sealed file, which cannot change */
        size_t size;
        uint32_t n_events;
        struct event_entry *events;
        char *names;

        pthread_mutex_t lock; /* the first of all locks; held while a view is built */
        struct session_view *views;
};

struct definitions_store {
        struct quota *quota;
        uid_t uid;
        pthread_mutex_t lock; /* held for lookups only */
        struct event_definitions *first;
        uint32_t n_definitions;
        uint64_t n_bytes;
};

/*
 * Checks what an application sent: that the file is sealed, that its hash is
 * the claimed one, that every entry can be read. -EBADMSG, -EPERM, -EMSGSIZE.
 * fd stays the caller's.
 */
int event_definitions_new(int fd, uint64_t hash, struct event_definitions **ret);

struct event_definitions *event_definitions_ref(struct event_definitions *d);
struct event_definitions *event_definitions_unref(struct event_definitions *d);

static inline void event_definitions_unrefp(struct event_definitions **d) {
        if (*d)
                event_definitions_unref(*d);
}

/* Event number i, whose names are the definitions'. */
int event_definitions_read(const struct event_definitions *d, uint32_t i, struct definition *ret);

void definitions_store_init(struct definitions_store *store, struct quota *quota, uid_t uid);
void definitions_store_done(struct definitions_store *store);

/* Those with this hash, which the caller then owns, or NULL. */
struct event_definitions *definitions_store_find(struct definitions_store *store, uint64_t hash);

/*
 * Keeps d, or finds what somebody else has added meanwhile: *ret, which the
 * caller owns, replaces d. -EDQUOT when the uid has too many in use.
 */
int definitions_store_add(struct definitions_store *store, struct event_definitions *d,
                          struct event_definitions **ret);

/* A snapshot of all definitions; the caller unrefs each of the *ret_n and frees the array. */
int definitions_store_list(struct definitions_store *store, struct event_definitions ***ret, size_t *ret_n);
