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
 *                    vfork() uses its memory, the thread that called it
 *
 * thread_quiesce() is the grace period: when it returns true, no thread is
 * still inside a tracepoint that began before the call.
 */

#include <stdbool.h>
#include <stdint.h>

#define NEST_MAX 16
#define NEST_OFF 0x1000

struct rseq;

struct thread_slot {
        uint32_t nest;
        int32_t tid; /* 0: free */
        struct rseq *rseq; /* the thread's restartable sequences, or NULL; only the thread itself uses it */
} __attribute__((aligned(64)));

extern __thread struct thread_slot *thread_self __attribute__((tls_model("initial-exec")));

/* Set while tracing is possible in this process; reads 0 in any kind of child. */
extern const uint32_t *thread_alive;

/* Where the kernel offers no membarrier, every tracepoint makes a full fence. */
extern bool thread_fences;

/* Gives the calling thread a slot. NULL where there is none left. Async-signal-safe. */
struct thread_slot *thread_claim(void);

/* Registers for membarrier and makes thread_alive read 1. Not async-signal-safe. */
int thread_enable(void);

/* In a child of fork(): forgets all threads. thread_alive reads 0. */
void thread_forget_all(void);

/* Waits until nobody is inside, for at most timeout milliseconds. Only the helper calls it. */
bool thread_quiesce(unsigned timeout);

/* Enters a tracepoint; NULL where this thread must not trace now. */
static inline struct thread_slot *thread_enter(void) {
        struct thread_slot *slot = thread_self;

        if (__builtin_expect(!slot, 0)) {
                slot = thread_claim();
                if (!slot)
                        return NULL;
        }
        if (__builtin_expect(slot->nest >= NEST_MAX, 0))
                return NULL;
        slot->nest++;
        /*
         * Nothing that the tracepoint reads may be read before the helper can
         * see it inside. The partner is the membarrier in thread_quiesce().
         */
        __asm__ volatile("" ::: "memory");
        if (__builtin_expect(thread_fences, 0))
                __atomic_thread_fence(__ATOMIC_SEQ_CST);
        return slot;
}

static inline void thread_leave(struct thread_slot *slot) {
        /* All uses come before this store; x86 keeps stores in order, others need the release. */
        __atomic_store_n(&slot->nest, slot->nest - 1, __ATOMIC_RELEASE);
}
