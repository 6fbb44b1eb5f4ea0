/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/fd.h"
#include "tracer/ring-map.h"
#include "tracer/valgrind.h"

static void *map_file(int fd, int prot, uint64_t size) {
        void *p;

        /* More than a 32-bit program has room for. */
        if (size > SIZE_MAX)
                return NULL;
        p = mmap(NULL, size, prot, MAP_SHARED, fd, 0);
        if (p == MAP_FAILED)
                return NULL;
        /* A child registers for itself; until then it must not even see the parent's rings. */
        if (!on_valgrind() && madvise(p, size, MADV_DONTFORK) < 0) {
                munmap(p, size);
                return NULL;
        }
        return p;
}

static void fill(struct ring_map *map, const struct ring_geometry *g, void *ring, const void *positions) {
        *map = (struct ring_map) {
                .cpus = (char *) ring + g->cpu_offset,
                .data = (char *) ring + g->data_offset,
                .cpu_stride = g->cpu_stride,
                .data_stride = g->subbuf_size * g->n_subbufs,
                .data_mask = g->subbuf_size * g->n_subbufs - 1,
                .subbuf_size = g->subbuf_size,
                .subbuf_mask = g->subbuf_size - 1,
                .n_cpus = g->n_cpus,
                .n_subbufs = g->n_subbufs,
                .clock = g->clock,
                .overwrite = g->flags & RING_OVERWRITE,
                .header = ring,
                .positions = positions,
                .timens_offset = g->clock == TRACE_CLOCK_TSC ? 0 : trace_clock_timens_offset(),
        };
}

/*
 * Neither file may shrink under us: that would be a SIGBUS in the program. A file
 * on disk cannot be sealed; that of our own user can be cut off by nobody who could
 * not kill us as well.
 */
static int check_file(int fd, bool in_files, uint64_t *ret_size) {
        struct stat st;

        if (!in_files)
                return memfd_check_shared(fd, ret_size);
        if (fstat(fd, &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode) || st.st_uid != geteuid())
                return -EPERM;
        *ret_size = (uint64_t) st.st_size;
        return 0;
}

int ring_map_open(struct ring_map *map, uint64_t id, int ring_fd, int positions_fd, uint32_t wanted, bool in_files) {
        uint64_t ring_size, positions_size;
        struct ring_geometry g;
        void *ring, *positions;
        int r;

        r = check_file(ring_fd, in_files, &ring_size);
        if (r >= 0)
                r = check_file(positions_fd, in_files, &positions_size);
        if (r < 0)
                return r;
        ring = map_file(ring_fd, PROT_READ | PROT_WRITE, ring_size);
        if (!ring)
                return -ENOMEM;
        positions = map_file(positions_fd, PROT_READ, positions_size);
        if (!positions) {
                munmap(ring, ring_size);
                return -ENOMEM;
        }
        r = ring_geometry_load(ring, ring_size, positions_size, &g);
        if (r >= 0 && ((g.flags & RING_LOCKED) != wanted || !trace_clock_is_known(g.clock)))
                r = -EBADMSG;
        if (r < 0) {
                munmap(ring, ring_size);
                munmap(positions, positions_size);
                return r;
        }
        fill(map, &g, ring, positions);
        map->id = id;
        map->ring_size = ring_size;
        map->positions_size = positions_size;
        return 0;
}

void ring_map_forget(struct ring_map *map) {
        if (map->id && on_valgrind())
                ring_map_close(map);
        else
                memset(map, 0, sizeof(*map));
}

void ring_map_close(struct ring_map *map) {
        munmap(map->header, map->ring_size);
        munmap((void *) map->positions, map->positions_size);
        memset(map, 0, sizeof(*map));
}
