/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What all ring sets of the session share: its description, its output and a
 * private buffer into which records are copied before anybody looks at them.
 * Owned by the drainer, used by its one thread.
 */

#include <limits.h>
#include <stddef.h>
#include <stdint.h>

#include "consumer/output.h"
#include "protocol/consumer.h"

struct session {
        struct output output;
        struct consumer_session info; /* checked; type 0 before SESSION came */
        char hostname[HOST_NAME_MAX + 1];
        int64_t timens_offset;
        char *scratch; /* of scratch_size bytes: at least a sub-buffer of any ring */
        size_t scratch_size;
};

/* Learns about the machine what cannot be asked any more inside the sandbox. */
void session_init(struct session *session, int opener);
void session_done(struct session *session);

int session_reserve_scratch(struct session *session, size_t size);

/* A time that no record which was seen before this call can be after. */
uint64_t session_latest(const struct session *session);
