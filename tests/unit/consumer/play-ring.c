/* SPDX-License-Identifier: LGPL-2.1-or-later */

#undef NDEBUG
#include <glib.h>
#include <limits.h>
#include <linux/futex.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/fd.h"
#include "play-ring.h"
#include "protocol/ctf.h"

static void *map(int fd, uint64_t size, int writable) {
        void *p = mmap(NULL, size, PROT_READ | writable, MAP_SHARED, fd, 0);

        g_assert_true(p != MAP_FAILED);
        return p;
}

void play_ring_new(struct play_ring *r, uint32_t flags, uint32_t n_cpus, uint32_t n_subbufs, uint64_t subbuf_size,
                   uint64_t created) {
        g_assert_cmpint(ring_geometry_init(&r->geometry, flags, TRACE_CLOCK_MONOTONIC, n_cpus, n_subbufs, subbuf_size),
                        ==, 0);
        g_assert_cmpint(memfd_new_shared("ring", r->geometry.total_size, &r->ring_fd), ==, 0);
        g_assert_cmpint(memfd_new_shared("positions", r->geometry.positions_size, &r->positions_fd), ==, 0);
        r->ring = map(r->ring_fd, r->geometry.total_size, PROT_WRITE);
        r->positions = map(r->positions_fd, r->geometry.positions_size, PROT_WRITE);
        r->geometry.created = created;
        ring_format(&r->geometry, created, r->ring, r->positions);
}

void play_ring_map(struct play_ring *r, int ring_fd, int positions_fd) {
        struct stat ring, positions;

        g_assert_cmpint(fstat(ring_fd, &ring), ==, 0);
        g_assert_cmpint(fstat(positions_fd, &positions), ==, 0);
        r->ring_fd = ring_fd;
        r->positions_fd = positions_fd;
        r->ring = map(ring_fd, (uint64_t) ring.st_size, PROT_WRITE);
        r->positions = map(positions_fd, (uint64_t) positions.st_size, 0);
        g_assert_cmpint(ring_geometry_load(r->ring, (uint64_t) ring.st_size, (uint64_t) positions.st_size,
                                           &r->geometry), ==, 0);
}

void play_ring_done(struct play_ring *r) {
        munmap(r->ring, r->geometry.total_size);
        munmap(r->positions, r->geometry.positions_size);
        close(r->ring_fd);
        close(r->positions_fd);
}

struct ring_cpu *play_ring_cpu(const struct play_ring *r, uint32_t cpu) {
        return ring_cpu_at(&r->geometry, r->ring, cpu);
}

uint64_t play_ring_consumed(const struct play_ring *r, uint32_t cpu) {
        return __atomic_load_n(&r->positions->cpu[cpu].consumed, __ATOMIC_ACQUIRE);
}

static void wake_consumer(struct play_ring *r) {
        struct ring_header *header = r->ring;

        __atomic_thread_fence(__ATOMIC_SEQ_CST);
        if (!__atomic_load_n(&r->positions->sleeping, __ATOMIC_RELAXED))
                return;
        __atomic_fetch_add(&header->wake, 1, __ATOMIC_RELAXED);
        syscall(SYS_futex, &header->wake, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

/* Where the next record goes. A position outside the open sub-buffer means that it is still empty. */
static uint64_t next_start(const struct play_ring *r, const struct ring_cpu *c) {
        uint64_t begin = c->limit - r->geometry.subbuf_size;

        return c->commit.position - begin > r->geometry.subbuf_size ? begin : c->commit.position;
}

bool play_ring_switch(struct play_ring *r, uint32_t cpu, uint64_t time) {
        struct ring_cpu *c = play_ring_cpu(r, cpu);
        uint64_t size = r->geometry.subbuf_size, k = c->limit / size - 1;

        if (!(r->geometry.flags & RING_OVERWRITE) &&
            c->limit + size - play_ring_consumed(r, cpu) > r->geometry.n_subbufs * size)
                return false;
        c->subbuf[RING_SUBBUF_INDEX(r->geometry.n_subbufs, k)] = (struct ring_subbuf) {
                .end = next_start(r, c),
                .end_time = time,
                .discarded = c->discarded,
                .sequence = k + 1,
        };
        c->last_time = time;
        __atomic_store_n(&c->limit, c->limit + size, __ATOMIC_RELEASE);
        wake_consumer(r);
        return true;
}

static void commit(struct play_ring *r, uint32_t cpu, uint64_t time, int32_t tid, const void *data, size_t size) {
        struct ring_cpu *c = play_ring_cpu(r, cpu);
        uint64_t start = next_start(r, c);
        uint64_t mask = r->geometry.n_subbufs * r->geometry.subbuf_size - 1;

        memcpy(ring_data_at(&r->geometry, r->ring, cpu) + (start & mask), data, size);
        c->last_time = time;
        c->commit.meta = RING_META(time, tid);
        __atomic_store_n(&c->commit.position, start + size, __ATOMIC_RELEASE);
}

static char *put_header(char *p, uint32_t id, uint64_t time, bool compact) {
        uint32_t header = ctf_compact_header(id, time);

        if (compact && id <= CTF_ID_COMPACT_MAX)
                return (char *) memcpy(p, &header, sizeof(header)) + sizeof(header);
        *p++ = CTF_ID_EXTENDED;
        p = (char *) memcpy(p, &id, sizeof(id)) + sizeof(id);
        return (char *) memcpy(p, &time, sizeof(time)) + sizeof(time);
}

/* Whether size bytes fit into the open sub-buffer. */
static bool fits(struct play_ring *r, uint32_t cpu, size_t size) {
        struct ring_cpu *c = play_ring_cpu(r, cpu);

        return c->limit - next_start(r, c) >= size;
}

void play_ring_discard(struct play_ring *r, uint32_t cpu, uint64_t n) {
        play_ring_cpu(r, cpu)->discarded += n;
}

bool play_ring_write(struct play_ring *r, uint32_t cpu, uint64_t time, int32_t tid, uint32_t id, const void *payload,
                     size_t size) {
        struct ring_cpu *c = play_ring_cpu(r, cpu);

        for (int i = 0; i < 2; i++) {
                bool fresh = next_start(r, c) == c->limit - r->geometry.subbuf_size;
                bool compact = time - (c->commit.meta & ~RING_TID_MASK) <= CTF_COMPACT_TIME_MASK;
                char record[256 + RING_SUBBUF_SIZE_MIN], *p = record;
                int32_t thread[2] = { 77, tid };

                g_assert_cmpuint(size, <=, RING_SUBBUF_SIZE_MIN);
                if (fresh || (c->commit.meta & RING_TID_MASK) != (uint64_t) tid) {
                        p = put_header(p, CTF_ID_THREAD, time, compact);
                        p = (char *) memcpy(p, thread, sizeof(thread)) + sizeof(thread);
                        compact = true;
                }
                p = put_header(p, id, time, compact);
                if (size > 0)
                        p = (char *) memcpy(p, payload, size) + size;
                if (fits(r, cpu, (size_t) (p - record))) {
                        commit(r, cpu, time, tid, record, (size_t) (p - record));
                        return true;
                }
                if (!play_ring_switch(r, cpu, time))
                        break;
        }
        play_ring_discard(r, cpu, 1);
        return false;
}

void play_ring_write_raw(struct play_ring *r, uint32_t cpu, uint64_t time, const void *data, size_t size) {
        g_assert_true(fits(r, cpu, size));
        commit(r, cpu, time, 0, data, size);
}
