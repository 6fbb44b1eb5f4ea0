/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The arguments of an SDT probe on x86-64: `SIZE@OPERAND`, with blanks between them. SIZE is in
 * bytes, negative for a signed number, with an `f` for a floating one; OPERAND is
 * one of the assembler's: `%rbx`, `$5`, `-20(%rbp)`, `counter(%rip)`.
 *
 * A fetch is the same place in the words of the kernel's uprobe_events
 * (Documentation/trace/uprobetracer.rst): `%bx`, `\5`, `-20(%bp)`, `@+FILEOFFSET`. It has
 * none for the floating ones, for elements of arrays (`8(%rax,%rdx,8)`) and for
 * the second byte of a register.
 */

#include <stdbool.h>
#include <stdint.h>

#include "common/elf-program.h"

#define SDT_ARGUMENTS_MAX 12
#define SDT_FETCH_MAX 64

struct sdt_argument {
        uint8_t size; /* bytes: 1, 2, 4 or 8; 0: the kernel cannot fetch it */
        bool is_signed;
        char fetch[SDT_FETCH_MAX];
};

/*
 * All arguments of a probe, whose program is needed for those that name a symbol. Returns
 * how many there are; -EBADMSG where it is not this language.
 */
int sdt_arguments_read(const struct elf_program *p, const struct elf_place *place,
                       struct sdt_argument ret[static SDT_ARGUMENTS_MAX]);
