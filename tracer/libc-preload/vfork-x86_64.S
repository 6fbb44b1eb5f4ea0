/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * vfork() once more, since the dynamic linker finds the C library's before that
 * of the tracepoint library unless the program itself is linked with it. Only
 * the latter keeps the child, which uses its parent's memory, from tracing.
 */

        .text
        .globl vfork
        .type vfork, @function
vfork:
        .cfi_startproc
        endbr64
        subq    $8, %rsp
        .cfi_adjust_cfa_offset 8
        call    record_vfork
        addq    $8, %rsp
        .cfi_adjust_cfa_offset -8
        jmp     *tracectl_vfork@GOTPCREL(%rip)
        .cfi_endproc
        .size   vfork, . - vfork

        .section .note.GNU-stack, "", @progbits
