/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * When tracingd is told to look at the status page, since nobody there looks by
 * itself: protocol/consumer.h says for what. Owned by the drainer; one thread.
 */

#include <stdbool.h>
#include <stdint.h>

#include "protocol/consumer.h"

struct notice {
        uint64_t next;  /* CLOCK_MONOTONIC, nanoseconds: not before */
        bool is_told;   /* anything yet */
        int32_t error;  /* of the output, as it was told last */
        uint64_t at;    /* notice_at that was reached, and told */
};

/* Whether there is something to tell, at this time; it counts as told then. */
bool notice_is_due(struct notice *notice, const struct consumer_status *status, uint64_t now);
