/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Scope-bound ownership. Every local that owns something carries one of these
 * attributes, so that no error path needs a goto; TAKE_*() hands ownership on.
 */

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define _cleanup_(f) __attribute__((cleanup(f)))

#define TAKE_PTR(p)                                                            \
        ({                                                                     \
                __typeof__(p) *_take_p = &(p);                                 \
                __typeof__(p) _take_v = *_take_p;                              \
                *_take_p = NULL;                                               \
                _take_v;                                                       \
        })

#define TAKE_FD(fd)                                                            \
        ({                                                                     \
                int *_take_p = &(fd);                                          \
                int _take_v = *_take_p;                                        \
                *_take_p = -1;                                                 \
                _take_v;                                                       \
        })

/* Defines FUNCp() for use with _cleanup_(); FUNC must accept NULL. */
#define DEFINE_CLEANUP(type, func)                                             \
        static inline void func##p(type *p) {                                  \
                if (*p)                                                        \
                        func(*p);                                              \
        }

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

#define CONTAINER_OF(ptr, type, member)                                        \
        ((type *) ((char *) (ptr) - offsetof(type, member)))

static inline void freep(void *p) {
        free(*(void **) p);
}

static inline void closep(int *fd) {
        if (*fd >= 0)
                close(*fd);
}

static inline void fclosep(FILE **f) {
        if (*f)
                fclose(*f);
}

#define _cleanup_free_ _cleanup_(freep)
#define _cleanup_close_ _cleanup_(closep)
#define _cleanup_fclose_ _cleanup_(fclosep)
