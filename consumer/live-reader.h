/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * One reader of a live stream: what waits for him, how much of each trace's
 * metadata he has, and what he has lost. Owned by struct live; one thread.
 */

#include <stdbool.h>
#include <sys/queue.h>
#include <sys/uio.h>

#include "consumer/live.h"
#include "protocol/stream.h"

/* How much of a trace's metadata was put into the queue. */
struct live_metadata {
        SLIST_ENTRY(live_metadata) entries;
        uint8_t uuid[16];
        bool has_preamble; /* with the clock of then */
        size_t sent;       /* of the classes */
};

struct live_reader {
        LIST_ENTRY(live_reader) entries;
        int socket, life;
        char *queue; /* [begin, end) is waiting */
        size_t begin, end, allocated;
        SLIST_HEAD(, live_metadata) metadata;
        struct stream_lost lost; /* and not told yet */
        bool owes_sync;
        struct stream_sync sync;
};

/* Takes both descriptors over on success. */
int live_reader_new(int socket, int life, struct live_reader **ret);
void live_reader_free(struct live_reader *reader);

void live_reader_send(struct live_reader *reader, const struct live_packet *packet);
void live_reader_sync(struct live_reader *reader, const struct stream_sync *sync);

/* 1 where he has taken something and something is left; 0; -errno where he is gone. */
int live_reader_flush(struct live_reader *reader);
