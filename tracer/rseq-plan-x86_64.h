/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The restartable sequences of ring-rseq.c: an event that is as most are; a
 * planned record (plan.h); a planned switch of sub-buffers.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tracectl/tracepoint.h"
#include "tracer/plan.h"
#include "tracer/ring-write.h"
#include "tracer/rseq-x86_64.h"

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
 * Copies ecx bytes from rsi, then the spans from r11 to %[end], to rdi; leaves
 * for 6 where they do not fit, and goes on at 20.
 *
 *   rdi  destination, rdx  room left, r11  span, rsi, rcx  source, rax  scratch
 *
 * Strings are copied up to their NUL or bound, and then terminated. Each byte is
 * read once, for they may change while we read them: by 16 where neither bound
 * nor room nor the page ends before (what lies behind a NUL in its page can be
 * read, and stored beyond the new position it is nobody's), otherwise one by one.
 */
#define COPY_PIECES                                                                                            \
        "jmp 12f\n"                                                                                            \
        /* next span */                                                                                        \
        "10:\n\t"                                                                                              \
        "cmpq %[end], %%r11\n\t"                                                                               \
        "je 20f\n\t"                                                                                           \
        "movq %c[s_data](%%r11), %%rsi\n\t"                                                                    \
        "movl %c[s_length](%%r11), %%ecx\n\t"                                                                  \
        "movl %c[s_kind](%%r11), %%eax\n\t"                                                                    \
        "addq $%c[s_size], %%r11\n\t"                                                                          \
        "testl %%eax, %%eax\n\t"                                                                               \
        "jnz 15f\n"                                                                                            \
        /* bytes */                                                                                            \
        "12:\n\t"                                                                                              \
        "subq %%rcx, %%rdx\n\t"                                                                                \
        "jb 6f\n"                                                                                              \
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
        "cmpq $16, %%rdx\n\t"                                                                                  \
        "jb 17f\n\t"                                                                                           \
        "cmpl $16, %%ecx\n\t"                                                                                  \
        "jb 17f\n\t"                                                                                           \
        "movl %%esi, %%eax\n\t"                                                                                \
        "andl $0xfff, %%eax\n\t"                                                                               \
        "cmpl $0xff0, %%eax\n\t"                                                                               \
        "ja 17f\n\t"                                                                                           \
        "movups (%%rsi), %%xmm14\n\t"                                                                          \
        "pxor %%xmm15, %%xmm15\n\t"                                                                            \
        "pcmpeqb %%xmm14, %%xmm15\n\t"                                                                         \
        "pmovmskb %%xmm15, %%eax\n\t"                                                                          \
        "movups %%xmm14, (%%rdi)\n\t"                                                                          \
        "testl %%eax, %%eax\n\t"                                                                               \
        "jnz 18f\n\t"                                                                                          \
        "addq $16, %%rsi\n\t"                                                                                  \
        "addq $16, %%rdi\n\t"                                                                                  \
        "subq $16, %%rdx\n\t"                                                                                  \
        "subl $16, %%ecx\n\t"                                                                                  \
        "jmp 15b\n"                                                                                            \
        "18:\n\t" /* ends in these 16 */                                                                       \
        "bsfl %%eax, %%eax\n\t"                                                                                \
        "incl %%eax\n\t"                                                                                       \
        "addq %%rax, %%rdi\n\t"                                                                                \
        "subq %%rax, %%rdx\n\t"                                                                                \
        "jmp 10b\n"                                                                                            \
        "17:\n\t" /* one byte */                                                                               \
        "subq $1, %%rdx\n\t"                                                                                   \
        "jb 6f\n\t"                                                                                            \
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

/* The offsets that COPY_PIECES needs. */
#define SPAN_OFFSETS                                                                                           \
        [s_data] "i"(offsetof(struct tracectl_span, data)), [s_length] "i"(offsetof(struct tracectl_span, length)), \
                [s_kind] "i"(offsetof(struct tracectl_span, kind)), [s_size] "i"(sizeof(struct tracectl_span))

/*
 * The fast path (rseq-x86_64.h) for contexts and spans. Whether they fit is seen
 * while they are copied; that last_time has moved by then is true all the same.
 */
static bool fast_event(struct rseq *rseq, const struct ring_map *map, const struct write_event *event) {
        __asm__ goto("movq %[rseq], %%rdx\n\t"
                     "movq %[map], %%r10\n\t"
                     FAST_SECTION(4)
                     "leaq -3(%%rax), %%rsi\n\t" /* room behind the header */
                     FAST_HEADER("%c[e_tid](%[event])", "%c[e_id](%[event])")
                     "movq %%rsi, %%rdx\n\t"
                     "leaq 4(%%r10), %%rdi\n\t"
                     "movq %c[e_contexts](%[event]), %%rsi\n\t"
                     "movl %c[e_contexts_size](%[event]), %%ecx\n\t"
                     "movq %c[e_spans](%[event]), %%r11\n\t"
                     COPY_PIECES
                     "20:\n\t"
                     "subq %%r10, %%rdi\n\t"
                     "addq %%rdi, %%r8\n\t"
                     "movq %c[last](%%r9), %%rax\n\t"
                     FAST_COMMIT("%c[e_tid](%[event])")
                     RSEQ_ABORT("%l[slow]")
                     ".pushsection __rseq_failure, \"ax\"\n"
                     "6:\n\t"
                     "jmp %l[slow]\n\t"
                     ".popsection\n\t"
                     :
                     : FAST_OFFSETS, SPAN_OFFSETS, [rseq] "r"(rseq), [map] "r"(map), [event] "r"(event),
                       [end] "r"(event->spans + event->n_spans), [e_id] "i"(offsetof(struct write_event, id)),
                       [e_tid] "i"(offsetof(struct write_event, tid)),
                       [e_spans] "i"(offsetof(struct write_event, spans)),
                       [e_contexts] "i"(offsetof(struct write_event, contexts)),
                       [e_contexts_size] "i"(offsetof(struct write_event, contexts_size))
                     : "rsi", "rdi", "r11", FAST_CLOBBERS
                     : slow);
        return true;
slow:
        return false;
}

/* Copies header and spans, and commits, provided that nothing has changed since the plan was made. */
static enum commit_result commit_event(struct rseq *rseq, uint32_t cpu, struct ring_cpu *ring, const struct plan *plan,
                                       const struct tracectl_span *spans, uint32_t n_spans) {
        int result;

        __asm__ volatile(RSEQ_ENTER("%[rseq]")
                         COMPARE_SEEN
                         "movq %c[p_destination](%[plan]), %%rdi\n\t"
                         "movq %c[p_room](%[plan]), %%rdx\n\t"
                         "movq %[spans], %%r11\n\t"
                         "leaq %c[p_header](%[plan]), %%rsi\n\t"
                         "movl %c[p_header_size](%[plan]), %%ecx\n\t"
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
                           [spans] "r"(spans), [end] "r"(spans + n_spans),
                           SEEN_OFFSETS(struct plan),
                           [p_destination] "i"(offsetof(struct plan, destination)),
                           [p_room] "i"(offsetof(struct plan, room)), [p_start] "i"(offsetof(struct plan, start)),
                           [p_time] "i"(offsetof(struct plan, time)), [p_meta] "i"(offsetof(struct plan, meta)),
                           [p_header] "i"(offsetof(struct plan, header)),
                           [p_header_size] "i"(offsetof(struct plan, header_size)),
                           SPAN_OFFSETS
                         : "rax", "rcx", "rdx", "rsi", "rdi", "r11", "xmm14", "xmm15", "memory", "cc");
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
