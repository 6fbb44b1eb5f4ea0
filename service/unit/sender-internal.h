/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A sender, as its files know it. */

#include <pthread.h>
#include <stdatomic.h>

#include "service/unit/message.h"
#include "service/unit/sender.h"

struct sender {
        atomic_uint refs;
        const bool resumable; /* a consumer that has died gets a successor */
        struct keep keep;
        int fd, status_fd, event_fd;
        uint64_t status_stored;
        struct consumer_status *status;
        atomic_uint_least64_t done; /* newest serial that was answered, of RINGS, RING_FILES and CLASSES: in their order */
        atomic_uint_least64_t described; /* newest serial of those */
        atomic_bool has_files; /* RING_FILES was among them */
        atomic_uint_least64_t sent; /* newest serial that left to any consumer, of messages that describe */

        /* Held for one sendmsg() that does not wait, never while another lock is taken. */
        pthread_mutex_t lock;
        /*
         * What may have to be sent, again where resumable; each in the order of
         * serials. Those that describe go first, also on the first way, so that
         * no order among the two has a meaning.
         */
        struct messages describing, asking;
        struct message *next_describing, *next_asking; /* first that this consumer was not sent */
        struct kept_fds definitions;
        size_t n_waiting, n_waiting_bytes; /* that have never left */
        size_t n_releases; /* among those that describe */
        uint64_t serial, output_serial, session_serial, resumed_serial;
        bool away;   /* nothing can be sent before sender_connect() */
        bool broken; /* nothing will be sent any more */
        bool hanging_up;
        char *problem;
};

/* With the lock held: takes a kept message off its list, or puts one at the end. */
void sender_drop(struct sender *s, struct messages *list, struct message *m);
void sender_drop_all(struct sender *s);
void sender_note_told(struct sender *s, const struct consumer_header *header);
void sender_append(struct sender *s, struct message *m);

/* With the lock held: RESUMED comes behind everything that describes. */
int sender_announce_resumed(struct sender *s);

/* A message becomes one that the next tracingd finds. */
int sender_put(struct sender *s, struct message *m, const struct iovec *more);

int sender_map_status(struct sender *s);
int sender_make(const struct keep *keep, bool resumable, struct sender **ret);

void sender_poke_main_loop(struct sender *s);
void sender_wake_consumer(struct sender *s);
