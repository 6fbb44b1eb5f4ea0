/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Restartable sequences in x86-64 assembly: what they are all made of. Each
 * either happens whole or not at all. Rules for them: no call, no system call,
 * nothing stored below the position before the last instruction; jumps to the
 * outside are allowed. The sequences are in ring-fast.h (a small event) and
 * rseq-plan-x86_64.h (everything else).
 */

#include <linux/rseq.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/ctf.h"
#include "protocol/ring.h"
#include "tracer/ring-map.h"

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
 * The fast path, for where everything is as it mostly is: compact header, the
 * ring's last writer, a sub-buffer that has records and room for another, the
 * TSC as the clock. Anything else leaves for `slow`, and so does an abort.
 *
 *   rdx  rseq, then scratch     r8   position
 *   rcx  scratch                r9   ring
 *   rax  one less than the room, after FAST_HEADER the time
 *   r10  struct ring_map, after FAST_SECTION where the record begins
 *
 * The end of the sub-buffer and the room are computed from the position and
 * private numbers, so that whatever a hostile neighbour makes of position and
 * limit, the record stays inside this CPU's data. Of a position that is the end
 * of a full sub-buffer, or the beginning of one without records (which needs a
 * thread record first), there is no room: -1.
 */
#define FAST_SECTION(room)                                                                                     \
        RSEQ_ENTER("%%rdx")                                                                                    \
        "movl %c[cpu_id](%%rdx), %%ecx\n\t"                                                                    \
        "cmpl %c[n_cpus](%%r10), %%ecx\n\t"                                                                    \
        "jae %l[slow]\n\t"                                                                                     \
        "movq %c[cpu_stride](%%r10), %%r9\n\t"                                                                 \
        "imulq %%rcx, %%r9\n\t"                                                                                \
        "addq %c[cpus](%%r10), %%r9\n\t"                                                                       \
        "imulq %c[data_stride](%%r10), %%rcx\n\t"                                                              \
        "addq %c[data](%%r10), %%rcx\n\t"                                                                      \
        "movq (%%r9), %%r8\n\t"                                                                                \
        "leaq -1(%%r8), %%rax\n\t"                                                                             \
        "orq %c[subbuf_mask](%%r10), %%rax\n\t"                                                                \
        "leaq 1(%%rax), %%rdx\n\t"                                                                             \
        "cmpq %%rdx, %c[limit](%%r9)\n\t"                                                                      \
        "jne %l[slow]\n\t" /* another sub-buffer was entered */                                                \
        "subq %%r8, %%rax\n\t"                                                                                 \
        "cmpq $(" #room " - 1), %%rax\n\t"                                                                     \
        "jl %l[slow]\n\t"                                                                                      \
        "movq %c[data_mask](%%r10), %%r10\n\t"                                                                 \
        "andq %%r8, %%r10\n\t"                                                                                 \
        "addq %%rcx, %%r10\n\t"

/*
 * Reads the clock and stores the header. That the thread is the last writer and
 * that less than 27 bits of time have passed is one comparison: with the thread
 * taken out, the low 22 bits of meta are 0, or become high ones.
 */
#define FAST_HEADER(tid, id)                                                                                   \
        "rdtsc\n\t"                                                                                            \
        "shlq $32, %%rdx\n\t"                                                                                  \
        "orq %%rdx, %%rax\n\t"                                                                                 \
        "movl " tid ", %%ecx\n\t"                                                                              \
        "xorq %c[meta](%%r9), %%rcx\n\t"                                                                       \
        "rorq $22, %%rcx\n\t"                                                                                  \
        "movq %%rax, %%rdx\n\t"                                                                                \
        "shrq $22, %%rdx\n\t"                                                                                  \
        "subq %%rcx, %%rdx\n\t"                                                                                \
        "cmpq $32, %%rdx\n\t"                                                                                  \
        "jae %l[slow]\n\t" /* another thread wrote last, or long ago, or in the future */                      \
        "movq %%rax, %c[last](%%r9)\n\t"                                                                       \
        "movl %%eax, %%ecx\n\t"                                                                                \
        "shll $5, %%ecx\n\t"                                                                                   \
        "orl " id ", %%ecx\n\t"                                                                                \
        "movl %%ecx, (%%r10)\n\t"

/* Commits position r8 at time rax. */
#define FAST_COMMIT(tid)                                                                                       \
        "andq $-0x400000, %%rax\n\t"                                                                           \
        "movl " tid ", %%ecx\n\t"                                                                              \
        "orq %%rcx, %%rax\n\t"                                                                                 \
        "movq %%r8, %%xmm14\n\t"                                                                               \
        "movq %%rax, %%xmm15\n\t"                                                                              \
        "punpcklqdq %%xmm15, %%xmm14\n\t"                                                                      \
        "movaps %%xmm14, (%%r9)\n"                                                                             \
        "2:\n\t"

#define FAST_OFFSETS                                                                                           \
        OFFSETS, [n_cpus] "i"(offsetof(struct ring_map, n_cpus)), [cpus] "i"(offsetof(struct ring_map, cpus)),  \
                [data] "i"(offsetof(struct ring_map, data)),                                                   \
                [cpu_stride] "i"(offsetof(struct ring_map, cpu_stride)),                                       \
                [data_stride] "i"(offsetof(struct ring_map, data_stride)),                                     \
                [data_mask] "i"(offsetof(struct ring_map, data_mask)),                                         \
                [subbuf_mask] "i"(offsetof(struct ring_map, subbuf_mask))

#define FAST_CLOBBERS "rax", "rcx", "rdx", "r8", "r9", "r10", "xmm14", "xmm15", "memory", "cc"

_Static_assert(RING_TID_BITS == 22 && CTF_COMPACT_TIME_BITS == 22 + 5 && CTF_COMPACT_ID_BITS == 5,
               "the fast path has these as immediate operands");
