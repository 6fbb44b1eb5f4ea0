/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * From bytes of a ring to a packet. The bytes have been copied to the session's
 * scratch buffer; what of them is records goes to the file, the rest is counted
 * as garbage. No state of its own; the drainer's thread.
 */

#include "consumer/channel.h"
#include "consumer/stream-file.h"

/* What the ring's words say about the copied bytes; times are clamped here. */
struct packet_source {
        size_t size;
        uint64_t begin;     /* no record is before it: the end of the predecessor */
        uint64_t end;
        uint64_t latest;    /* no record can be after it */
        uint64_t sequence;
        uint64_t discarded; /* by writers, ever */
        struct walk_thread before;
};

struct packet_outcome {
        bool written;
        uint64_t end; /* where the successor begins */
        struct walk_thread after;
};

/* 0, or the -errno of the output; *ret is filled in either way. */
int packet_write(const struct channel *channel, struct stream_file *file, const struct packet_source *source,
                 struct packet_outcome *ret);

/* A packet without records, which tells of discarded events. */
int packet_write_empty(struct stream_file *file, uint64_t time, uint64_t sequence, uint64_t discarded);
