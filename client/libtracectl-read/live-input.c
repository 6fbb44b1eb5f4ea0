/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "client/libtracectl-read/live-input.h"
#include "protocol/ctf.h"
#include "protocol/stream.h"

/* At a time, so that what has come is shown before more is read. */
#define READ_MAX ((size_t) 16 << 20)
#ifdef TRACECTL_FUZZ
#define READ_SIZE ((size_t) 4 << 10) /* frames come in pieces, and the buffer grows */
#else
#define READ_SIZE ((size_t) 256 << 10)
#endif

void live_input_done(struct live_input *input) {
        struct live_packet *packet;
        struct live_stream *stream;
        struct live_trace *trace;

        while ((packet = STAILQ_FIRST(&input->packets))) {
                STAILQ_REMOVE_HEAD(&input->packets, entries);
                free(packet);
        }
        while ((stream = SLIST_FIRST(&input->streams))) {
                SLIST_REMOVE_HEAD(&input->streams, entries);
                free(stream);
        }
        while ((trace = SLIST_FIRST(&input->traces))) {
                SLIST_REMOVE_HEAD(&input->traces, entries);
                free(trace->metadata);
                free(trace);
        }
        if (input->fd >= 0)
                close(input->fd);
        free(input->buffer);
}

static int on_hello(struct live_input *input, const char *data, size_t size) {
        struct stream_hello hello;

        if (size < SIZE_BEFORE_LATER(hello))
                return -EBADMSG;
        memcpy(&hello, data, SIZE_BEFORE_LATER(hello));
        if (hello.magic != STREAM_MAGIC)
                return -EBADMSG;
        if (hello.major != STREAM_MAJOR)
                return -EPROTONOSUPPORT;
        input->has_hello = true;
        return 0;
}

static struct live_trace *find_trace(struct live_input *input, const uint8_t uuid[16]) {
        struct live_trace *trace;

        SLIST_FOREACH(trace, &input->traces, entries)
                if (memcmp(trace->uuid, uuid, sizeof(trace->uuid)) == 0)
                        return trace;
        return NULL;
}

static int on_metadata(struct live_input *input, const uint8_t uuid[16], const char *data, size_t size) {
        struct live_trace *trace = find_trace(input, uuid);
        char *text;

        if (!trace) {
                trace = calloc(1, sizeof(*trace));
                if (!trace)
                        return -ENOMEM;
                memcpy(trace->uuid, uuid, sizeof(trace->uuid));
                SLIST_INSERT_HEAD(&input->traces, trace, entries);
        }
        if (size > STREAM_FRAME_MAX - trace->metadata_size)
                return -EBADMSG;
        text = realloc(trace->metadata, trace->metadata_size + size + 1);
        if (!text)
                return -ENOMEM;
        memcpy(text + trace->metadata_size, data, size);
        trace->metadata = text;
        trace->metadata_size += size;
        return 0;
}

/* Only what was lost after the first packet is known to have been lost meanwhile. */
static int count_discarded(struct live_input *input, const struct live_trace *trace, const struct ctf_packet *header) {
        struct live_stream *stream;

        SLIST_FOREACH(stream, &input->streams, entries)
                if (stream->trace == trace && stream->stream_id == header->stream_id && stream->cpu == header->cpu_id)
                        break;
        if (!stream) {
                stream = calloc(1, sizeof(*stream));
                if (!stream)
                        return -ENOMEM;
                *stream = (struct live_stream) {
                        .trace = trace,
                        .stream_id = header->stream_id,
                        .cpu = header->cpu_id,
                        .discarded = header->events_discarded,
                };
                SLIST_INSERT_HEAD(&input->streams, stream, entries);
        }
        if (header->events_discarded > stream->discarded)
                input->discarded += header->events_discarded - stream->discarded;
        stream->discarded = header->events_discarded;
        return 0;
}

static int on_packet(struct live_input *input, const uint8_t uuid[16], const char *data, size_t size) {
        const struct live_trace *trace = find_trace(input, uuid);
        struct live_packet *packet;
        struct ctf_packet header;
        int r;

        if (!trace || size < sizeof(header))
                return -EBADMSG;
        memcpy(&header, data, sizeof(header));
        r = count_discarded(input, trace, &header);
        if (r < 0)
                return r;
        packet = malloc(sizeof(*packet) + size);
        if (!packet)
                return -ENOMEM;
        *packet = (struct live_packet) { .trace = trace, .end = header.timestamp_end, .size = size };
        memcpy(packet->data, data, size);
        STAILQ_INSERT_TAIL(&input->packets, packet, entries);
        return 0;
}

static int on_sync(struct live_input *input, const char *data, size_t size) {
        struct live_packet *packet;
        struct stream_sync sync;

        if (size < SIZE_BEFORE_LATER(sync))
                return -EBADMSG;
        memcpy(&sync, data, SIZE_BEFORE_LATER(sync));
        STAILQ_FOREACH(packet, &input->packets, entries)
                packet->is_ready = true;
        if (sync.time > input->sync)
                input->sync = sync.time;
        input->realtime = sync.realtime;
        input->has_sync = true;
        return 0;
}

static int on_lost(struct live_input *input, const char *data, size_t size) {
        struct stream_lost lost;

        if (size < SIZE_BEFORE_LATER(lost))
                return -EBADMSG;
        memcpy(&lost, data, SIZE_BEFORE_LATER(lost));
        input->packets_lost += lost.packets;
        input->events_lost += lost.events;
        return 0;
}

static int on_frame(struct live_input *input, const struct stream_frame *frame, const char *data) {
        size_t size = (size_t) frame->size;

        if (!input->has_hello && frame->type != STREAM_HELLO)
                return -EBADMSG;
        switch (frame->type) {
        case STREAM_HELLO:
                return on_hello(input, data, size);
        case STREAM_METADATA:
                return on_metadata(input, frame->uuid, data, size);
        case STREAM_PACKET:
                return on_packet(input, frame->uuid, data, size);
        case STREAM_SYNC:
                return on_sync(input, data, size);
        case STREAM_LOST:
                return on_lost(input, data, size);
        default:
                return 0;
        }
}

/* Takes the whole frames out of the buffer. ret_missing: how much more the next one needs at least. */
static int take_frames(struct live_input *input, size_t *ret_missing) {
        struct stream_frame frame;
        size_t done = 0;
        int r = 0;

        *ret_missing = 1;
        while (r >= 0 && input->size - done >= sizeof(frame)) {
                size_t there = input->size - done - sizeof(frame);

                memcpy(&frame, input->buffer + done, sizeof(frame));
                if (frame.size > STREAM_FRAME_MAX)
                        return -EBADMSG;
                if (frame.size > there) {
                        *ret_missing = (size_t) frame.size - there;
                        break;
                }
                r = on_frame(input, &frame, input->buffer + done + sizeof(frame));
                done += sizeof(frame) + (size_t) frame.size;
        }
        memmove(input->buffer, input->buffer + done, input->size - done);
        input->size -= done;
        return r;
}

static int reserve(struct live_input *input, size_t n) {
        size_t most = input->size > READ_SIZE ? input->size : READ_SIZE, need;
        char *buffer;

        /* As much again as there is at most: who only says that much will come is given nothing for it. */
        n = n < READ_SIZE ? READ_SIZE : n;
        need = input->size + (n < most ? n : most);
        if (input->allocated >= need)
                return 0;
        buffer = realloc(input->buffer, need);
        if (!buffer)
                return -ENOMEM;
        input->buffer = buffer;
        input->allocated = need;
        return 0;
}

int live_input_read(struct live_input *input) {
        size_t missing = 1, total = 0;
        int r;

        while (total < READ_MAX) {
                ssize_t n;

                r = reserve(input, missing);
                if (r < 0)
                        return r;
                n = recv(input->fd, input->buffer + input->size, input->allocated - input->size, MSG_DONTWAIT);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0 && errno == EAGAIN)
                        return 0;
                if (n < 0 && errno != ECONNRESET)
                        return -errno;
                if (n <= 0) {
                        input->has_ended = true;
                        return 0;
                }
                input->size += (size_t) n;
                total += (size_t) n;
                r = take_frames(input, &missing);
                if (r < 0)
                        return r;
        }
        return 0;
}
