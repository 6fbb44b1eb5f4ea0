/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Those who read the session while it is recorded: each gets a copy of every
 * packet, as protocol/stream.h says. Nothing here waits or fails for the
 * recording: who does not read, or costs memory that there is none of, loses
 * packets and is told how many. Owned by the session, used by its one thread.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "protocol/ctf.h"

struct trace;
struct live_reader;

LIST_HEAD(live_readers, live_reader);

struct live {
        struct live_readers readers;
        bool is_behind; /* some reader is taking what waits for him */
        bool has_rest;  /* something waits for some reader */
};

/* One consumer's readers, of all users. */
#define LIVE_READERS_MAX 64

void live_done(struct live *live);

/* A reader comes. socket: to him; life: closed when he is gone. Both are taken over on success. */
int live_add(struct live *live, int socket, int life);

static inline bool live_is_used(const struct live *live) {
        return !LIST_EMPTY(&live->readers);
}

/* A packet that has this many events: its header, which is for nobody but live readers, and the bytes behind it. */
struct live_packet {
        const struct trace *trace;
        const struct ctf_packet *header;
        const void *thread; /* the record of whose events come first */
        size_t thread_size;
        const void *records;
        size_t size;
        uint64_t events;
};

void live_send(struct live *live, const struct live_packet *packet);

/* Everything before that time was given to live_send(). */
void live_sync(struct live *live, uint64_t time);

/* Sends what readers take now, and forgets those that are gone. */
void live_flush(struct live *live);

/* At the end: lets those who still read take the rest. Who does not is waited for for a fifth of a second. */
void live_finish(struct live *live);
