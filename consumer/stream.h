/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * One CPU's ring of a channel and the stream that it becomes. A round of the
 * drainer looks at all streams first and writes second: what was below the
 * positions at the look has its classes in messages that were read in between.
 * Owned by the channel, used by the drainer's one thread.
 */

#include "consumer/checkpoint.h"
#include "consumer/look.h"
#include "consumer/stream-file.h"
#include "consumer/walk.h"
#include "protocol/ring.h"

struct channel;

/* A position in the ring at which a packet can begin, also amid a sub-buffer. */
struct stream_mark {
        uint64_t position;
        uint64_t time;             /* no record behind it is before */
        struct walk_thread thread; /* who wrote what comes next, where no tracectl:thread says it */
};

/* What a successor must know beside the file. */
struct stream_state {
        struct stream_mark next;  /* up to here the ring has been written, or lost; the next packet begins here */
        struct stream_mark floor; /* overwrite: what is before was cleared */
        uint64_t snapshotted;     /* overwrite: up to which it has been in any snapshot */
        uint64_t splits;          /* overwrite: sub-buffers that became two packets */
        uint64_t sequence;        /* discard: of the next packet */
        uint64_t ring_discarded;  /* the ring's counter when it last made sense */
        uint64_t cleared;         /* what that counter was at the last CLEAR */
        uint64_t discarded;       /* by writers, since then */
};

/*
 * What survives of a stream, in the positions file. A packet is in the files
 * first and in the record second; whoever is killed in between leaves bytes
 * behind the sizes of the record, which the successor cuts off, and the same
 * records in the ring, since writers learn of the new position last.
 */
struct stream_record {
        uint16_t major, minor; /* STREAM_RECORD_MAJOR; 0: nothing yet */
        uint32_t folded;  /* released: the session has its counters, and nothing more is to be done */
        struct stream_state state;
        struct stream_file_state file;
        uint64_t data_size, index_size;
        LATER_MEMBER
};

#define STREAM_RECORD_MAJOR 3
#define STREAM_RECORD_MINOR LATER_MINOR

_Static_assert(sizeof(struct stream_record) <= CHECKPOINT_ROOM && sizeof(struct checkpoint) <= RING_OWN_SIZE,
               "fits the positions file");

struct stream {
        struct channel *channel;
        uint32_t cpu;
        bool looked; /* in this round */
        bool has_ended;  /* what the ring holds is of no use */
        bool is_spoiled; /* its words make no sense, which was counted */
        struct look look;
        struct stream_state state;
        struct stream_file file;
        struct counters shown; /* what of file.state.counters is in the session's totals */
};

/*
 * Goes on behind a predecessor where there was one, unless he has released the
 * stream: ret_folded. Whether there was one, or -errno.
 */
int stream_init(struct stream *stream, struct channel *channel, uint32_t cpu, bool *ret_folded);
void stream_done(struct stream *stream);

/*
 * The stream is as it is now, for a successor, for writers and for the status
 * page. To be called where every record up to state.next has been dealt with.
 */
void stream_save(struct stream *stream);

/* The record as of now. */
void stream_record(const struct stream *stream, struct stream_record *ret);

/* Parts of a transaction of the session; see consumer/checkpoint.h. */
void stream_propose(struct stream *stream, const struct stream_record *record);
void stream_settle_proposal(struct stream *stream);

/* Forgets what was written and counted, and where the look was. */
void stream_clear(struct stream *stream);

/*
 * Reads the ring's words. Without partial, only where a sub-buffer seems to be
 * closed, and without touching what writers store to where none is.
 */
void stream_look(struct stream *stream, bool partial);

/*
 * Writes what the look saw of a discard ring: closed sub-buffers, and with
 * partial the content of the open one. Whether there was anything.
 */
bool stream_drain(struct stream *stream, bool partial, uint64_t latest);

/* Writes a packet without events where some were lost and no packet has told of it. */
void stream_settle(struct stream *stream, uint64_t latest);

/* After a fence: whether a sub-buffer was closed that stream_drain() has not seen. */
bool stream_has_closed(const struct stream *stream);

/*
 * Takes over a value of the ring's counter of discarded events: the one of now,
 * or one from a time that may lie before the last.
 */
void stream_count_discarded(struct stream *stream, uint64_t ring_discarded, bool now);

const struct ring_cpu *stream_words(const struct stream *stream);

/* Copies [from, to), which lie in one sub-buffer, to the session's scratch buffer. */
void stream_copy(const struct stream *stream, uint64_t from, uint64_t to);
