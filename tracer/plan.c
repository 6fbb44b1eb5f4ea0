/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <limits.h>
#include <string.h>

#include "common/clock.h"
#include "tracer/plan.h"
#include "tracer/sys.h"

/*
 * How far a ring's last time may lie ahead of now and still be believed: clocks
 * of two CPUs, or one that was read before a preemption, differ by less.
 * Anything more is a hostile neighbour's, and is reset instead of followed.
 */
#define AHEAD_MAX (UINT64_C(1) << 34)

static void read_state(const struct ring_cpu *ring, struct ring_state *ret) {
        /* The commit checks that all four are still so; no order is needed among them. */
        ret->position = __atomic_load_n(&ring->commit.position, __ATOMIC_RELAXED);
        ret->meta = __atomic_load_n(&ring->commit.meta, __ATOMIC_RELAXED);
        ret->last_time = __atomic_load_n(&ring->last_time, __ATOMIC_RELAXED);
        ret->limit = __atomic_load_n(&ring->limit, __ATOMIC_RELAXED);
        /* The clock is read after them: a time that is committed to this state is not before its last_time. */
        __atomic_signal_fence(__ATOMIC_SEQ_CST);
}

/* The time now, but never before last_time. Sets *reset where last_time is not to be believed. */
static uint64_t read_time(const struct ring_map *map, uint64_t last_time, bool *reset) {
        uint64_t now = trace_clock_read(map->clock, map->timens_offset);

        *reset = false;
        if (now < last_time) {
                if (last_time - now < AHEAD_MAX)
                        return last_time;
                *reset = true;
        }
        return now;
}

static char *put_u32(char *p, uint32_t value) {
        memcpy(p, &value, sizeof(value));
        return p + sizeof(value);
}

static char *put_header(char *p, uint32_t id, uint64_t time, bool compact) {
        if (compact && id <= CTF_ID_COMPACT_MAX)
                return put_u32(p, ctf_compact_header(id, time));
        *p++ = CTF_ID_EXTENDED;
        p = put_u32(p, id);
        memcpy(p, &time, sizeof(time));
        return p + sizeof(time);
}

enum plan_result plan_event(const struct ring_map *map, struct ring_cpu *ring, uint32_t cpu,
                            const struct write_event *event, struct plan *ret) {
        uint32_t tid = (uint32_t) event->tid;
        uint64_t limit, begin, offset;
        bool reset, compact;
        char *p = ret->header;

        read_state(ring, &ret->seen);
        ret->time = read_time(map, ret->seen.last_time, &reset);
        ret->meta = RING_META(ret->time, tid);

        /* An honest limit is a multiple; a hostile one becomes one. */
        limit = ret->seen.limit & ~map->subbuf_mask;
        begin = limit - map->subbuf_size;
        if (ret->seen.position - begin > map->subbuf_size) {
                /* Entered, but without a record yet. */
                ret->start = begin;
        } else
                ret->start = ret->seen.position;
        ret->fresh = ret->start == begin;
        ret->room = limit - ret->start;
        if (ret->room < CTF_COMPACT_SIZE)
                return PLAN_SWITCH;
        offset = ret->start & map->data_mask;
        ret->destination = map->data + cpu * map->data_stride + offset;

        /*
         * The reader knows the time of the record before, or of the packet's
         * beginning, which is no earlier than what meta says rounded down: less
         * than 27 bits after that, compact headers suffice.
         */
        compact = !reset && ret->time - (ret->seen.meta & ~RING_TID_MASK) <= CTF_COMPACT_TIME_MASK;
        if (ret->fresh || (ret->seen.meta & RING_TID_MASK) != (tid & RING_TID_MASK)) {
                p = put_header(p, CTF_ID_THREAD, ret->time, compact);
                p = put_u32(p, (uint32_t) event->pid);
                p = put_u32(p, tid);
                compact = true;
        }
        p = put_header(p, event->id, ret->time, compact);
        if (__builtin_expect(event->contexts_size != 0, 0)) {
                memcpy(p, event->contexts, event->contexts_size);
                p += event->contexts_size;
        }
        ret->header_size = (uint32_t) (p - ret->header);
        return PLAN_OK;
}

/* Whether the slot of the sub-buffer that ends at next_limit is free again. */
static bool slot_is_free(const struct ring_map *map, uint32_t cpu, uint64_t next_limit) {
        uint64_t consumed;

        if (map->overwrite)
                return true;
        /* Acquire: the consumer's last reads of the slot come before our writes. Its partner is the release store
         * of consumed. */
        consumed = __atomic_load_n(&map->positions->cpu[cpu].consumed, __ATOMIC_ACQUIRE);
        return next_limit - consumed <= map->data_stride;
}

bool plan_next_subbuf(const struct ring_map *map, struct ring_cpu *ring, uint32_t cpu, struct plan_switch *ret) {
        uint64_t limit, begin, number;
        bool reset;

        read_state(ring, &ret->seen);
        limit = ret->seen.limit & ~map->subbuf_mask;
        begin = limit - map->subbuf_size;
        ret->limit = limit + map->subbuf_size;
        if (!slot_is_free(map, cpu, ret->limit))
                return false;
        number = begin / map->subbuf_size;
        ret->entry = &ring->subbuf[RING_SUBBUF_INDEX(map->n_subbufs, number)];
        ret->left = (struct ring_subbuf) {
                .end = ret->seen.position - begin > map->subbuf_size ? begin : ret->seen.position,
                .end_time = read_time(map, ret->seen.last_time, &reset),
                .discarded = __atomic_load_n(&ring->discarded, __ATOMIC_RELAXED),
                .sequence = number + 1,
        };
        return true;
}

void plan_wake_consumer(const struct ring_map *map) {
        /*
         * Either the consumer sees the new limit before it sleeps, or this sees
         * that it sleeps. Partner: the fence between the consumer's store to
         * sleeping and its last look at the rings.
         */
        __atomic_thread_fence(__ATOMIC_SEQ_CST);
        if (!__atomic_load_n(&map->positions->sleeping, __ATOMIC_RELAXED))
                return;
        __atomic_fetch_add(&map->header->wake, 1, __ATOMIC_RELAXED);
        (void) sys_futex_wake(&map->header->wake, INT_MAX);
}
