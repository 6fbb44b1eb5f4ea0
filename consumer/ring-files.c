/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <sys/mman.h>

#include "common/cleanup.h"
#include "consumer/ring-files.h"
#include "protocol/ring.h"

static int geometry_of(const struct session *session, const struct consumer_ring_files *m, struct ring_geometry *ret) {
        return ring_geometry_init(ret, m->flags, session->info.clock, m->n_cpus, m->n_subbufs, m->subbuf_size);
}

static int open_one(struct session *session, enum request_kind kind, const struct consumer_rings *m, uint64_t size,
                    int *ret_fd) {
        const struct request request = { .kind = kind, .set_id = m->set, .stream = m->stream, .size = size };

        return output_open(&session->output, &request, ret_fd);
}

static int map(int fd, uint64_t size, void **ret) {
        void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

        if (p == MAP_FAILED)
                return -errno;
        *ret = p;
        return 0;
}

/* The magic number comes last: a file that has it is filled in, whoever died meanwhile. */
static int fill_in(const struct session *session, const struct ring_geometry *g, int ring_fd, int positions_fd) {
        void *ring = NULL, *positions = NULL;
        int r;

        r = map(ring_fd, g->total_size, &ring);
        if (r < 0)
                return r;
        r = map(positions_fd, g->positions_size, &positions);
        if (r >= 0) {
                if (((struct ring_header *) ring)->magic == 0)
                        ring_format(g, session_now(session), ring, positions);
                munmap(positions, g->positions_size);
        }
        munmap(ring, g->total_size);
        return r;
}

int ring_files_open(struct session *session, const struct consumer_ring_files *m, int *ret_ring, int *ret_positions) {
        _cleanup_close_ int ring = -1, positions = -1;
        struct ring_geometry g;
        int r;

        r = geometry_of(session, m, &g);
        if (r >= 0)
                r = open_one(session, REQUEST_RING, &m->rings, g.total_size, &ring);
        if (r >= 0)
                r = open_one(session, REQUEST_POSITIONS, &m->rings, g.positions_size, &positions);
        if (r >= 0)
                r = fill_in(session, &g, ring, positions);
        if (r < 0)
                return r;
        *ret_ring = TAKE_FD(ring);
        *ret_positions = TAKE_FD(positions);
        return 0;
}

int ring_files_open_for_writers(struct session *session, const struct consumer_ring_files *m, int ret_fds[2]) {
        _cleanup_close_ int ring = -1;
        struct ring_geometry g;
        int r;

        r = geometry_of(session, m, &g);
        if (r >= 0)
                r = open_one(session, REQUEST_RING, &m->rings, g.total_size, &ring);
        if (r >= 0)
                r = open_one(session, REQUEST_POSITIONS_READER, &m->rings, 0, &ret_fds[1]);
        if (r < 0)
                return r;
        ret_fds[0] = TAKE_FD(ring);
        return 0;
}

int ring_files_map_record(struct session *session, void **ret) {
        const struct request request = { .kind = REQUEST_RECORD, .size = CONSUMER_OWN_SIZE };
        _cleanup_close_ int fd = -1;
        int r;

        r = output_open(&session->output, &request, &fd);
        return r < 0 ? r : map(fd, CONSUMER_OWN_SIZE, ret);
}

void ring_files_forget(struct session *session, uint64_t set) {
        const struct request request = { .kind = REQUEST_FORGET, .set_id = set };

        (void) output_ask(&session->output, &request);
}

void ring_files_end(struct session *session) {
        const struct request request = { .kind = REQUEST_END };

        (void) output_ask(&session->output, &request);
}
