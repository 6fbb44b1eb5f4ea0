/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Snapshots of overwrite rings while writers go on, by what protocol/ring.h says
 * and nothing else.
 */

#include "tests/unit/tracer/ring-fixture.h"

struct ring_copy {
        uint64_t position; /* of the ring, before the copy was made */
        uint64_t newest;   /* number of the newest sub-buffer */
        unsigned whole;    /* sub-buffers that are whole; the newest ones */
        uint64_t first_time; /* not after that of any event in them */
};

/*
 * Copies what a CPU's ring holds, and has r->func called for each event that no
 * writer was faster than. Checks the form of all of it. One thread at a time.
 */
struct ring_copy reader_copy(struct reader *r, uint32_t cpu);
