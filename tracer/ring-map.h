/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A ring set as this process has it mapped, with everything a writer needs in
 * private memory. Made and freed by the helper thread alone; freed only after a
 * grace period (thread_quiesce()).
 */

#include <stdbool.h>
#include <stdint.h>

#include "protocol/ring.h"

struct ring_map {
        char *cpus;          /* struct ring_cpu of CPU 0 */
        char *data;          /* of CPU 0 */
        uint64_t cpu_stride;
        uint64_t data_stride; /* bytes of one CPU's data */
        uint64_t data_mask;   /* data_stride - 1 */
        uint64_t subbuf_size;
        uint64_t subbuf_mask; /* subbuf_size - 1 */
        uint32_t n_cpus;
        uint32_t n_subbufs;
        uint32_t clock; /* enum trace_clock */
        bool overwrite;
        struct ring_header *header;
        const struct ring_positions *positions;
        int64_t timens_offset; /* for clocks that time namespaces shift */

        uint64_t id; /* struct view_ring: shared_id or locked_id; 0: free */
        bool keep;   /* of the view that is being applied */
        uint64_t ring_size, positions_size;
};

/*
 * Maps a ring set from its two descriptors, which stay the caller's. wanted are
 * the bits of RING_LOCKED that its geometry must have, in_files as VIEW_RING_FILES
 * says. -errno where the files are not what they should be.
 */
int ring_map_open(struct ring_map *map, uint64_t id, int ring_fd, int positions_fd, uint32_t wanted, bool in_files);

void ring_map_close(struct ring_map *map);

/* In a child of fork(), which does not have it mapped. */
void ring_map_forget(struct ring_map *map);

static inline struct ring_cpu *ring_map_cpu(const struct ring_map *map, uint32_t cpu) {
        return (struct ring_cpu *) (map->cpus + cpu * map->cpu_stride);
}
