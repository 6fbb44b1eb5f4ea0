/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What a recovery must know of a session whose rings are files: the messages
 * that described it, in the order of their coming, in the file rings/journal.
 * Written by the drainer before it answers them, so before any application can
 * use what they describe; read again by recover.c, when nobody is left who could
 * send them. Only whole entries count: what is torn at the end is as if it had
 * never come, and was never answered.
 */

#include <stdint.h>
#include <sys/uio.h>

#include "consumer/file.h"
#include "protocol/consumer.h"
#include "protocol/later.h"

#define JOURNAL_MAGIC UINT32_C(0x4c4e524a)
#define JOURNAL_MAJOR 1
#define JOURNAL_MINOR LATER_MINOR

/* Each entry is this, the message and the data (definitions, of CLASSES), both padded to 8 bytes. Native byte order. */
struct journal_entry {
        uint32_t magic;
        uint16_t major, minor;
        uint32_t header_size;
        uint32_t message_size;
        uint64_t data_size;
        uint64_t serial; /* of the message: they ascend */
        uint64_t hash;   /* of message and data: a file can have got to the disk in parts */
        LATER_MEMBER
};

struct session;

struct journal {
        struct file file;
        uint64_t newest; /* serial of the last entry */
};

/* Opens it and finds its end. To be called once, when SESSION has come. 0 or -errno. */
int journal_open(struct journal *journal, struct session *session);
void journal_done(struct journal *journal);

/* Adds a message with its data, unless it is there already. 0 or -errno. */
int journal_add(struct journal *journal, const struct consumer_header *message, const void *data, size_t size);

/*
 * Reads the entry at *offset, which is moved behind it: 1; 0 at the end of the
 * whole entries; -errno. The caller frees ret_message and ret_data, which may be
 * NULL: without data.
 */
int journal_read(int fd, uint64_t *offset, struct consumer_header **ret_message, struct iovec *ret_data);
