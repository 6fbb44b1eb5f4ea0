/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Writers with restartable sequences, x86-64.
 *
 * A record is made inside one restartable sequence: if the thread is preempted,
 * migrated or interrupted by a signal before the last instruction, the kernel
 * sends it to the abort handler and nothing has happened, for bytes at and
 * beyond position are nobody's. The last instruction is one aligned 16-byte
 * store of {position, meta}. So whoever dies, stops or is debugged anywhere
 * leaves nothing behind.
 *
 * Traps:
 *  - The kernel looks at rseq->rseq_cs only when it preempts; leaving a sequence
 *    by a jump need not clear it. But it then points into this library, which
 *    therefore must never be unloaded (-z nodelete).
 *  - A child of vfork() has its parent's thread memory but no rseq; tracing is
 *    off there (fork.c).
 *  - Whether there is rseq is asked per thread: cpu_id is negative where the
 *    registration failed or was never made (old libc, seccomp, valgrind).
 */

#include <linux/rseq.h>
#include <stddef.h>

#include "tracer/ring-write.h"

/* The C library registers each thread; weak, since older ones do not have it. */
extern const ptrdiff_t __rseq_offset __attribute__((weak));
extern const unsigned int __rseq_size __attribute__((weak));

static struct rseq *find_registered(void) {
        struct rseq *rseq;

        if (!&__rseq_size || !&__rseq_offset || __rseq_size == 0)
                return NULL;
        rseq = (struct rseq *) ((char *) __builtin_thread_pointer() + __rseq_offset);
        return (int32_t) __atomic_load_n(&rseq->cpu_id, __ATOMIC_RELAXED) >= 0 ? rseq : NULL;
}

bool ring_rseq_registered(void) {
        return find_registered();
}

#if defined(__x86_64__)

#include <string.h>
#include <sys/rseq.h>

#include "common/clock.h"
#include "tracer/plan.h"
#include "tracer/rseq-plan-x86_64.h"

struct rseq *ring_rseq_of_thread(void) {
        return find_registered();
}

/* Enters the next sub-buffer, or finds the ring full. Somebody else may do it first: then look again. */
static bool next_subbuf(struct rseq *rseq, uint32_t cpu, const struct ring_map *map, struct ring_cpu *ring) {
        struct plan_switch plan;

        if (!plan_next_subbuf(map, ring, cpu, &plan))
                return false;
        if (commit_switch(rseq, cpu, ring, &plan) == COMMIT_DONE)
                plan_wake_consumer(map);
        return true;
}

void ring_rseq_write(struct rseq *rseq, const struct ring_map *map, const struct write_event *event) {
        struct ring_cpu *ring = ring_map_cpu(map, 0);

        if (map->clock == TRACE_CLOCK_TSC && event->id <= CTF_ID_COMPACT_MAX && fast_event(rseq, map, event))
                return;
        for (unsigned i = 0; i < WRITE_TRIES_MAX; i++) {
                uint32_t cpu = __atomic_load_n(&rseq->cpu_id, __ATOMIC_RELAXED);
                enum commit_result result;
                struct plan plan;

                if (cpu >= map->n_cpus)
                        break;
                ring = ring_map_cpu(map, cpu);
                if (plan_event(map, ring, cpu, event, &plan) == PLAN_OK) {
                        result = commit_event(rseq, cpu, ring, &plan, event->spans, event->n_spans);
                        if (result == COMMIT_DONE)
                                return;
                        if (result == COMMIT_RETRY)
                                continue;
                        if (plan.fresh) /* larger than a sub-buffer */
                                break;
                }
                if (!next_subbuf(rseq, cpu, map, ring))
                        break;
        }
        ring_count_discarded(ring);
}

#else

struct rseq *ring_rseq_of_thread(void) {
        return NULL;
}

void ring_rseq_write(struct rseq *rseq, const struct ring_map *map, const struct write_event *event) {
        ring_locked_write(map, event);
}

#endif
