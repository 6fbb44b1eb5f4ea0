/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * vfork() in front of the C library's; see vfork-x86_64.S. Here the return
 * address waits in its own register, of which the child has a copy.
 */

#include <asm/unistd.h>

#define FLAGS 0x4111 /* CLONE_VM | CLONE_VFORK | SIGCHLD */

        .text
        .globl vfork
        .type vfork, %function
vfork:
        .cfi_startproc
        hint    #34 /* bti c */
        stp     x29, x30, [sp, #-16]!
        .cfi_adjust_cfa_offset 16
        .cfi_rel_offset x29, 0
        .cfi_rel_offset x30, 8
        bl      thread_off
        ldp     x29, x30, [sp], #16
        .cfi_adjust_cfa_offset -16
        .cfi_restore x29
        .cfi_restore x30
        mov     x0, #FLAGS
        mov     x1, #0
        mov     x8, #__NR_clone
        svc     #0
        cbnz    x0, vfork_returned
        ret
        .cfi_endproc
        .size   vfork, . - vfork

        /* For libraries that stand before the C library, and must stand before us too. */
        .globl tracectl_vfork
        .set tracectl_vfork, vfork

        .section .note.GNU-stack, "", %progbits
