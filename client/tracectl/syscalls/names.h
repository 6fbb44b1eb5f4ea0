/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What the numbers in system calls' arguments are called: flags, commands,
 * signals. Calls and arguments have the kernel's names; which constants they are
 * of is said in arguments.list, and the constants are those of the machine that
 * this was built on. Nothing here changes: any thread may ask.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "client/tracectl/text.h"

struct syscall_constant {
        const char *name;
        uint32_t value;
};

/* What some bits of a number are. */
struct syscall_part {
        enum {
                SYSCALL_PART_END,
                SYSCALL_PART_BITS, /* a sum of constants */
                SYSCALL_PART_ONE,  /* one of them */
                SYSCALL_PART_SIGNAL,
                SYSCALL_PART_OCTAL,
                SYSCALL_PART_INT, /* with a sign */
                SYSCALL_PART_DESCRIPTOR,
                SYSCALL_PART_ADDRESS,
        } kind;
        uint32_t mask;
        const struct syscall_constant *constants;
        size_t n_constants;
};

struct syscall_argument {
        const char *call; /* "*": whichever */
        const char *name;
        const char *other; /* an argument before it, which must be value; or NULL */
        uint32_t value;
        const struct syscall_part *parts; /* the last is SYSCALL_PART_END */
};

#define SYSCALL_ARGUMENTS_MAX 6

/* The arguments of a call as they have come so far; begins as zeros. Those whose names are long are nobody's condition. */
struct syscall_so_far {
        size_t n;
        struct {
                char name[16];
                uint64_t value;
        } items[SYSCALL_ARGUMENTS_MAX];
};

/* Of what the next argument is made, whose name has no zero at its end; NULL: a number. */
const struct syscall_argument *syscall_names_find(const char *call, const char *name, size_t size,
                                                  const struct syscall_so_far *so_far);

void syscall_so_far_add(struct syscall_so_far *so_far, const char *name, size_t size, uint64_t value);

/* 0 where there is none of that name. */
uint64_t syscall_so_far_get(const struct syscall_so_far *so_far, const char *name);

/* O_RDONLY|O_CLOEXEC; what has no name as a number behind the names. */
void syscall_names_add(struct text *text, const struct syscall_argument *argument, uint64_t value);

/* Whether any of it is a constant of this machine's, rather than a number that all machines write so. */
bool syscall_names_are_constants(const struct syscall_argument *argument);

/* What a value is called that is one of some constants; NULL: nothing. */
const char *syscall_names_one(const char *call, const char *name, uint64_t value);

/* All of them, for the tests; *ret_n are there. */
const struct syscall_argument *syscall_names_all(size_t *ret_n);
