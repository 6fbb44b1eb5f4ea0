/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Applications that have just got their first view. What comes from them next
 * is mostly two things that nobody waits for: that they have applied it, and,
 * where they are short, that they have ended. Heard of at once, each would wake a
 * worker on a processor that the program, or whoever started it, is about to use.
 * So their sockets are left alone for a moment, and then all looked at together,
 * once: a timer that runs while there are some. Who has ended by then was never
 * among those that are waited for. Later everything from an application is heard
 * at once, and while somebody waits for what applications do, nobody settles
 * (registry_await(): calls, and those that are woken when others have come).
 */

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct application;
struct registry;

/* Of a program that loads more events meanwhile it is the longest that it waits for them. */
#define SETTLE_USEC UINT64_C(2000)

struct settling {
        pthread_mutex_t lock; /* held for pointers alone */
        struct application *first; /* the newest; each is owned by the list */
        int timer_fd;
        uint64_t usec;
};

int settling_init(struct settling *s, uint64_t usec);
void settling_done(struct settling *s);

/* There are no workers any more. Before the registry waits for all that is freed. */
void settling_forget(struct settling *s);

/* Whether its socket is left alone, and looked at later. The worker that has it. */
bool settle_begin(struct application *a);

/* The moment is over: those that have settled, linked by settling_next. Each is the caller's, who looks at it. */
struct application *settle_end(struct registry *r);

/* Somebody waits from now on, and `awaited` says so already: workers look at once. Any thread. */
void settle_hasten(struct registry *r);
