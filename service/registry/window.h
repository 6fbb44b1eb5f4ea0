/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * How many applications of a uid have been sent a view that they have not
 * acknowledged yet. Each that is sent one has a place; when all are taken, the
 * others are parked, and the next is scheduled as soon as a place is free. So a
 * change reaches thousands without making all of them run at once, and whoever
 * wants a CPU meanwhile waits behind a few. One that does not acknowledge in
 * time loses its place: it delays nobody.
 *
 * The descriptors of a view that was not read count against the limit of the
 * sender, tracingd, whoever reads them or does not. So they are charged to the
 * uid until they have been read, and no uid gets more than is left for others.
 * An application for which there are none left stays pending, unsent.
 *
 * Any thread; the lock is held for a few stores.
 */

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/cleanup.h"

#define WINDOW_PLACES 128
#define WINDOW_PLACE_USEC (20 * 1000)

struct registry;
struct application;

enum window_place {
        WINDOW_NONE,
        WINDOW_OPEN,   /* it has a place */
        WINDOW_LATE,   /* it had one for too long, and may not have read what it was sent */
        WINDOW_PARKED, /* it waits for one */
};

struct window_list {
        struct application *first, *last;
};

struct window {
        pthread_mutex_t lock;
        struct window_list open, late, parked; /* those that have waited longest first; parked ones are referenced */
        uint32_t n_open;
        uint64_t n_charged; /* descriptors */
};

/* Of all uids; in the registry. */
struct windows {
        uint64_t fds_max;
        atomic_uint_least64_t n_charged;
        int timer_fd; /* readable when a place may have been held for too long */
        atomic_bool armed;
};

int windows_init(struct windows *w);
void windows_done(struct windows *w);

/* The timer has expired: a worker's. */
void windows_expire(struct registry *r);

void window_init(struct window *w);
void window_done(struct window *w);

/* Takes a place. False: it is parked, and will be scheduled. An urgent one, who is waited for, always gets one. */
bool window_enter(struct application *a, bool urgent);

/* So many descriptors are about to be sent to it. False: there are none left for this uid. */
bool window_charge(struct application *a, size_t n);

/* They were not sent. */
void window_uncharge(struct application *a, size_t n);

/* It gives up its place, and waits until others have read what they were sent. */
void window_starve(struct application *a);

/* It has read all that it was sent, and waits for nothing. No effect on one that is parked. */
void window_leave(struct application *a);

/* Of one that has not acknowledged: it may have read it all the same. Of the worker that has it. */
void window_check(struct application *a);

/* Its connection is closed. */
void window_drop(struct application *a);
