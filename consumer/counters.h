/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the status page counts, as one part of the session has caused it. No memory of its own. */

#include <stdint.h>

struct counters {
        uint64_t events;
        uint64_t lost_ring;
        uint64_t lost_output;
        uint64_t lost_overwrite;
        uint64_t lost_garbage;
        uint64_t packets;
        uint64_t bytes;
};

static inline void counters_add(struct counters *to, const struct counters *n) {
        to->events += n->events;
        to->lost_ring += n->lost_ring;
        to->lost_output += n->lost_output;
        to->lost_overwrite += n->lost_overwrite;
        to->lost_garbage += n->lost_garbage;
        to->packets += n->packets;
        to->bytes += n->bytes;
}

static inline void counters_subtract(struct counters *from, const struct counters *n) {
        from->events -= n->events;
        from->lost_ring -= n->lost_ring;
        from->lost_output -= n->lost_output;
        from->lost_overwrite -= n->lost_overwrite;
        from->lost_garbage -= n->lost_garbage;
        from->packets -= n->packets;
        from->bytes -= n->bytes;
}
