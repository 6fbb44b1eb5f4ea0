/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Waits until every live application of a uid (or of all, REGISTRY_ANY_UID), and every one that was woken up
 * to register, has acknowledged a generation, or until time is up: "enabled" is
 * a promise, and a stopped application delays it by no more than that. With
 * generation 0 it waits for the registrations alone. Owned by the manager; main
 * loop only.
 */

#include <stdint.h>
#include <sys/types.h>

/* pending: applications that have not acknowledged. */
typedef void (*waiter_done_t)(uint32_t pending, void *userdata);

struct manager;
struct waiter;

int waiters_init(struct manager *m);
void waiters_done(struct manager *m);

/* done is called from a later turn of the main loop, once. */
int waiter_new(struct manager *m, uid_t uid, uint64_t generation, uint64_t usec, waiter_done_t done, void *userdata,
               struct waiter **ret);

/* Without a call of done. */
struct waiter *waiter_cancel(struct waiter *w);

/* Something about the applications has changed. */
void waiters_check(struct manager *m);
