/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <sched.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/fd.h"
#include "protocol/ctf.h"
#include "tests/unit/tracer/ring-fixture.h"
#include "tracer/ring-fast.h"

void fixture_init(struct fixture *f, uint32_t flags, uint32_t clock, uint32_t n_subbufs, uint64_t subbuf_size) {
        uint32_t n_cpus = (uint32_t) sysconf(_SC_NPROCESSORS_CONF);

        g_assert_cmpint(ring_geometry_init(&f->geometry, flags, clock, n_cpus, n_subbufs, subbuf_size), ==, 0);
        g_assert_cmpint(memfd_new_shared("ring", f->geometry.total_size, &f->ring_fd), ==, 0);
        g_assert_cmpint(memfd_new_shared("positions", f->geometry.positions_size, &f->positions_fd), ==, 0);
        f->ring = mmap(NULL, f->geometry.total_size, PROT_READ | PROT_WRITE, MAP_SHARED, f->ring_fd, 0);
        f->positions = mmap(NULL, f->geometry.positions_size, PROT_READ | PROT_WRITE, MAP_SHARED, f->positions_fd, 0);
        g_assert_true(f->ring != MAP_FAILED && f->positions != MAP_FAILED);
        ring_format(&f->geometry, trace_clock_read(clock, 0), f->ring, f->positions);
        g_assert_cmpint(ring_map_open(&f->map, 1, f->ring_fd, f->positions_fd, flags & RING_LOCKED, false), ==, 0);
        /* The writers' mapping is not for children; some tests fork without registering. */
        g_assert_cmpint(madvise(f->map.header, f->map.ring_size, MADV_DOFORK), ==, 0);
        g_assert_cmpint(madvise((void *) f->map.positions, f->map.positions_size, MADV_DOFORK), ==, 0);
}

void fixture_done(struct fixture *f) {
        ring_map_close(&f->map);
        munmap(f->ring, f->geometry.total_size);
        munmap(f->positions, f->geometry.positions_size);
        close(f->ring_fd);
        close(f->positions_fd);
}

void fixture_pin(int cpu) {
        cpu_set_t set;

        CPU_ZERO(&set);
        CPU_SET(cpu, &set);
        g_assert_cmpint(sched_setaffinity(0, sizeof(set), &set), ==, 0);
}

uint64_t fixture_discarded(const struct fixture *f) {
        uint64_t n = 0;

        for (uint32_t i = 0; i < f->geometry.n_cpus; i++)
                n += __atomic_load_n(&ring_cpu_at(&f->geometry, f->ring, i)->discarded, __ATOMIC_RELAXED);
        return n;
}

void fixture_write(struct fixture *f, int32_t pid, int32_t tid, uint64_t value) {
        uint64_t payload[2] = { value, ~value };
        struct tracectl_span span = { payload, sizeof(payload), TRACECTL_SPAN_BYTES };
        struct write_event event = { CHECK_ID, pid, tid, &span, 1 };

        struct thread_slot slot = { .tid = tid, .rseq = ring_rseq_of_thread() };
        struct action action = { .fast = f->geometry.clock == TRACE_CLOCK_TSC ? &f->map : NULL, .id = CHECK_ID };

        if (f->geometry.flags & RING_LOCKED)
                ring_locked_write(&f->map, &event);
        else if (!ring_fast_write(&slot, &action.fast, &action, payload, sizeof(payload)))
                ring_rseq_write(slot.rseq, &f->map, &event);
}

static uint64_t check_payload_size(uint32_t id, const char *payload, uint64_t room) {
        g_assert_cmpuint(id, ==, CHECK_ID);
        return 16;
}

void reader_init(struct reader *r, struct fixture *f, event_func func, void *userdata) {
        *r = (struct reader) { .fixture = f, .func = func, .userdata = userdata, .payload_size = check_payload_size };
        g_assert_cmpuint(f->geometry.n_cpus, <=, G_N_ELEMENTS(r->cpu));
        for (uint32_t i = 0; i < f->geometry.n_cpus; i++)
                r->cpu[i].time = ring_cpu_at(&f->geometry, f->ring, i)->subbuf[2 * f->geometry.n_subbufs - 1].end_time;
}

static uint32_t get_u32(const char *p) {
        uint32_t v;

        memcpy(&v, p, sizeof(v));
        return v;
}

uint64_t reader_check(struct reader *r, uint32_t cpu, const char *data, uint64_t size, bool fresh) {
        uint64_t offset = 0, events = 0;

        while (offset < size) {
                uint32_t word = get_u32(data + offset), id = word & 31;
                uint64_t time, length;

                g_assert_cmpuint(size - offset, >=, CTF_COMPACT_SIZE);
                if (id == CTF_ID_EXTENDED) {
                        g_assert_cmpuint(size - offset, >=, CTF_EXTENDED_SIZE);
                        id = get_u32(data + offset + 1);
                        memcpy(&time, data + offset + 5, sizeof(time));
                        offset += CTF_EXTENDED_SIZE;
                } else {
                        time = (r->cpu[cpu].time & ~(uint64_t) CTF_COMPACT_TIME_MASK) | word >> CTF_COMPACT_ID_BITS;
                        if (time < r->cpu[cpu].time)
                                time += CTF_COMPACT_TIME_MASK + UINT64_C(1);
                        offset += CTF_COMPACT_SIZE;
                }
                g_assert_cmpuint(time, >=, r->cpu[cpu].time);
                r->cpu[cpu].time = time;
                if (fresh) {
                        g_assert_cmpuint(id, ==, CTF_ID_THREAD);
                        fresh = false;
                }
                if (id == CTF_ID_THREAD) {
                        r->cpu[cpu].pid = (int32_t) get_u32(data + offset);
                        r->cpu[cpu].tid = (int32_t) get_u32(data + offset + 4);
                        offset += CTF_THREAD_PAYLOAD;
                        continue;
                }
                length = r->payload_size(id, data + offset, size - offset);
                g_assert_cmpuint(length, <=, size - offset);
                if (r->func)
                        r->func(cpu, r->cpu[cpu].pid, r->cpu[cpu].tid, time, id, data + offset, length, r->userdata);
                offset += length;
                events++;
        }
        return events;
}

/* As a consumer: position first, then limit; what a closed sub-buffer holds is in its entry. */
static void consume_cpu(struct reader *r, uint32_t cpu) {
        const struct ring_geometry *g = &r->fixture->geometry;
        struct ring_cpu *ring = ring_cpu_at(g, r->fixture->ring, cpu);
        char *data = ring_data_at(g, r->fixture->ring, cpu);
        uint64_t position = __atomic_load_n(&ring->commit.position, __ATOMIC_ACQUIRE);
        uint64_t limit = __atomic_load_n(&ring->limit, __ATOMIC_ACQUIRE);
        uint64_t *consumed = &r->cpu[cpu].consumed;

        for (;;) {
                uint64_t number = *consumed / g->subbuf_size, begin = number * g->subbuf_size, end, next;
                const struct ring_subbuf *entry = &ring->subbuf[RING_SUBBUF_INDEX(g->n_subbufs, number)];
                bool closed = limit > begin + g->subbuf_size;

                end = closed ? entry->end : MIN(position, begin + g->subbuf_size);
                next = closed ? begin + g->subbuf_size : end;
                if (end > *consumed) {
                        g_assert_cmpuint(end, <=, begin + g->subbuf_size);
                        r->events += reader_check(r, cpu, data + *consumed % (g->subbuf_size * g->n_subbufs),
                                                  end - *consumed, *consumed == begin);
                }
                if (closed) {
                        g_assert_cmpuint(end, >=, *consumed);
                        g_assert_cmpuint(entry->sequence, ==, number + 1);
                        g_assert_cmpuint(entry->end_time, >=, r->cpu[cpu].time);
                        r->cpu[cpu].time = entry->end_time;
                }
                /* Never before what lies below a position that was read earlier. */
                g_assert_cmpuint(__atomic_load_n(&ring->last_time, __ATOMIC_RELAXED), >=, r->cpu[cpu].time);
                if (next <= *consumed)
                        break;
                *consumed = next;
                __atomic_store_n(&r->fixture->positions->cpu[cpu].consumed, next, __ATOMIC_RELEASE);
                if (!closed)
                        break;
        }
}

void reader_consume(struct reader *r) {
        for (uint32_t i = 0; i < r->fixture->geometry.n_cpus; i++)
                consume_cpu(r, i);
}
