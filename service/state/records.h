/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What the records of a ledger (ledger.h) say. Each is a struct whose first word
 * is its size, then what varies. A later minor version appends to a struct, or
 * has other types of records: readers take what they know by size, and what is
 * missing is 0. Strings are NUL-terminated, one behind the other; those that are
 * missing at the end are empty.
 *
 * `key` is a session's number, never given again. Files are known by identity.
 */

#include <stdint.h>
#include <sys/types.h>

#include "protocol/later.h"
#include "service/state/fd-store.h"
#include "service/state/ledger.h"

enum record_type {
        RECORD_CLOCK = 1,
        RECORD_SESSION,
        RECORD_CHANNEL,
        RECORD_RULE,
        RECORD_CONSUMER,
        RECORD_MESSAGE,
        RECORD_SET_NAME,
};

/* How the trace clock was measured: all sessions have the same. */
struct record_clock {
        uint32_t size, clock;
        uint64_t frequency;
        int64_t offset_seconds;
        uint64_t offset_ticks;
        uint64_t precision;
        LATER_MEMBER
};

enum record_session_flags {
        RECORD_SESSION_ENDING = 1 << 0, /* it is being destroyed */
        RECORD_SESSION_PERSISTENT = 1 << 1,
        RECORD_SESSION_REACHES_OTHERS = 1 << 2, /* it has had a rule for applications that are not the owner's */
        RECORD_SESSION_FILES = 1 << 3,          /* rings are files of the output */
};

/* Strings: name, output's path, output as asked for, profile, reason, client that it is bound to, folder of the output. */
struct record_session {
        uint32_t size, flags;
        uint64_t key;
        uint32_t owner, mode, state, output_kind;
        struct fd_identity output;
        uint64_t created;
        uint32_t last_channel, last_rule, chunks, sync_msec;
        uint64_t applications; /* that its counters show beside those that come later */
        uint64_t rotate_size, rotate_usec, max_size;
        uint64_t chunk_bytes, chunk_begun; /* of the chunk that is being written */
        LATER_MEMBER
};

/* Strings: name, contexts of applications. */
struct record_channel {
        uint32_t size, id;
        uint64_t key;
        uint64_t subbuf_size;
        uint32_t n_subbufs, contexts;
        uint8_t overwrite, enabled, kernel, ordered_clock, reserved[4];
        LATER_MEMBER
};

/* Strings: the selector's text. */
struct record_rule {
        uint32_t size, id;
        uint64_t key;
        uint32_t channel, enabled;
        LATER_MEMBER
};

/* A consumer that has taken its session. Strings: its units' name without suffix. */
struct record_consumer {
        uint32_t size, restarts;
        uint64_t key;
        struct fd_identity status, connection; /* connection: none while it is away */
        LATER_MEMBER
};

#define RECORD_MESSAGE_FILES 2

/* A message that its successor needs, or that it has not answered; then, from a multiple of 8 bytes on, `more`. */
struct record_message {
        uint32_t size, n_files;
        uint64_t key;
        struct fd_identity files[RECORD_MESSAGE_FILES];
        uint32_t body_size; /* a struct consumer_header and what belongs to it */
        uint32_t more_size;
        LATER_MEMBER
};

/* `more` of RINGS. That of CLASSES is definitions (protocol/definitions.h): entry i is that of class i of the message. */
struct record_rings {
        uint32_t size, word_size;
        uint64_t ring;        /* its number */
        uint64_t application; /* that has it for itself, or 0 */
        uint32_t uid, label_size;
        uint64_t user_namespace, pid_namespace, alone; /* compartment.h */
        char label[256];
        LATER_MEMBER
};

/* A ring set that is over, whose name no other may have. Strings: the name. */
struct record_set_name {
        uint32_t size, uid;
        uint64_t key;
        LATER_MEMBER
};

/* Where an object writes what the next tracingd must know. All of it may be 0: nowhere. */
struct keep {
        struct ledger *ledger;
        struct fd_store *store;
        uint64_t key;
        uint64_t life; /* of tracingd with this state: which one it is */
};

/*
 * Copies the struct of an item, of which at least `least` bytes must be there.
 * -EBADMSG. What follows it begins at ret's size word.
 */
int record_read(const struct ledger_item *item, void *ret, size_t size, size_t least);

/* The next string behind the struct; *position 0 at first. NULL where one has no end; "" where there are no more. */
const char *record_string(const struct ledger_item *item, uint32_t *position);

/* Writes a struct and n strings; NULL is an empty one. */
int record_put(struct ledger *l, struct ledger_entry **entry, enum record_type type, const void *data, size_t size,
               const char *const *strings, size_t n);
