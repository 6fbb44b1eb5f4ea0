/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The registry: every application that is connected, and the threads that serve
 * them. A few workers wait together; each event is one worker's, who accepts a
 * connection, reads messages, builds and sends views, without handing anything
 * to another thread. The main loop gives them work by a queue, and only walks
 * and counts: it never waits for an application, a worker, or a lock that is
 * held for longer than a copy takes.
 *
 * Why no application misses a change of the model:
 *
 *   a worker:      W1 inserts the application;      W2 reads the newest model.
 *   the main loop: M1 replaces the model's pointer; M2 walks the applications.
 *
 * W1 and M1 are each followed by a full barrier. So if M2 does not see the
 * application, W1 came after M2, hence after M1, and W2 reads the new model. If
 * M2 sees it, it is given to a worker with APPLICATION_PUSH, and that worker
 * clears the flag before it reads the model. If both happen, the application is
 * looked at twice, and the second look finds that it has been sent the newest
 * generation already. Nobody waits for anybody. tests/model/registry.pml tries
 * all interleavings of this, and shows what each of the orderings prevents.
 *
 * An application counts as conforming to a generation once it has acknowledged
 * the view that was built for it; one that has just been inserted conforms to
 * none and is waited for.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/cleanup.h"
#include "service/registry/application.h"
#include "service/state/roll.h"

struct registry;

struct registry_config {
        int listen_fd;                        /* stays the caller's */
        struct user_domain *domain;
        struct roll *roll;                    /* of who is registered; may be NULL */
        struct model_view *const *model;      /* RCU */
        bool (*admits)(uid_t uid, void *userdata); /* who may register; any worker */
        void *userdata;
        uint64_t sweep_usec; /* 0: the default (sweep.h) */
        uint64_t stray_usec; /* 0: the default (stray.h) */
        uint64_t settle_usec; /* 0: the default (settle.h) */
};

/* Starts the threads. The caller is a registered RCU thread. */
int registry_new(const struct registry_config *config, struct registry **ret);

/* Ends the threads: nothing reads the model any more. */
void registry_stop(struct registry *r);

/* Ends all connections, too. After the manager, whose sessions have recordings. */
struct registry *registry_free(struct registry *r);
DEFINE_CLEANUP(struct registry *, registry_free)

/* Readable when applications have come, gone or acknowledged; registry_take_news() says which. */
int registry_event_fd(const struct registry *r);

/* Who waits for what applications do. */
enum registry_awaiting {
        REGISTRY_AWAITED_BY_CALLS = 1 << 0,
        REGISTRY_AWAITED_BY_WAKE = 1 << 1, /* those that have come make room for the next */
};

/*
 * Whether somebody waits. Who does not, hears of it NEWS_USEC later: in that time
 * many can come and go, and a program that starts shares no CPU with a main loop
 * that tells of it. Who does, hears of it at once, but not again before
 * NEWS_AWAITED_USEC: of many, most come in one turn then, and calls between them.
 */
void registry_await(struct registry *r, enum registry_awaiting who, bool awaited);

#define NEWS_USEC (10 * 1000)
#define NEWS_AWAITED_USEC 500

/*
 * Calls added and removed once for each application that came or went since the
 * last call, for max of them at most: for others, the event comes again. None is
 * removed before it was added. Main loop.
 */
void registry_take_news(struct registry *r, unsigned max, void (*added)(struct application *a, void *userdata),
                        void (*removed)(struct application *a, void *userdata), void *userdata);

/* In place of a uid, for the next functions: those of all uids. */
#define REGISTRY_ANY_UID ((uid_t) -1)

/* The model has changed for this uid. */
void registry_push(struct registry *r, uid_t uid);

/* Its process may have ended while somebody else holds its socket: a worker looks. */
void registry_check(struct registry *r, struct application *a);

/* Live applications of uid that do not conform to generation yet, also those that were hung up on (stray.h). */
uint32_t registry_count_pending(struct registry *r, uid_t uid, uint64_t generation);

/*
 * Whether there are any, for who asks again and again with the same arguments:
 * *steps, 0 at first, remembers how many had to do something when they were last
 * counted, and nothing is counted before as many have. So waiting for N costs
 * little more than counting them a few times.
 */
bool registry_is_pending(struct registry *r, uid_t uid, uint64_t generation, uint64_t *steps);

/* Live ones, and all that ever registered. */
uint64_t registry_count(struct registry *r, uid_t uid);
uint64_t registry_count_ever(struct registry *r, uid_t uid);

/* Applications that ever registered and have acknowledged a view since, or gone. */
uint64_t registry_count_served(const struct registry *r);

/* Connections that were refused because a limit was reached. */
uint64_t registry_count_refused(struct registry *r, uid_t uid);

/* A registered application, which the caller then owns, or NULL. */
struct application *registry_find(struct registry *r, uint64_t id);

/*
 * The registered applications of a uid, or those of one process of it (pid not
 * 0). The caller unrefs each and frees the array.
 */
int registry_list(struct registry *r, uid_t uid, pid_t pid, struct application ***ret, size_t *ret_n);

/* Every uid that has had an application. The caller frees *ret. Main loop. */
int registry_list_uids(struct registry *r, uid_t **ret, size_t *ret_n);

/* All definitions that are known of a uid; the caller unrefs each and frees the array. */
int registry_list_definitions(struct registry *r, uid_t uid, struct event_definitions ***ret, size_t *ret_n);
