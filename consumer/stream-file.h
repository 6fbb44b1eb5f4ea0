/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A stream of a trace on disk: the packets of one channel and CPU, and their
 * index. Both files are made with the first packet. A packet is written with
 * its index entry, or not at all. Owned by a stream or a snapshot; one thread.
 */

#include "consumer/counters.h"
#include "consumer/trace.h"
#include "consumer/walk.h"

struct ctf_packet;

/* What a successor must know of a file beside its size. */
struct stream_file_state {
        uint64_t end;              /* timestamp_end of the newest packet */
        uint64_t discarded;        /* by writers and by the output, ever, as far as any packet has told of it */
        uint64_t extra;            /* packets of our own: sequence numbers are that much higher */
        uint64_t told;             /* how many of the discarded the files before this one tell of */
        struct walk_thread thread; /* whom a reader takes for the writer at the end of the file */
        struct counters counters;  /* the stream's share of the status page */
};

struct stream_file {
        struct trace *trace;
        const char *channel;
        uint32_t stream_id;
        uint32_t cpu;
        bool reopen;             /* our predecessor has made the files, perhaps */
        struct file data, index; /* their sizes count also while they are not open */
        struct stream_file_state state;
};

/* A packet: some records of one sub-buffer, in private memory and walked. */
/* Packets of which babeltrace2 is to know the order do not begin in one nanosecond: no clock of a trace counts more in it. */
#define NANOSECOND_MAX UINT64_C(16)

struct packet {
        uint64_t begin, end; /* times */
        uint64_t first;      /* of the first record, where it is the kernel's; 0: its own header says it */
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
 * Goes on in files of a predecessor, which vouches for this much of them; what
 * is behind is cut off. Files that cannot be opened now are tried again before
 * the next packet, and fail it: -ESTALE where they have less.
 */
void stream_file_resume(struct stream_file *file, uint64_t data_size, uint64_t index_size);

/* As it is when the next packet begins new files. */
void stream_file_state_begin_anew(struct stream_file_state *state);

/*
 * The files are somewhere else, or gone; the next packet begins new ones, in
 * which sequence numbers go on. Discarded events are counted from 0 in each
 * file: readers of several chunks take each for a stream of its own, and would
 * not know how many a first packet tells of.
 */
void stream_file_begin_anew(struct stream_file *file);

/*
 * Appends a packet and counts it: as written, or its events as lost. The file is
 * as it was where this fails. 0 or -errno.
 */
int stream_file_write(struct stream_file *file, const struct packet *packet);

/* The header comes with the first entry. Returns how many bytes were written, or -errno. */
int stream_file_append_index(struct stream_file *file, const struct ctf_packet *packet, uint64_t offset);

/* Whether no packet has told the reader yet of everything that was lost; discarded as in struct packet. */
static inline bool stream_file_owes(const struct stream_file *file, uint64_t discarded) {
        return discarded + file->state.counters.lost_output > file->state.discarded;
}
