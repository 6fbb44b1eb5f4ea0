/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What the groups of libc-calls.c share. Each prints what its calls came to,
 * which must be the same whether the program is traced or not.
 */

#include <errno.h>
#include <stdio.h>

/* An address that nothing has, and which the compiler cannot see through. */
extern void *volatile nowhere;

/* The program's own path. */
extern const char *self;

/* Evaluates a call; prints its result and the errno it leaves, which was 77 before. */
#define SHOW(call)                                                                                             \
        do {                                                                                                   \
                errno = 77;                                                                                    \
                long long result_ = (long long) (call);                                                        \
                int error_ = errno;                                                                            \
                printf("%s = %lld, errno %d\n", #call, result_, error_);                                       \
        } while (0)

void show_vfork(void);
void show_exec(void);
void show_spawn(void);
void show_exit(void);
