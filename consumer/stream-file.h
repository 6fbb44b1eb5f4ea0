/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A stream of a trace on disk: the packets of one channel and CPU, and their
 * index. Both files are made with the first packet. A packet is written with
 * its index entry, or not at all. Owned by a stream or a snapshot; one thread.
 */

#include "consumer/trace.h"
#include "consumer/walk.h"

struct stream_file {
        struct trace *trace;
        const char *channel;
        uint32_t stream_id;
        uint32_t cpu;
        struct file data, index;
        uint64_t end;              /* timestamp_end and events_discarded of the newest packet */
        uint64_t discarded;
        uint64_t extra;            /* packets of our own: sequence numbers are that much higher */
        uint64_t lost;             /* events of packets that could not be written, ever */
        struct walk_thread thread; /* whom a reader takes for the writer at the end of the file */
};

/* A packet: some records of one sub-buffer, in private memory and walked. */
struct packet {
        uint64_t begin, end; /* times */
        uint64_t sequence;
        uint64_t discarded;  /* by writers, ever; what the output lost is added to it */
        uint64_t events;
        const char *records;
        size_t size;
        struct walk_thread before, after; /* the writer at the beginning and at the end */
};

void stream_file_init(struct stream_file *file, struct trace *trace, const char *channel, uint32_t stream_id,
                      uint32_t cpu);
void stream_file_done(struct stream_file *file);

/*
 * Appends a packet and counts it in the status page: as written, or its events
 * as lost. The file is as it was where this fails. 0 or -errno.
 */
int stream_file_write(struct stream_file *file, const struct packet *packet);

/* Whether no packet has told the reader yet of everything that was lost; discarded as in struct packet. */
static inline bool stream_file_owes(const struct stream_file *file, uint64_t discarded) {
        return discarded + file->lost > file->discarded;
}
