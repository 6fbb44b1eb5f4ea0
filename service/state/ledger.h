/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The state of tracingd as a list of records in a memory file, which outlives
 * the process in the service manager's store of descriptors.
 *
 * A record is written behind the last one, and is there from the one store that
 * moves `committed` past it: whoever is killed in between leaves nothing. A
 * record that takes another one's place names it, so that this store also takes
 * away the old one. A record is dropped by a store into its flags. Nothing that
 * was committed ever moves; when half of a large file is dead, what is alive is
 * copied to a new file, and the store of descriptors gets that one before it
 * loses the old one. (Two slots would write the whole state for every change,
 * and the threads that make rings would wait for each other's.)
 *
 * Counters, such as the last number given to a ring, lie in the header and are
 * changed in place, so that they never go back.
 *
 * Any thread; the lock is held for a copy, or for a message to the service
 * manager. A ledger may be NULL everywhere: then nothing is kept.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "common/cleanup.h"
#include "protocol/later.h"

#define LEDGER_MAGIC UINT64_C(0x52474445434c5254)
#define LEDGER_MAJOR 1
#define LEDGER_MINOR LATER_MINOR
#define LEDGER_SIZE_MAX (UINT64_C(1) << 30)

enum ledger_counter {
        LEDGER_RINGS,       /* last number of a ring or a ring set */
        LEDGER_SESSIONS,    /* last number of a session */
        LEDGER_GENERATION,  /* of the newest model */
        LEDGER_LIVES,       /* of tracingd with this state */
        _LEDGER_COUNTERS = 16,
};

/* The file. Integers in the machine's byte order. */
struct ledger_header {
        uint64_t magic;
        uint16_t major, minor;
        uint32_t header_size;  /* records begin there */
        uint64_t sequence;     /* the file with the highest one that is complete counts */
        uint32_t complete;     /* 1 when everything that the last file had is here */
        uint32_t n_counters;
        uint64_t committed;    /* bytes of the file that count */
        uint64_t counters[_LEDGER_COUNTERS];
        LATER_MEMBER
};

struct ledger_record {
        uint32_t size;     /* with this header, without padding to 8 bytes */
        uint16_t type;
        uint16_t flags;
        uint64_t replaces; /* offset of an older record, or 0 */
};

#define LEDGER_DEAD 1

struct ledger;
struct ledger_entry;
struct fd_store;

/*
 * An empty one, which follows that with the number `sequence`. The store, which
 * may be NULL, gets it with ledger_complete().
 */
int ledger_new(struct fd_store *store, uint64_t sequence, struct ledger **ret);

/* Entries of others must be gone, or the ledger closed. */
struct ledger *ledger_free(struct ledger *l);
DEFINE_CLEANUP(struct ledger *, ledger_free)

/* From now on the file is what the next tracingd reads. */
int ledger_complete(struct ledger *l);

/* Whether it is held for the next tracingd. */
bool ledger_is_stored(struct ledger *l);

/* Nothing is changed any more: tracingd leaves, and its objects are freed without being over. */
void ledger_close(struct ledger *l);

/*
 * Writes a record of these parts. *entry, which the caller owns, is NULL or what
 * this one takes the place of. On failure the old one stays; -EPIPE: it is
 * closed, and whoever relies on it must not go on.
 */
int ledger_put(struct ledger *l, struct ledger_entry **entry, uint16_t type, const struct iovec *parts, size_t n);

/* Takes a record away. *entry becomes NULL; it may be. */
void ledger_drop(struct ledger *l, struct ledger_entry **entry);

/* A good moment: nobody is waited for. Gives back what more than half of is dead; at other times only where it is large. */
void ledger_shrink(struct ledger *l);

/* Counters never go back. */
void ledger_count(struct ledger *l, enum ledger_counter which, uint64_t value);

/* A ledger as it was read: a copy, every record checked. */
struct ledger_item {
        uint16_t type;
        uint32_t size;
        const void *data; /* aligned to 8 bytes */
};

struct ledger_image {
        uint16_t minor;
        uint64_t sequence;
        uint64_t counters[_LEDGER_COUNTERS];
        size_t n_items;
        struct ledger_item *items; /* living ones, in the order in which they were written */
        void *data;
};

/* -EBADMSG where anything in it is wrong; -EPROTONOSUPPORT for another major version; -EAGAIN: it is not complete. */
int ledger_read(int fd, struct ledger_image **ret);
struct ledger_image *ledger_image_free(struct ledger_image *image);
DEFINE_CLEANUP(struct ledger_image *, ledger_image_free)
