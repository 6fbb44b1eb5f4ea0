/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Which threads were the owner's, and when: numbers of threads are given again, and a program can become another
 * user's. Times are those of the kernel's records; a thread without a known time is nobody's. What happens to threads
 * is told in the order of time. The reader's one thread.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct own_span {
        struct own_span *next; /* an earlier one */
        int32_t tid;
        bool bound;  /* no exec gives it other rights */
        bool closed; /* by an exec, or because something was lost: it may be the owner's still */
        uint64_t from, to;
};

struct own_threads {
        struct own_span **buckets; /* by tid, the latest first */
        size_t n_buckets, n;
        bool in_doubt; /* an exec has ended what was the owner's: it may be his still. Who asks about it clears it */
};

int own_threads_init(struct own_threads *t);
void own_threads_done(struct own_threads *t);

/* Of none of them is known whose it is from this time on. */
void own_threads_doubt_all(struct own_threads *t, uint64_t time);

/* It is the owner's from this time on. */
int own_threads_add(struct own_threads *t, int32_t tid, bool bound, uint64_t time);

/* A child of a thread that is the owner's; of any other one, nothing happens. */
int own_threads_fork(struct own_threads *t, int32_t parent, int32_t child, uint64_t time);

/* old is the number that the thread had before: exec gives it that of its process. */
int own_threads_exec(struct own_threads *t, int32_t tid, int32_t old, uint64_t time);
void own_threads_exit(struct own_threads *t, int32_t tid, uint64_t time);

bool own_threads_have(const struct own_threads *t, int32_t tid, uint64_t time);

/* It was the owner's, and nobody knows whether it is. */
bool own_threads_doubt(const struct own_threads *t, int32_t tid, uint64_t time);

/* Nobody will ask about anything before. */
void own_threads_forget(struct own_threads *t, uint64_t before);
