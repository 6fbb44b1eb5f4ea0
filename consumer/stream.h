/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * One CPU's ring of a channel and the stream that it becomes. A round of the
 * drainer looks at all streams first and writes second: what was below the
 * positions at the look has its classes in messages that were read in between.
 * Owned by the channel, used by the drainer's one thread.
 */

#include "consumer/look.h"
#include "consumer/stream-file.h"
#include "consumer/walk.h"

struct channel;

struct stream {
        struct channel *channel;
        uint32_t cpu;
        bool looked; /* in this round */
        struct look look;
        uint64_t consumed;       /* position up to which the ring has been written, or lost */
        uint64_t snapshotted;    /* overwrite: up to which it has been in any snapshot */
        uint64_t splits;         /* overwrite: sub-buffers that became two packets */
        uint64_t end_time;       /* of the newest packet: where the next one begins */
        uint64_t sequence;       /* discard: of the next packet */
        uint64_t ring_discarded; /* the ring's counter when it last made sense */
        uint64_t discarded;      /* by writers, ever */
        struct walk_thread thread; /* who wrote what comes at consumed */
        struct stream_file file;
};

void stream_init(struct stream *stream, struct channel *channel, uint32_t cpu);
void stream_done(struct stream *stream);

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
