/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Whether valgrind runs this program. It keeps a map of memory of its own, in
 * which what a child does not inherit is still there: its search for leaks would
 * then fault at every word of the rings. The request is valgrind's own, a
 * sequence of instructions that does nothing elsewhere.
 */

#include <stdbool.h>
#include <stdint.h>

static inline bool on_valgrind(void) {
#if defined(__x86_64__)
        volatile uint64_t request[6] = { 0x1001 /* RUNNING_ON_VALGRIND */ };
        uint64_t answer;

        __asm__ volatile("rolq $3, %%rdi\n\t"
                         "rolq $13, %%rdi\n\t"
                         "rolq $61, %%rdi\n\t"
                         "rolq $51, %%rdi\n\t"
                         "xchgq %%rbx, %%rbx"
                         : "=d"(answer)
                         : "a"(&request[0]), "0"(UINT64_C(0))
                         : "cc", "memory");
        return answer != 0;
#else
        return false;
#endif
}
