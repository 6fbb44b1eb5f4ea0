/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * One attempt to record an event of a small fixed size, inline. False where
 * nothing was written: then ring_rseq_write() or ring_locked_write() does it.
 * Where an action has no `fast`, or the thread no restartable sequences, that is
 * always so. fast is one of the action's two. payload is readable as
 * tracectl_record_fixed() says.
 */

#include <stdbool.h>
#include <stdint.h>

#include "tracer/action.h"
#include "tracer/thread.h"

#define RING_FAST_MAX 64

#if defined(__x86_64__)

#include "tracer/rseq-x86_64.h"

/*
 * store copies the payload to 4(%r10), room bytes with the header, of which only
 * size count: what is stored beyond them lies beyond the new position.
 */
#define FAST_WRITE(room, store)                                                                                \
        __asm__ goto("movq %[rseq], %%rdx\n\t"                                                                 \
                     "testq %%rdx, %%rdx\n\t"                                                                  \
                     "jz %l[slow]\n\t"                                                                         \
                     "movq %[fast], %%r10\n\t"                                                                 \
                     "testq %%r10, %%r10\n\t"                                                                  \
                     "jz %l[slow]\n\t"                                                                         \
                     FAST_SECTION(room)                                                                        \
                     FAST_HEADER("%[tid]", "%[id]")                                                            \
                     store                                                                                     \
                     "leaq 4(%%r8, %[size]), %%r8\n\t"                                                         \
                     FAST_COMMIT("%[tid]")                                                                     \
                     RSEQ_ABORT("%l[slow]")                                                                    \
                     :                                                                                         \
                     : FAST_OFFSETS, [rseq] "m"(slot->rseq), [tid] "m"(slot->tid), [fast] "m"(*fast),          \
                       [id] "m"(action->id), [payload] "r"(payload), [size] "r"(size)                          \
                     : FAST_CLOBBERS                                                                           \
                     : slow)

/* 16 bytes of payload. */
#define FAST_STORE_16(offset)                                                                                  \
        "movups " #offset "(%[payload]), %%xmm14\n\t"                                                          \
        "movups %%xmm14, 4 + " #offset "(%%r10)\n\t"

/* For sizes up to 8. */
static inline __attribute__((always_inline)) bool ring_fast_write_8(const struct thread_slot *slot,
                                                                    const struct ring_map *const *fast,
                                                                    const struct action *action,
                                                                    const void *payload, uint64_t size) {
        FAST_WRITE(12, "movq (%[payload]), %%rcx\n\t"
                       "movq %%rcx, 4(%%r10)\n\t");
        return true;
slow:
        return false;
}

/* For sizes up to RING_FAST_MAX. */
static inline bool ring_fast_write(const struct thread_slot *slot, const struct ring_map *const *fast,
                                   const struct action *action, const void *payload, uint64_t size) {
        if (size <= 8)
                return ring_fast_write_8(slot, fast, action, payload, size);
        if (size <= 16)
                FAST_WRITE(20, FAST_STORE_16(0));
        else if (size <= 32)
                FAST_WRITE(36, FAST_STORE_16(0) FAST_STORE_16(16));
        else
                FAST_WRITE(68, FAST_STORE_16(0) FAST_STORE_16(16) FAST_STORE_16(32) FAST_STORE_16(48));
        return true;
slow:
        return false;
}

#else

static inline bool ring_fast_write_8(const struct thread_slot *slot, const struct ring_map *const *fast,
                                     const struct action *action, const void *payload, uint64_t size) {
        return false;
}

static inline bool ring_fast_write(const struct thread_slot *slot, const struct ring_map *const *fast,
                                   const struct action *action, const void *payload, uint64_t size) {
        return false;
}

#endif
