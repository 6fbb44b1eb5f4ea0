/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * System calls that have begun and not returned, at most one a thread. There
 * are places for CALLS_MAX threads; one that comes beyond takes the place of
 * one that was not heard of for longest. Used by one thread.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "client/tracectl/syscalls/names.h"

#define CALLS_SETS 512
#define CALLS_WAYS 8
#define CALLS_MAX (CALLS_SETS * CALLS_WAYS)
#define CALL_NAME_MAX 64
#define CALL_NAMES_MAX 2
#define CALL_NAME_SIZE 4096 /* of a longer one, the beginning */

struct call {
        bool is_open;     /* it has begun; else only its names are known */
        bool has_thread;  /* the place is taken */
        int32_t pid, tid; /* pid is -1 where it is not known */
        uint64_t age;     /* when it was last asked for */
        char name[CALL_NAME_MAX]; /* without what stands before it; of a longer one, the beginning */
        int64_t begin;
        int cpu;
        struct syscall_so_far numbers; /* its arguments; of lines alone */
        char *arguments; /* as they are written; the pointers' places are in pointers */
        size_t n_arguments;
        size_t n_pointers;
        struct {
                size_t at, size;
        } pointers[CALL_NAMES_MAX];
        int32_t pair[2]; /* descriptors that it has made; -1: none */
        char *names[CALL_NAMES_MAX]; /* of files, or NULL: what the pointers point to */
        size_t name_sizes[CALL_NAMES_MAX];
};

struct calls {
        uint64_t now;
        struct call items[CALLS_MAX];
};

/* The thread's place, or the one that it is to take: calls_take(), after looking at what is there. */
struct call *calls_find(struct calls *calls, int32_t pid, int32_t tid);
bool call_is_of(const struct call *call, int32_t pid, int32_t tid);
void call_take(struct call *call, int32_t pid, int32_t tid);

/* What a pointer points to; a first one forgets those before. -ENOMEM. */
int call_set_name(struct call *call, size_t i, const char *data, size_t size);
void call_forget_names(struct call *call);

/* Whether the kernel tells no end of such calls. */
bool call_never_returns(const char *name);

/* Of the thread that is kept, nothing is known any more. */
void call_clear(struct call *call);

void calls_done(struct calls *calls);
