/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Finds processes that have ended while somebody else holds their socket (it was
 * passed on, a child has it): such a connection never hangs up. All connections
 * are in a circle, along which one goes slowly: a bounded number at each stroke
 * of a timer, which runs while there are connections and once after the last one.
 * Lists look for themselves. And it drops strays whose time is over.
 */

#include <pthread.h>
#include <stdint.h>

struct application;
struct registry;

/* Ten thousand are gone through in 50 seconds, for less than 0.2 % of a CPU. */
#define SWEEP_USEC (UINT64_C(5) * 1000000)
#define SWEEP_MAX 1024

struct sweep {
        pthread_mutex_t lock; /* held for pointers alone */
        struct application *next; /* to be looked at; NULL: there is none at all */
        int timer_fd;
        uint64_t usec;
};

int sweep_init(struct sweep *s, uint64_t usec);
void sweep_done(struct sweep *s);

/* The circle holds no reference: who disconnects an application removes it first. Any thread. */
void sweep_add(struct registry *r, struct application *a);
void sweep_remove(struct registry *r, struct application *a);

/* A stroke: has workers look at the next ones. */
void sweep_some(struct registry *r);
