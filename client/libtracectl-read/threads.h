/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Whose threads there are. Traces of the kernel say with each event which thread
 * it is of, and only now and then which process a thread belongs to: in the
 * state dump at their beginning, and when threads begin. That is remembered
 * here, as far as the reader has come; a table a trace, which its chunks share.
 * Belongs to the reader, whose one thread alone uses it.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#define THREADS_MAX (1 << 22) /* the kernel's PID_MAX_LIMIT */
#define THREADS_PAGE (1 << 12)

struct record;

struct threads {
        SLIST_ENTRY(threads) entries;
        uint8_t uuid[16];
        bool has_new; /* THREAD_NEWS_NEW comes, before THREAD_NEWS_FORK of the same thread */
        int32_t *pages[THREADS_MAX / THREADS_PAGE]; /* the process of a thread, plus 1; 0: unknown */
};

SLIST_HEAD(thread_tables, threads);

/* What events tell of the processes of threads. */
enum thread_news {
        THREAD_NEWS_NONE,
        THREAD_NEWS_STATE, /* tid is of pid */
        THREAD_NEWS_NEW,   /* pid begins: clone_flags say whether with a process of its own */
        THREAD_NEWS_FORK,  /* child_tid begins: where child_pid is not said, it is not known in which process */
        THREAD_NEWS_EXEC,  /* the thread is its process now */
        THREAD_NEWS_PRINT, /* what programs print: in recordings of system calls, also which threads begin */
};

/* By the name of a kernel's event. */
enum thread_news thread_news_from_name(const char *name);

/* The table of the trace that has this UUID, made where there is none; NULL where memory is short. */
struct threads *threads_get(struct thread_tables *tables, const uint8_t uuid[16]);

/* Takes an event in the order of time: learns what it tells, and says of which process it is; pid is -1 else. */
void threads_take(struct threads *threads, struct record *record);

void thread_tables_done(struct thread_tables *tables);
