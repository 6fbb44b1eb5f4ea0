/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Connections beyond a limit are refused, each is counted (account.h), and the
 * administrator is told of it, but not each time. Any thread.
 */

#include <pthread.h>
#include <stdint.h>

#include "service/registry/peer.h"

#define REFUSALS_TELL_USEC (UINT64_C(60) * 1000000)

struct refusals {
        pthread_mutex_t lock;
        uint64_t n;    /* since the last time */
        uint64_t next; /* CLOCK_MONOTONIC, µs: not before */
};

void refusals_init(struct refusals *refusals);
void refusals_done(struct refusals *refusals);

/* error: why; -EUSERS, -EDQUOT, or what accept() says, then without a peer. */
void refusals_tell(struct refusals *refusals, const struct peer *peer, int error);
