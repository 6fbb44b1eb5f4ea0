/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * vfork() in front of the C library's. It returns twice on one stack, the child
 * first, which overwrites what the parent would return to: so the return address
 * waits in a register, which the child has a copy of. In between, the calling
 * thread must not trace (fork.c, thread.h).
 */

#include <sys/syscall.h>

        .text
        .globl vfork
        .type vfork, @function
vfork:
        .cfi_startproc
        endbr64
        subq    $8, %rsp
        .cfi_adjust_cfa_offset 8
        call    thread_off
        addq    $8, %rsp
        .cfi_adjust_cfa_offset -8
        popq    %rdi
        .cfi_adjust_cfa_offset -8
        .cfi_register %rip, %rdi
        movl    $SYS_vfork, %eax
        syscall
        pushq   %rdi
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset %rip, 0
        testl   %eax, %eax
        jz      1f
        movl    %eax, %edi
        jmp     vfork_returned
1:
        ret
        .cfi_endproc
        .size   vfork, . - vfork

        /* For libraries that stand before the C library, and must stand before us too. */
        .globl tracectl_vfork
        .set tracectl_vfork, vfork

        .section .note.GNU-stack, "", @progbits
