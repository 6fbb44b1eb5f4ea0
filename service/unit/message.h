/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A message of the consumer protocol that a sender keeps, with descriptors of
 * its own: because the socket did not take it yet, or to send it again to the
 * consumer's successor. Not locked: a sender's messages belong to its lock.
 */

#include <stdbool.h>
#include <stddef.h>
#include <sys/queue.h>
#include <sys/types.h>

#include "common/cleanup.h"
#include "protocol/consumer.h"
#include "service/state/ledger.h"

#define MESSAGE_FDS_MAX 2

/* A descriptor. All messages that carry the same definitions share one, or there would be one for each stream. */
struct kept_fd {
        LIST_ENTRY(kept_fd) entries; /* of those that are shared */
        unsigned refs;
        int fd;
        bool shared;
        dev_t device;
        ino_t inode;
};

LIST_HEAD(kept_fds, kept_fd);

struct message {
        TAILQ_ENTRY(message) entries;
        struct ledger_entry *entry; /* what the next tracingd knows of it, or NULL */
        bool left; /* to some consumer, once */
        bool acknowledged; /* of RELEASE alone, which outlives its answer */
        size_t n_files;
        struct kept_fd *files[MESSAGE_FDS_MAX];
        union {
                struct consumer_header header;
                struct consumer_output output;
                struct consumer_rings rings;
                struct consumer_classes classes;
                struct consumer_release release;
                struct consumer_snapshot snapshot;
                struct consumer_rotate rotate;
        } body[]; /* header.size bytes, not one of these */
};

TAILQ_HEAD(messages, message);

/* A copy. shared: where the descriptors of equal definitions are found. The descriptors stay the caller's. */
int message_new(const struct consumer_header *header, const int *fds, size_t n_fds, struct kept_fds *shared,
                struct message **ret);
struct message *message_free(struct message *m);
DEFINE_CLEANUP(struct message *, message_free)

/* Of RINGS, RING_FILES and CLASSES, which a consumer answers in their order. */
bool message_type_is_told(uint32_t type);

/* Whether it describes the session, for each of its consumers; otherwise it asks this one to do something, once. */
bool message_describes(const struct message *m);

/* Marks one that has left before as sent again. */
void message_set_resumed(struct message *m);

/* Whether it is about this ring set. */
bool message_is_of_set(const struct message *m, uint64_t set);
