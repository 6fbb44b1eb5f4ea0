/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Acknowledgements to tracingd, in the order of their coming. One that the
 * socket does not take at once waits: the drainer never blocks on tracingd.
 * Owned by the drainer; one thread.
 */

#include <stddef.h>
#include <stdint.h>

#include "protocol/consumer.h"

struct waiting_ack {
        struct consumer_ack ack;
        int fds[2]; /* -1: without */
};

struct acks {
        struct waiting_ack *waiting;
        size_t n_waiting, allocated;
};

void acks_done(struct acks *acks);

/* Sends, or keeps for acks_flush(), the answer r (0 or -errno) to a message. 0 or -ENOMEM. */
int acks_send(struct acks *acks, int socket, uint64_t serial, int r);

/* The same with two descriptors, which it takes over on success. */
int acks_send_files(struct acks *acks, int socket, uint64_t serial, const int fds[2]);

/* CONSUMER_NOTICE, which nobody has asked for. */
int acks_send_notice(struct acks *acks, int socket);

/* Sends what waits as far as the socket takes it. */
void acks_flush(struct acks *acks, int socket);
