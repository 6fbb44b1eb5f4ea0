/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What a session does by itself so that its trace comes in chunks, and stays
 * within its bound: it rotates when the present chunk has reached a size or an
 * age, and each rotation removes the oldest chunks. The consumer tells when the
 * size is reached (CONSUMER_NOTICE). It is no operation of the session's: nobody
 * who calls a method finds it busy. The session's; main loop only.
 */

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "service/model/failure.h"

struct session;

/* As somebody has asked for it; 0: not. */
struct space_config {
        uint64_t rotate_size; /* bytes */
        uint64_t rotate_usec;
        uint64_t max_size; /* bytes, of the chunks and what is being written */
};

struct session_space {
        struct space_config config;
        uint64_t bytes, packets; /* the counters when the present chunk began */
        uint64_t begun;          /* microseconds since the epoch */
        int error;               /* of the last rotation by itself */
        bool rotating;           /* one was sent and not answered */
        bool due;                /* session_space_cut(), and the chunk has not begun yet */
        sd_event_source *timer;
};

/* Whether it can be so; puts what it leaves open in its place. session: its name. */
int space_check(struct space_config *c, const char *session, struct failure *failure);

/* What the consumer may leave of the chunks, in KiB, when it makes another one; 0: all. */
uint32_t session_space_keep(const struct session *s);

/* The session is another one: started, stopped, restored, asked for something else; or the status page is. */
void session_space_look(struct session *s);

/* A chunk begins: the first one, or there was a rotation or a clearing. */
void session_space_begin(struct session *s);

/* A chunk is to begin, whatever the session's own wishes are. */
void session_space_cut(struct session *s);

void session_space_end(struct session *s);
