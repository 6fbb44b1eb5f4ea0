/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The restartable sequences of ring-rseq.c, in x86-64 assembly: one record on
 * the fast path; a planned record (plan.h); a planned switch of sub-buffers. Each
 * either happens whole or not at all. Rules for sequences: no call, no system
 * call, nothing stored below the position before the last instruction; jumps to
 * the outside are allowed.
 */

#include <emmintrin.h>
#include <linux/rseq.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "protocol/ctf.h"
#include "tracectl/tracepoint.h"
#include "tracer/plan.h"
#include "tracer/ring-map.h"
#include "tracer/ring-write.h"

/*
 * Enters a sequence from label 1 to label 2 with the abort handler at 4. Labels
 * are local numbers; 3 is the descriptor. Clobbers rax.
 */
#define RSEQ_ENTER(rseq)                                                                                       \
        ".pushsection __rseq_cs, \"aw\"\n\t"                                                                   \
        ".balign 32\n"                                                                                         \
        "3:\n\t"                                                                                               \
        ".long 0, 0\n\t"                                                                                       \
        ".quad 1f, 2f - 1f, 4f\n\t"                                                                            \
        ".popsection\n\t"                                                                                      \
        "leaq 3b(%%rip), %%rax\n\t"                                                                            \
        "movq %%rax, %c[rseq_cs](" rseq ")\n"                                                                  \
        "1:\n\t"

/* The signature that the kernel wants to see before an abort handler, as an instruction that traps. */
#define RSEQ_ABORT(target)                                                                                     \
        ".pushsection __rseq_failure, \"ax\"\n\t"                                                              \
        ".byte 0x0f, 0xb9, 0x3d\n\t"                                                                           \
        ".long 0x53053053\n"                                                                                   \
        "4:\n\t"                                                                                               \
        "jmp " target "\n\t"                                                                                   \
        ".popsection\n\t"

#define OFFSETS                                                                                                \
        [rseq_cs] "i"(offsetof(struct rseq, rseq_cs)), [cpu_id] "i"(offsetof(struct rseq, cpu_id)),            \
                [meta] "i"(offsetof(struct ring_cpu, commit.meta)),                                            \
                [last] "i"(offsetof(struct ring_cpu, last_time)), [limit] "i"(offsetof(struct ring_cpu, limit))

/*
 * The fast path: compact header, the ring's last writer, room in a sub-buffer
 * that has records, clock TSC. PAYLOAD stores the values at 4(%rdx), ROOM bytes
 * with the header, of which only length count: what is stored beyond them lies
 * beyond the new position. Anything else leaves for `slow`.
 *
 *   r8  position, rax  time, rdx  first meta, then the destination, rcx  scratch
 *
 * The first comparison of each pair bounds the destination by private numbers,
 * so that a hostile position or limit cannot lead outside the sub-buffer.
 */
#define FAST_PATH(room, payload_store, ...)                                                                    \
        __asm__ goto(RSEQ_ENTER("%[rseq]")                                                                     \
                     "cmpl %[cpu], %c[cpu_id](%[rseq])\n\t"                                                    \
                     "jne %l[aborted]\n\t"                                                                     \
                     "movq (%[ring]), %%r8\n\t"                                                                \
                     "movq %%r8, %%rcx\n\t"                                                                    \
                     "andq %c[subbuf_mask](%[map]), %%rcx\n\t"                                                 \
                     "jz %l[slow]\n\t" /* the beginning of a sub-buffer: needs a thread record */              \
                     "addq $" #room ", %%rcx\n\t"                                                              \
                     "cmpq %c[subbuf_size](%[map]), %%rcx\n\t"                                                 \
                     "ja %l[slow]\n\t"                                                                         \
                     "movq %c[limit](%[ring]), %%rcx\n\t"                                                      \
                     "subq %%r8, %%rcx\n\t"                                                                    \
                     "cmpq %c[subbuf_size](%[map]), %%rcx\n\t"                                                 \
                     "jae %l[slow]\n\t" /* another sub-buffer was entered */                                   \
                     "movq %c[meta](%[ring]), %%rcx\n\t"                                                       \
                     "rdtsc\n\t"                                                                               \
                     "shlq $32, %%rdx\n\t"                                                                     \
                     "orq %%rdx, %%rax\n\t"                                                                    \
                     "movl %%ecx, %%edx\n\t"                                                                   \
                     "xorl %[tid], %%edx\n\t"                                                                  \
                     "testl $0x3fffff, %%edx\n\t"                                                              \
                     "jnz %l[slow]\n\t" /* another thread wrote last */                                        \
                     "andq $-0x400000, %%rcx\n\t"                                                              \
                     "movq %%rax, %%rdx\n\t"                                                                   \
                     "subq %%rcx, %%rdx\n\t"                                                                   \
                     "cmpq $0x8000000, %%rdx\n\t"                                                              \
                     "jae %l[slow]\n\t" /* long ago, or in the future */                                       \
                     "movq %%r8, %%rdx\n\t"                                                                    \
                     "andq %c[data_mask](%[map]), %%rdx\n\t"                                                   \
                     "addq %[data], %%rdx\n\t"                                                                 \
                     "movl %%eax, %%ecx\n\t"                                                                   \
                     "shll $5, %%ecx\n\t"                                                                      \
                     "orl %[id], %%ecx\n\t"                                                                    \
                     "movl %%ecx, (%%rdx)\n\t" payload_store "movq %%rax, %c[last](%[ring])\n\t"               \
                     "andq $-0x400000, %%rax\n\t"                                                              \
                     "orq %[tid64], %%rax\n\t"                                                                 \
                     "addq %[length], %%r8\n\t"                                                                \
                     "movq %%r8, %%xmm14\n\t"                                                                  \
                     "movq %%rax, %%xmm15\n\t"                                                                 \
                     "punpcklqdq %%xmm15, %%xmm14\n\t"                                                         \
                     "movaps %%xmm14, (%[ring])\n"                                                             \
                     "2:\n\t" RSEQ_ABORT("%l[aborted]")                                                        \
                     :                                                                                         \
                     : OFFSETS, [rseq] "r"(rseq), [cpu] "r"(cpu), [ring] "r"(ring), [map] "r"(map),            \
                       [data] "r"(data), [tid] "r"((uint32_t) tid),                                            \
                       [tid64] "r"((uint64_t) (uint32_t) tid), [id] "r"(id),                                   \
                       [length] "r"((uint64_t) CTF_COMPACT_SIZE + size),                                       \
                       [subbuf_mask] "i"(offsetof(struct ring_map, subbuf_mask)),                              \
                       [subbuf_size] "i"(offsetof(struct ring_map, subbuf_size)),                              \
                       [data_mask] "i"(offsetof(struct ring_map, data_mask)), __VA_ARGS__                      \
                     : "rax", "rcx", "rdx", "r8", "xmm14", "xmm15", "memory", "cc"                             \
                     : aborted, slow)

_Static_assert(RING_TID_MASK == 0x3fffff && CTF_COMPACT_TIME_MASK == 0x7ffffff && CTF_COMPACT_ID_BITS == 5,
               "the fast path has these as immediate operands");

static inline __m128i load(const char *payload, unsigned offset) {
        return _mm_loadu_si128((const __m128i *) (const void *) (payload + offset));
}

/* One attempt. */
enum attempt { DONE, ABORTED, SLOW };

static inline enum attempt fast_attempt(struct rseq *rseq, uint32_t cpu, const struct ring_map *map, uint32_t id,
                                        int32_t tid, const char *payload, uint32_t size) {
        struct ring_cpu *ring = ring_map_cpu(map, cpu);
        char *data = map->data + cpu * map->data_stride;

        if (size <= 8) {
                uint64_t value;

                memcpy(&value, payload, sizeof(value));
                FAST_PATH(12, "movq %[v0], 4(%%rdx)\n\t", [v0] "r"(value));
        } else if (size <= 16) {
                __m128i v0 = load(payload, 0);

                FAST_PATH(20, "movups %[v0], 4(%%rdx)\n\t", [v0] "x"(v0));
        } else if (size <= 32) {
                __m128i v0 = load(payload, 0), v1 = load(payload, 16);

                FAST_PATH(36, "movups %[v0], 4(%%rdx)\n\tmovups %[v1], 20(%%rdx)\n\t", [v0] "x"(v0), [v1] "x"(v1));
        } else {
                __m128i v0 = load(payload, 0), v1 = load(payload, 16), v2 = load(payload, 32), v3 = load(payload, 48);

                FAST_PATH(68,
                          "movups %[v0], 4(%%rdx)\n\tmovups %[v1], 20(%%rdx)\n\t"
                          "movups %[v2], 36(%%rdx)\n\tmovups %[v3], 52(%%rdx)\n\t",
                          [v0] "x"(v0), [v1] "x"(v1), [v2] "x"(v2), [v3] "x"(v3));
        }
        return DONE;
aborted:
        return ABORTED;
slow:
        return SLOW;
}

enum commit_result {
        COMMIT_DONE = 0,
        COMMIT_RETRY = 1,   /* something changed, or the sequence was aborted */
        COMMIT_NO_ROOM = 2, /* the payload does not fit behind plan->start */
};

/* An exit at a label outside of the sequence, with a result (enum commit_result). */
#define LEAVE_FROM(label, value)                                                                               \
        ".pushsection __rseq_failure, \"ax\"\n"                                                                \
        label ":\n\t"                                                                                          \
        "movl $" #value ", %[result]\n\t"                                                                      \
        "jmp 7b\n\t"                                                                                           \
        ".popsection\n\t"

/* The end of a sequence: done; label 5, and the abort, mean to try again. */
#define LEAVE_WITH_RESULT                                                                                      \
        "2:\n\t"                                                                                               \
        "xorl %[result], %[result]\n"                                                                          \
        "7:\n\t" RSEQ_ABORT("5f") LEAVE_FROM("5", 1)

/* Leaves for 5 unless this is still the CPU, and the ring still what it was when the plan was made. */
#define COMPARE_SEEN                                                                                           \
        "cmpl %[cpu], %c[cpu_id](%[rseq])\n\t"                                                                 \
        "jne 5f\n\t"                                                                                           \
        "movq %c[p_position](%[plan]), %%rax\n\t"                                                              \
        "cmpq (%[ring]), %%rax\n\t"                                                                            \
        "jne 5f\n\t"                                                                                           \
        "movq %c[p_limit](%[plan]), %%rax\n\t"                                                                 \
        "cmpq %c[limit](%[ring]), %%rax\n\t"                                                                   \
        "jne 5f\n\t"                                                                                           \
        "movq %c[p_last](%[plan]), %%rax\n\t"                                                                  \
        "cmpq %c[last](%[ring]), %%rax\n\t"                                                                    \
        "jne 5f\n\t"

/* The offsets that COMPARE_SEEN needs. */
#define SEEN_OFFSETS(type)                                                                                     \
        [p_position] "i"(offsetof(type, seen.position)), [p_limit] "i"(offsetof(type, seen.limit)),            \
                [p_last] "i"(offsetof(type, seen.last_time))

/*
 * Copies the plan's header and the spans to rdi; leaves for 6 where they do not
 * fit, and goes on at 20. Strings are copied once, byte by byte, up to their NUL
 * or bound, and then terminated: they may change while we read them.
 *
 *   rdi  destination, r8  room left, r9  span, r10  spans left, rsi, rcx  source
 */
#define COPY_PIECES                                                                                            \
        /* the header, as if it were a span */                                                                 \
        "leaq %c[p_header](%[plan]), %%rsi\n\t"                                                                \
        "movl %c[p_header_size](%[plan]), %%ecx\n\t"                                                           \
        "jmp 12f\n"                                                                                            \
        /* next span */                                                                                        \
        "10:\n\t"                                                                                              \
        "testl %%r10d, %%r10d\n\t"                                                                             \
        "jz 20f\n\t"                                                                                           \
        "decl %%r10d\n\t"                                                                                      \
        "movq %c[s_data](%%r9), %%rsi\n\t"                                                                     \
        "movl %c[s_length](%%r9), %%ecx\n\t"                                                                   \
        "movl %c[s_kind](%%r9), %%eax\n\t"                                                                     \
        "addq $%c[s_size], %%r9\n\t"                                                                           \
        "testl %%eax, %%eax\n\t"                                                                               \
        "jnz 15f\n"                                                                                            \
        /* bytes */                                                                                            \
        "12:\n\t"                                                                                              \
        "cmpq %%rcx, %%r8\n\t"                                                                                 \
        "jb 6f\n\t"                                                                                            \
        "subq %%rcx, %%r8\n"                                                                                   \
        "13:\n\t"                                                                                              \
        "subq $8, %%rcx\n\t"                                                                                   \
        "jb 14f\n\t"                                                                                           \
        "movq (%%rsi), %%rax\n\t"                                                                              \
        "movq %%rax, (%%rdi)\n\t"                                                                              \
        "addq $8, %%rsi\n\t"                                                                                   \
        "addq $8, %%rdi\n\t"                                                                                   \
        "jmp 13b\n"                                                                                            \
        "14:\n\t"                                                                                              \
        "addq $8, %%rcx\n"                                                                                     \
        "21:\n\t"                                                                                              \
        "jz 10b\n\t"                                                                                           \
        "movb (%%rsi), %%al\n\t"                                                                               \
        "movb %%al, (%%rdi)\n\t"                                                                               \
        "incq %%rsi\n\t"                                                                                       \
        "incq %%rdi\n\t"                                                                                       \
        "decq %%rcx\n\t"                                                                                       \
        "jmp 21b\n"                                                                                            \
        /* a string */                                                                                         \
        "15:\n\t"                                                                                              \
        "testq %%r8, %%r8\n\t"                                                                                 \
        "jz 6f\n\t"                                                                                            \
        "decq %%r8\n\t"                                                                                        \
        "subl $1, %%ecx\n\t"                                                                                   \
        "jb 16f\n\t"                                                                                           \
        "movb (%%rsi), %%al\n\t"                                                                               \
        "movb %%al, (%%rdi)\n\t"                                                                               \
        "incq %%rsi\n\t"                                                                                       \
        "incq %%rdi\n\t"                                                                                       \
        "testb %%al, %%al\n\t"                                                                                 \
        "jnz 15b\n\t"                                                                                          \
        "jmp 10b\n"                                                                                            \
        "16:\n\t" /* bound reached */                                                                          \
        "movb $0, (%%rdi)\n\t"                                                                                 \
        "incq %%rdi\n\t"                                                                                       \
        "jmp 10b\n"

/* Copies header and spans, and commits, provided that nothing has changed since the plan was made. */
static enum commit_result commit_event(struct rseq *rseq, uint32_t cpu, struct ring_cpu *ring, const struct plan *plan,
                                       const struct tracectl_span *spans, uint32_t n_spans) {
        int result;

        __asm__ volatile(RSEQ_ENTER("%[rseq]")
                         COMPARE_SEEN
                         "movq %c[p_destination](%[plan]), %%rdi\n\t"
                         "movq %c[p_room](%[plan]), %%r8\n\t"
                         "movq %[spans], %%r9\n\t"
                         "movl %[n_spans], %%r10d\n\t"
                         COPY_PIECES
                         /* commit */
                         "20:\n\t"
                         "subq %c[p_destination](%[plan]), %%rdi\n\t"
                         "addq %c[p_start](%[plan]), %%rdi\n\t"
                         "movq %c[p_time](%[plan]), %%rax\n\t"
                         "movq %%rax, %c[last](%[ring])\n\t"
                         "movq %%rdi, %%xmm14\n\t"
                         "movhps %c[p_meta](%[plan]), %%xmm14\n\t"
                         "movaps %%xmm14, (%[ring])\n"
                         LEAVE_WITH_RESULT
                         LEAVE_FROM("6", 2)
                         : [result] "=&r"(result)
                         : OFFSETS, [rseq] "r"(rseq), [cpu] "r"(cpu), [ring] "r"(ring), [plan] "r"(plan),
                           [spans] "r"(spans), [n_spans] "r"(n_spans),
                           SEEN_OFFSETS(struct plan),
                           [p_destination] "i"(offsetof(struct plan, destination)),
                           [p_room] "i"(offsetof(struct plan, room)), [p_start] "i"(offsetof(struct plan, start)),
                           [p_time] "i"(offsetof(struct plan, time)), [p_meta] "i"(offsetof(struct plan, meta)),
                           [p_header] "i"(offsetof(struct plan, header)),
                           [p_header_size] "i"(offsetof(struct plan, header_size)),
                           [s_data] "i"(offsetof(struct tracectl_span, data)),
                           [s_length] "i"(offsetof(struct tracectl_span, length)),
                           [s_kind] "i"(offsetof(struct tracectl_span, kind)), [s_size] "i"(sizeof(struct tracectl_span))
                         : "rax", "rcx", "rsi", "rdi", "r8", "r9", "r10", "xmm14", "memory", "cc");
        return (enum commit_result) result;
}

/*
 * Leaves a sub-buffer: how it ended is stored first, then limit moves. The entry
 * is complete before limit says so, for stores are seen in their order; its
 * readers load limit with acquire. last_time moves along, so that no writer that
 * read the clock earlier can commit a time before end_time.
 */
static enum commit_result commit_switch(struct rseq *rseq, uint32_t cpu, struct ring_cpu *ring,
                                        const struct plan_switch *plan) {
        int result;

        __asm__ volatile(RSEQ_ENTER("%[rseq]")
                         COMPARE_SEEN
                         "movq %c[p_entry](%[plan]), %%rdi\n\t"
                         "movups %c[p_left](%[plan]), %%xmm14\n\t"
                         "movups 16+%c[p_left](%[plan]), %%xmm15\n\t"
                         "movups %%xmm14, (%%rdi)\n\t"
                         "movups %%xmm15, 16(%%rdi)\n\t"
                         "movq %c[p_time](%[plan]), %%rax\n\t"
                         "movq %%rax, %c[last](%[ring])\n\t"
                         "movq %c[p_next](%[plan]), %%rax\n\t"
                         "movq %%rax, %c[limit](%[ring])\n"
                         LEAVE_WITH_RESULT
                         : [result] "=&r"(result)
                         : OFFSETS, [rseq] "r"(rseq), [cpu] "r"(cpu), [ring] "r"(ring), [plan] "r"(plan),
                           SEEN_OFFSETS(struct plan_switch),
                           [p_entry] "i"(offsetof(struct plan_switch, entry)),
                           [p_left] "i"(offsetof(struct plan_switch, left)),
                           [p_time] "i"(offsetof(struct plan_switch, left.end_time)),
                           [p_next] "i"(offsetof(struct plan_switch, limit))
                         : "rax", "rdi", "xmm14", "xmm15", "memory", "cc");
        return (enum commit_result) result;
}
