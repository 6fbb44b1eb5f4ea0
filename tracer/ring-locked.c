/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Writers without restartable sequences. The ring set belongs to this process
 * alone, so whoever holds a ring's lock can only be killed together with all who
 * would wait for it; and nobody waits: a writer that finds a ring taken (by a
 * thread that was preempted, or by the code that its signal handler interrupted)
 * tries the other CPUs' rings, and counts the event as discarded when all are
 * taken. Under the lock a record is made as in ring-rseq.c, whole or not at all.
 */

#include <sched.h>
#include <string.h>

#include "tracer/plan.h"
#include "tracer/ring-write.h"

struct cursor {
        char *to;
        uint64_t room;
};

static bool put_bytes(struct cursor *c, const void *data, uint64_t length) {
        if (length > c->room)
                return false;
        memcpy(c->to, data, length);
        c->to += length;
        c->room -= length;
        return true;
}

/* Once, byte by byte: the string may change while we read it. */
static bool put_string(struct cursor *c, const volatile char *s, uint32_t bound) {
        for (;;) {
                char byte = bound-- > 0 ? *s++ : '\0';

                if (c->room == 0)
                        return false;
                *c->to++ = byte;
                c->room--;
                if (byte == '\0')
                        return true;
        }
}

static bool put_event(struct cursor *c, const struct plan *plan, const struct write_event *event) {
        if (!put_bytes(c, plan->header, plan->header_size))
                return false;
        for (uint32_t i = 0; i < event->n_spans; i++) {
                const struct tracectl_span *span = &event->spans[i];

                if (span->kind == TRACECTL_SPAN_STRING ? !put_string(c, span->data, span->length)
                                                       : !put_bytes(c, span->data, span->length))
                        return false;
        }
        return true;
}

static void commit_event(struct ring_cpu *ring, const struct plan *plan, uint64_t length) {
        ring->last_time = plan->time;
        ring->commit.meta = plan->meta;
        /* Release: the record is complete before position says so. Partner: the reader's acquire. */
        __atomic_store_n(&ring->commit.position, plan->start + length, __ATOMIC_RELEASE);
}

static bool next_subbuf(const struct ring_map *map, struct ring_cpu *ring, uint32_t cpu) {
        struct plan_switch plan;

        if (!plan_next_subbuf(map, ring, cpu, &plan))
                return false;
        *plan.entry = plan.left;
        ring->last_time = plan.left.end_time;
        /* Release: the entry is complete before limit says so. Partner: the reader's acquire. */
        __atomic_store_n(&ring->limit, plan.limit, __ATOMIC_RELEASE);
        /* And limit has moved before any byte of the new sub-buffer changes. */
        __atomic_thread_fence(__ATOMIC_RELEASE);
        plan_wake_consumer(map);
        return true;
}

/* The lock is held. */
static void write_event(const struct ring_map *map, struct ring_cpu *ring, uint32_t cpu,
                        const struct write_event *event) {
        for (;;) {
                struct plan plan;

                if (plan_event(map, ring, cpu, event, &plan) == PLAN_OK) {
                        struct cursor c = { plan.destination, plan.room };

                        if (put_event(&c, &plan, event)) {
                                commit_event(ring, &plan, (uint64_t) (c.to - plan.destination));
                                return;
                        }
                        if (plan.fresh) /* larger than a sub-buffer */
                                break;
                }
                if (!next_subbuf(map, ring, cpu))
                        break;
        }
        ring_count_discarded(ring);
}

static bool try_lock(struct ring_cpu *ring, int32_t tid) {
        uint32_t free = 0;

        /* Acquire, with the release below: each writer sees the words as the one before left them. */
        return __atomic_compare_exchange_n(&ring->lock, &free, (uint32_t) tid, false, __ATOMIC_ACQUIRE,
                                           __ATOMIC_RELAXED);
}

void ring_locked_write(const struct ring_map *map, const struct write_event *event) {
        int here = sched_getcpu();
        uint32_t first = here < 0 ? 0 : (uint32_t) here % map->n_cpus;

        for (uint32_t i = 0; i < map->n_cpus; i++) {
                uint32_t cpu = (first + i) % map->n_cpus;
                struct ring_cpu *ring = ring_map_cpu(map, cpu);

                if (!try_lock(ring, event->tid))
                        continue;
                write_event(map, ring, cpu, event);
                __atomic_store_n(&ring->lock, 0, __ATOMIC_RELEASE);
                return;
        }
        ring_count_discarded(ring_map_cpu(map, first));
}
