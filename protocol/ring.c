/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <string.h>

#include "protocol/ring.h"

#define PAGE UINT64_C(4096)

static uint64_t round_up(uint64_t n, uint64_t to) {
        return (n + to - 1) / to * to;
}

static bool is_power_of_two(uint64_t n) {
        return n != 0 && (n & (n - 1)) == 0;
}

int ring_geometry_init(struct ring_geometry *ret, uint32_t flags, uint32_t clock, uint32_t n_cpus, uint32_t n_subbufs,
                       uint64_t subbuf_size) {
        struct ring_geometry g = {
                .flags = flags,
                .clock = clock,
                .n_cpus = n_cpus,
                .n_subbufs = n_subbufs,
                .subbuf_size = subbuf_size,
        };

        if (n_cpus < 1 || n_cpus > RING_CPUS_MAX)
                return -EINVAL;
        if (!is_power_of_two(n_subbufs) || n_subbufs < RING_SUBBUFS_MIN || n_subbufs > RING_SUBBUFS_MAX)
                return -EINVAL;
        if (!is_power_of_two(subbuf_size) || subbuf_size < RING_SUBBUF_SIZE_MIN || subbuf_size > RING_SUBBUF_SIZE_MAX)
                return -EINVAL;
        g.cpu_offset = PAGE;
        g.cpu_stride = round_up(offsetof(struct ring_cpu, subbuf[2 * n_subbufs]), PAGE);
        g.data_offset = g.cpu_offset + g.cpu_stride * n_cpus;
        g.total_size = g.data_offset + subbuf_size * n_subbufs * n_cpus;
        g.own_offset = offsetof(struct ring_positions, cpu[n_cpus]);
        g.positions_size = round_up(g.own_offset + (uint64_t) n_cpus * RING_OWN_SIZE, PAGE);
        *ret = g;
        return 0;
}

void ring_format(const struct ring_geometry *g, uint64_t created, void *ring, void *positions) {
        struct ring_header *header = ring;
        struct ring_positions *p = positions;

        *header = (struct ring_header) {
                .major = RING_MAJOR,
                .minor = RING_MINOR,
                .header_size = sizeof(*header),
                .flags = g->flags,
                .clock = g->clock,
                .n_cpus = g->n_cpus,
                .n_subbufs = g->n_subbufs,
                .subbuf_size = g->subbuf_size,
                .cpu_offset = g->cpu_offset,
                .cpu_stride = g->cpu_stride,
                .data_offset = g->data_offset,
                .total_size = g->total_size,
                .created = created,
        };
        for (uint32_t i = 0; i < g->n_cpus; i++) {
                struct ring_cpu *cpu = ring_cpu_at(g, ring, i);

                cpu->commit.meta = RING_META(created, 0);
                cpu->last_time = created;
                cpu->limit = g->subbuf_size;
                /* The predecessor of sub-buffer 0, where it begins. */
                cpu->subbuf[2 * g->n_subbufs - 1].end_time = created;
        }
        p->magic = RING_MAGIC;
        p->major = RING_MAJOR;
        p->minor = RING_MINOR;
        p->n_cpus = g->n_cpus;
        /* Last: in a file, which outlives us at any instruction, it says that all else is there. */
        __atomic_store_n(&header->magic, RING_MAGIC, __ATOMIC_RELEASE);
}

int ring_geometry_load(const void *ring, uint64_t ring_size, uint64_t pos_size, struct ring_geometry *ret) {
        struct ring_header header;
        struct ring_geometry g;

        if (ring_size < PAGE)
                return -EBADMSG;
        memcpy(&header, ring, sizeof(header));
        if (header.magic != RING_MAGIC)
                return -EBADMSG;
        if (header.major != RING_MAJOR)
                return -EPROTONOSUPPORT;
        if (ring_geometry_init(&g, header.flags, header.clock, header.n_cpus, header.n_subbufs, header.subbuf_size) < 0)
                return -EBADMSG;
        if (header.cpu_offset != g.cpu_offset || header.cpu_stride != g.cpu_stride ||
            header.data_offset != g.data_offset || header.total_size != g.total_size || g.total_size > ring_size ||
            g.own_offset > pos_size)
                return -EBADMSG;
        g.created = header.created;
        *ret = g;
        return 0;
}
