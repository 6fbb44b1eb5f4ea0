/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * One processor's pipe of a kernel channel and the stream that it becomes. What
 * is read from the pipe is gone there, so it is read into the scratch file,
 * which survives us: a sub-buffer is in one of the two, or in the trace. Owned
 * by the channel, used by the drainer's one thread.
 */

#include "consumer/checkpoint.h"
#include "consumer/kernel-page.h"
#include "consumer/stream-file.h"
#include "protocol/consumer.h"

struct kernel_channel;

/* What a successor must know beside the file. */
struct kernel_stream_state {
        uint64_t pages;      /* read and done with */
        uint64_t lost_seen;  /* the kernel's count when it was last read */
        uint64_t discarded;  /* events that are not in the trace, since the last CLEAR */
        uint64_t unsettled;  /* events of a named snapshot that is not committed yet */
        uint64_t described;  /* 1: the processes are in this file */
};

struct kernel_stream_record {
        uint16_t major, minor; /* KERNEL_STREAM_RECORD_MAJOR; 0: nothing yet */
        uint32_t folded;
        struct kernel_stream_state state;
        struct stream_file_state file;
        uint64_t data_size, index_size;
        LATER_MEMBER
};

#define KERNEL_STREAM_RECORD_MAJOR 3
#define KERNEL_STREAM_RECORD_MINOR LATER_MINOR

/*
 * A processor's own area of the scratch file. The sub-buffer there waits to be
 * written exactly if its header counts bytes and reading is the number of the
 * next one: the header is cleared before reading is set, both before the pipe
 * is read, and the record counts the sub-buffer once it is in the trace.
 */
struct kernel_own {
        uint64_t reading;
        struct checkpoint record;
};

_Static_assert(sizeof(struct kernel_stream_record) <= CHECKPOINT_ROOM && sizeof(struct kernel_own) <= CONSUMER_KERNEL_OWN_SIZE,
               "fits the scratch file");

struct kernel_stream {
        struct kernel_channel *channel;
        uint32_t cpu;
        int pipe, stats;
        bool ready;    /* poll() has said so */
        bool quiet;    /* it has, and there was nothing */
        bool busy;     /* the last read had much */
        bool pending;  /* the scratch file has a sub-buffer that is not in the trace */
        bool puzzled;  /* and that one has events which nobody has described yet */
        uint64_t due;  /* CLOCK_MONOTONIC, nanoseconds: to be read then in any case */
        struct kernel_stream_state state;
        struct stream_file file;
        struct counters shown;
};

/* Goes on behind a predecessor where there was one: 1, else 0. Or -errno. */
int kernel_stream_init(struct kernel_stream *stream, struct kernel_channel *channel, uint32_t cpu, bool *ret_folded);
void kernel_stream_done(struct kernel_stream *stream);

/* Takes over both descriptors. */
void kernel_stream_set_pipe(struct kernel_stream *stream, int pipe, int stats);

/* The record: saved, or proposed as part of a transaction (consumer/checkpoint.h). */
void kernel_stream_record(const struct kernel_stream *stream, struct kernel_stream_record *ret);
void kernel_stream_save(struct kernel_stream *stream);
void kernel_stream_propose(struct kernel_stream *stream, const struct kernel_stream_record *record);
void kernel_stream_settle_proposal(struct kernel_stream *stream);

enum kernel_drain {
        KERNEL_DRAIN_SOME, /* up to the first short sub-buffer: the writer is near */
        KERNEL_DRAIN_ALL,  /* until there is nothing */
        KERNEL_DRAIN_END,  /* and nobody will describe unknown events any more */
};

/*
 * Writes what the pipe has into the stream's own file or another one. Whether
 * there may be more. A sub-buffer with events that have not been described is left
 * once, so that waiting messages can be read.
 */
bool kernel_stream_drain(struct kernel_stream *stream, struct stream_file *file, enum kernel_drain how);

/* Everything that was lost is told by a packet. */
void kernel_stream_settle(struct kernel_stream *stream, struct stream_file *file);

/* Forgets what the pipe has, and what was written and counted. The record is the caller's affair. */
void kernel_stream_clear(struct kernel_stream *stream);
