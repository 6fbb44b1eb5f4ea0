/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "consumer/live-reader.h"
#include "consumer/trace.h"

static int put(struct live_reader *reader, uint32_t type, const uint8_t *uuid, const struct iovec *parts, int n);

int live_reader_new(int socket, int life, struct live_reader **ret) {
        struct stream_hello hello = { .magic = STREAM_MAGIC, .major = STREAM_MAJOR, .minor = STREAM_MINOR };
        struct live_reader *reader = calloc(1, sizeof(*reader));
        int r;

        if (!reader)
                return -ENOMEM;
        SLIST_INIT(&reader->metadata);
        r = put(reader, STREAM_HELLO, NULL, &(struct iovec) { &hello, sizeof(hello) }, 1);
        if (r >= 0 && LATER_MINOR > 0)
                r = put(reader, STREAM_LOST + 1, NULL, &(struct iovec) { &hello, sizeof(hello) }, 1);
        if (r < 0) {
                free(reader);
                return r;
        }
        reader->socket = socket;
        reader->life = life;
        *ret = reader;
        return 0;
}

void live_reader_free(struct live_reader *reader) {
        struct live_metadata *metadata;

        while ((metadata = SLIST_FIRST(&reader->metadata))) {
                SLIST_REMOVE_HEAD(&reader->metadata, entries);
                free(metadata);
        }
        close(reader->socket);
        close(reader->life);
        free(reader->queue);
        free(reader);
}

/* Room for n bytes behind what waits: within the limit, or alone. -ENOBUFS, -ENOMEM. */
static int reserve(struct live_reader *reader, size_t n) {
        size_t waiting = reader->end - reader->begin, need = waiting + n;
        char *queue;

        if (waiting > 0 && need > STREAM_QUEUE_SIZE)
                return -ENOBUFS;
        if (reader->allocated - reader->end >= n)
                return 0;
        if (reader->begin > 0) {
                memmove(reader->queue, reader->queue + reader->begin, waiting);
                reader->begin = 0;
                reader->end = waiting;
        }
        if (reader->allocated >= need)
                return 0;
        if (need < 2 * reader->allocated && 2 * reader->allocated <= STREAM_QUEUE_SIZE)
                need = 2 * reader->allocated;
        queue = realloc(reader->queue, need);
        if (!queue)
                return -ENOMEM;
        reader->queue = queue;
        reader->allocated = need;
        return 0;
}

/* Appends a frame, whole or not at all. */
static int put(struct live_reader *reader, uint32_t type, const uint8_t *uuid, const struct iovec *parts, int n) {
        struct stream_frame frame = { .type = type };
        int r;

        for (int i = 0; i < n; i++)
                frame.size += parts[i].iov_len;
        r = reserve(reader, sizeof(frame) + frame.size);
        if (r < 0)
                return r;
        if (uuid)
                memcpy(frame.uuid, uuid, sizeof(frame.uuid));
        memcpy(reader->queue + reader->end, &frame, sizeof(frame));
        reader->end += sizeof(frame);
        for (int i = 0; i < n; i++) {
                if (parts[i].iov_len > 0)
                        memcpy(reader->queue + reader->end, parts[i].iov_base, parts[i].iov_len);
                reader->end += parts[i].iov_len;
        }
        return 0;
}

static struct live_metadata *find_metadata(struct live_reader *reader, const uint8_t uuid[16]) {
        struct live_metadata *metadata;

        SLIST_FOREACH(metadata, &reader->metadata, entries)
                if (memcmp(metadata->uuid, uuid, sizeof(metadata->uuid)) == 0)
                        return metadata;
        metadata = calloc(1, sizeof(*metadata));
        if (metadata) {
                memcpy(metadata->uuid, uuid, sizeof(metadata->uuid));
                SLIST_INSERT_HEAD(&reader->metadata, metadata, entries);
        }
        return metadata;
}

/* What the trace's description has more than he was sent. */
static int put_metadata(struct live_reader *reader, const struct trace *trace) {
        struct live_metadata *metadata = find_metadata(reader, trace->uuid);
        struct iovec parts[2];
        int r;

        if (!metadata)
                return -ENOMEM;
        parts[0] = (struct iovec) { trace->preamble.data, metadata->has_preamble ? 0 : trace->preamble.size };
        parts[1] = (struct iovec) { trace->classes->data + metadata->sent, trace->classes->size - metadata->sent };
        if (parts[0].iov_len + parts[1].iov_len == 0)
                return 0;
        r = put(reader, STREAM_METADATA, trace->uuid, parts, 2);
        if (r < 0)
                return r;
        metadata->has_preamble = true;
        metadata->sent = trace->classes->size;
        return 0;
}

/* Before anything that follows: how much is missing in front of it. */
static int put_lost(struct live_reader *reader) {
        int r;

        if (reader->lost.packets == 0)
                return 0;
        r = put(reader, STREAM_LOST, NULL, &(struct iovec) { &reader->lost, sizeof(reader->lost) }, 1);
        if (r >= 0)
                reader->lost = (struct stream_lost) {};
        return r;
}

void live_reader_send(struct live_reader *reader, const struct live_packet *packet) {
        const struct iovec parts[] = {
                { (void *) packet->header, sizeof(*packet->header) },
                { (void *) packet->thread, packet->thread_size },
                { (void *) packet->records, packet->size },
        };
        int r;

        r = put_lost(reader);
        if (r >= 0)
                r = put_metadata(reader, packet->trace);
        if (r >= 0)
                r = put(reader, STREAM_PACKET, packet->trace->uuid, parts, 3);
        if (r < 0) {
                reader->lost.packets++;
                reader->lost.events += packet->events;
        }
}

static void put_sync(struct live_reader *reader) {
        if (put_lost(reader) >= 0 &&
            put(reader, STREAM_SYNC, NULL, &(struct iovec) { &reader->sync, sizeof(reader->sync) }, 1) >= 0)
                reader->owes_sync = false;
}

void live_reader_sync(struct live_reader *reader, const struct stream_sync *sync) {
        reader->sync = *sync;
        reader->owes_sync = true;
        put_sync(reader);
}

/* He has closed his end; he has nothing to say. */
static bool is_gone(const struct live_reader *reader) {
        struct msghdr message = { .msg_iov = &(struct iovec) { &(char) { 0 }, 1 }, .msg_iovlen = 1 };
        ssize_t n = recvmsg(reader->socket, &message, MSG_DONTWAIT);

        return n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR);
}

int live_reader_flush(struct live_reader *reader) {
        bool took = false;

        if (is_gone(reader))
                return -EPIPE;
        while (reader->begin < reader->end) {
                struct iovec part = { reader->queue + reader->begin, reader->end - reader->begin };
                struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };
                ssize_t n = sendmsg(reader->socket, &message, MSG_DONTWAIT | MSG_NOSIGNAL);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0 && (errno == EAGAIN || errno == ENOBUFS || errno == ENOMEM))
                        return took;
                if (n < 0)
                        return -errno;
                reader->begin += (size_t) n;
                took = true;
        }
        reader->begin = reader->end = 0;
        if (reader->owes_sync)
                put_sync(reader);
        return reader->end > 0;
}
