/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A live stream as it arrives (protocol/stream.h): frames are put together, and
 * kept as what they mean. Belongs to a tracectl_reader_live; one thread.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

/* A trace, as far as it is described. */
struct live_trace {
        SLIST_ENTRY(live_trace) entries;
        uint8_t uuid[16];
        char *metadata;
        size_t metadata_size;
};

/* A packet that has not been shown, or not all of it. */
struct live_packet {
        STAILQ_ENTRY(live_packet) entries;
        const struct live_trace *trace;
        uint64_t end;    /* ticks */
        bool is_ready;   /* a SYNC has come behind it */
        bool is_shown;   /* up to where the last batch ended */
        size_t size;
        char data[];
};

STAILQ_HEAD(live_packets, live_packet);

/* How many events a stream had lost when it was seen last. */
struct live_stream {
        SLIST_ENTRY(live_stream) entries;
        const struct live_trace *trace;
        uint32_t stream_id, cpu;
        uint64_t discarded;
};

struct live_input {
        int fd;
        char *buffer; /* of the frame that is arriving, and what came behind it */
        size_t size, allocated;
        bool has_hello, has_ended;
        SLIST_HEAD(, live_trace) traces;
        SLIST_HEAD(, live_stream) streams;
        struct live_packets packets;
        bool has_sync;  /* a new one since it was set to false */
        uint64_t sync;  /* ticks */
        uint64_t realtime; /* of it */
        uint64_t discarded, packets_lost, events_lost;
};

void live_input_done(struct live_input *input);

/* Reads what is there, up to some megabytes. 0, -EBADMSG, -EPROTONOSUPPORT, -ENOMEM, or the -errno of the socket. */
int live_input_read(struct live_input *input);
