/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The thread sanitizer, where the program has it. It takes a descriptor's number
 * for the same file in every thread, which a helper's is not; and it ends a child
 * of fork() that starts a thread.
 */

#include <stdbool.h>

extern void __tsan_init(void) __attribute__((weak));
extern void AnnotateIgnoreReadsBegin(const char *file, int line) __attribute__((weak));
extern void AnnotateIgnoreReadsEnd(const char *file, int line) __attribute__((weak));
extern void AnnotateIgnoreWritesBegin(const char *file, int line) __attribute__((weak));
extern void AnnotateIgnoreWritesEnd(const char *file, int line) __attribute__((weak));

static inline bool on_tsan(void) {
        return __tsan_init && AnnotateIgnoreReadsBegin && AnnotateIgnoreReadsEnd && AnnotateIgnoreWritesBegin &&
               AnnotateIgnoreWritesEnd;
}

/* Around all that a helper thread does. */
static inline void sanitizer_ignore_begin(void) {
        if (!on_tsan())
                return;
        AnnotateIgnoreReadsBegin(__FILE__, __LINE__);
        AnnotateIgnoreWritesBegin(__FILE__, __LINE__);
}

static inline void sanitizer_ignore_end(void) {
        if (!on_tsan())
                return;
        AnnotateIgnoreWritesEnd(__FILE__, __LINE__);
        AnnotateIgnoreReadsEnd(__FILE__, __LINE__);
}
