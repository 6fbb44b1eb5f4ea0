/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/hash.h"
#include "consumer/journal.h"
#include "consumer/session.h"
#include "protocol/definitions.h"

static size_t padded(size_t size) {
        return (size + 7) & ~(size_t) 7;
}

/* All of it: 1; 0 where there is less. */
static int read_at(int fd, void *data, size_t size, uint64_t offset) {
        char *p = data;

        while (size > 0) {
                ssize_t n = pread(fd, p, size, (off_t) offset);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0)
                        return n < 0 ? -errno : 0;
                p += n;
                size -= (size_t) n;
                offset += (uint64_t) n;
        }
        return 1;
}

static bool entry_makes_sense(const struct journal_entry *e) {
        return e->magic == JOURNAL_MAGIC && e->major == JOURNAL_MAJOR && e->header_size >= SIZE_BEFORE_LATER(*e) &&
               e->header_size <= 4096 && e->message_size >= sizeof(struct consumer_header) &&
               e->message_size <= CONSUMER_MESSAGE_MAX && e->data_size <= DEFINITIONS_SIZE_MAX;
}

int journal_read(int fd, uint64_t *offset, struct consumer_header **ret_message, struct iovec *ret_data) {
        _cleanup_free_ struct consumer_header *message = NULL;
        _cleanup_free_ char *data = NULL;
        struct journal_entry e;
        uint64_t at = *offset;
        int r;

        r = read_at(fd, &e, sizeof(e), at);
        if (r <= 0)
                return r;
        if (!entry_makes_sense(&e))
                return 0;
        at += e.header_size;
        message = malloc(padded(e.message_size));
        data = malloc(padded(e.data_size) + 1);
        if (!message || !data)
                return -ENOMEM;
        r = read_at(fd, message, padded(e.message_size), at);
        at += padded(e.message_size);
        if (r > 0)
                r = read_at(fd, data, padded(e.data_size), at);
        if (r <= 0)
                return r;
        if (hash_bytes(hash_bytes(HASH_INIT, message, e.message_size), data, e.data_size) != e.hash ||
            message->size != e.message_size || message->serial != e.serial)
                return 0;
        *offset = at + padded(e.data_size);
        *ret_message = TAKE_PTR(message);
        *ret_data = (struct iovec) { e.data_size > 0 ? TAKE_PTR(data) : NULL, e.data_size };
        return 1;
}

int journal_open(struct journal *journal, struct session *session) {
        const struct request request = { .kind = REQUEST_JOURNAL };
        int r;

        *journal = (struct journal) { .file = FILE_INIT };
        r = output_open(&session->output, &request, &journal->file.fd);
        if (r < 0)
                return r;
        for (;;) {
                _cleanup_free_ struct consumer_header *message = NULL;
                struct iovec data = {};

                r = journal_read(journal->file.fd, &journal->file.size, &message, &data);
                free(data.iov_base);
                if (r <= 0)
                        break;
                journal->newest = message->serial;
        }
        /* What is behind the whole entries goes. */
        journal->file.dirty = true;
        return r;
}

void journal_done(struct journal *journal) {
        file_done(&journal->file);
}

int journal_add(struct journal *journal, const struct consumer_header *message, const void *data, size_t size) {
        static const char zeros[8];
        struct journal_entry e = {
                .magic = JOURNAL_MAGIC,
                .major = JOURNAL_MAJOR,
                .minor = JOURNAL_MINOR,
                .header_size = sizeof(e),
                .message_size = message->size,
                .data_size = size,
                .serial = message->serial,
                .hash = hash_bytes(hash_bytes(HASH_INIT, message, message->size), data, size),
        };
        struct iovec iov[] = {
                { &e, sizeof(e) },
                { (void *) message, message->size },
                { (void *) zeros, padded(message->size) - message->size },
                { (void *) data, size },
                { (void *) zeros, padded(size) - size },
        };
        int r;

        if (message->serial <= journal->newest)
                return 0;
        r = file_append(&journal->file, iov, ARRAY_SIZE(iov));
        if (r >= 0)
                journal->newest = message->serial;
        return r;
}
