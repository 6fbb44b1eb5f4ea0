/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* vfork() in front of the C library's; see vfork-x86_64.S. The return address waits in ecx. */

#include <asm/unistd.h>

        .text
        .globl vfork
        .type vfork, @function
vfork:
        .cfi_startproc
        endbr32
        subl    $12, %esp
        .cfi_adjust_cfa_offset 12
        call    thread_off
        addl    $12, %esp
        .cfi_adjust_cfa_offset -12
        popl    %ecx
        .cfi_adjust_cfa_offset -4
        .cfi_register %eip, %ecx
        movl    $__NR_vfork, %eax
        int     $0x80
        pushl   %ecx
        .cfi_adjust_cfa_offset 4
        .cfi_rel_offset %eip, 0
        testl   %eax, %eax
        jz      1f
        subl    $8, %esp
        .cfi_adjust_cfa_offset 8
        pushl   %eax
        .cfi_adjust_cfa_offset 4
        call    vfork_returned
        addl    $12, %esp
        .cfi_adjust_cfa_offset -12
1:
        ret
        .cfi_endproc
        .size   vfork, . - vfork

        /* For libraries that stand before the C library, and must stand before us too. */
        .globl tracectl_vfork
        .set tracectl_vfork, vfork

        .section .note.GNU-stack, "", @progbits
