/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What the library knows of each thread that traces: a slot in static memory
 * (a thread's own memory is gone when it ends, and the helper looks at slots
 * whenever it likes). A slot says how deep its thread is inside tracepoints:
 *
 *   0                outside
 *   1 .. NEST_MAX    inside; more than 1 in signal handlers
 *   NEST_OFF or more never traces: the helper thread; or, while a child of
 *                    vfork() uses its memory, the thread that called it; or a
 *                    thread more than there are slots
 *
 * thread_quiesce() is the grace period: when it returns true, no thread is
 * still inside a tracepoint that began before the call.
 */

#include <stdbool.h>
#include <stdint.h>

#define NEST_MAX 16
#define NEST_OFF 0x1000

#define THREAD_SLOTS 4096

/* As large as pages may be: what is wiped in a child shares none with anything else. */
#if defined(__x86_64__) || defined(__i386__)
#define THREAD_PAGE 4096
#else
#define THREAD_PAGE 65536
#endif

struct rseq;

struct thread_slot {
        uint32_t nest;
        int32_t tid; /* 0: free */
        struct rseq *rseq; /* the thread's restartable sequences, or NULL; only the thread itself uses it */
} __attribute__((aligned(64)));

/*
 * All of this reads 0 in any kind of child (MADV_WIPEONFORK), so that a slot
 * with rseq says by itself that tracing is possible in this process.
 */
struct thread_table {
        uint32_t alive; /* tracing is possible in this process */
        /* A cache line of their own. */
        uint32_t next __attribute__((aligned(64))); /* where the next thread looks for a slot first */
        uint32_t visitors;                          /* thread_visit() */
        struct thread_slot slots[THREAD_SLOTS];
} __attribute__((aligned(THREAD_PAGE)));

extern struct thread_table thread_table __attribute__((visibility("hidden")));
extern __thread struct thread_slot *thread_self __attribute__((tls_model("initial-exec"), visibility("hidden")));

/*
 * How deep a thread may be inside and still enter without looking at anything
 * else: NEST_MAX, or 0 where the kernel offers no membarrier and every
 * tracepoint makes a full fence.
 */
extern uint32_t thread_nest_fast __attribute__((visibility("hidden")));

/* Gives the calling thread a slot: thread_none where there is none left. Async-signal-safe. */
struct thread_slot *thread_claim(void);

/* What all threads share that found no slot. Their events are only counted. */
extern struct thread_slot thread_none;

/*
 * Around a look at an event's actions by a thread that cannot enter, for want of
 * a slot or too deep in signal handlers. False where it must not trace at all.
 */
bool thread_visit(void);
void thread_visit_end(void);

/* Around what lends the calling thread's memory to a child process: tracing is off, and on again. */
void thread_off(void);
void thread_on(void);

/* Registers for membarrier and makes thread_table.alive read 1. Not async-signal-safe. */
int thread_enable(void);

/* In a child of fork(): forgets all threads. */
void thread_forget_all(void);

/* Waits until nobody is inside, for at most timeout milliseconds. Not from inside. */
bool thread_quiesce(unsigned timeout);

/* Enters a tracepoint; NULL where this thread must not trace now. */
static inline struct thread_slot *thread_enter(void) {
        struct thread_slot *slot = thread_self;

        if (__builtin_expect(!slot, 0))
                slot = thread_claim();
        if (__builtin_expect(slot->nest >= NEST_MAX, 0))
                return NULL;
        slot->nest++;
        /*
         * Nothing that the tracepoint reads may be read before the helper can
         * see it inside. The partner is the membarrier in thread_quiesce().
         */
        __asm__ volatile("" ::: "memory");
        if (__builtin_expect(thread_nest_fast == 0, 0))
                __atomic_thread_fence(__ATOMIC_SEQ_CST);
        return slot;
}

static inline void thread_leave(struct thread_slot *slot) {
        /* All uses come before this store; x86 keeps stores in order, others need the release. */
        __atomic_store_n(&slot->nest, slot->nest - 1, __ATOMIC_RELEASE);
}
