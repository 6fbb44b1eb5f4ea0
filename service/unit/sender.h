/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * tracingd's end of the connection to one consumer, as far as sending goes.
 * Shared and counted: workers send RINGS and CLASSES, the main loop everything
 * else; any thread may call every function here but those marked "main loop".
 *
 * Nobody ever waits: what the socket does not take at once is queued, in
 * order, and the main loop drains the queue. A message's serial tells whether
 * it has left: an application may use a class only once sender_has_sent() the
 * message that announces it.
 *
 * A resumable one survives its consumer. It keeps what describes the session
 * and what was not acknowledged, and the next consumer is sent all that again,
 * with the same serials. Messages that come while there is none wait.
 *
 * It also survives tracingd: each message is in the state before it leaves. The
 * next tracingd cannot know which of the last ones have left, and sends those
 * that were not acknowledged again, over the same connection; the consumer knows
 * them by their serials.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/cleanup.h"
#include "protocol/consumer.h"
#include "service/state/records.h"

struct sender;

/* Takes fd over. Makes the status page. */
int sender_new(int fd, struct sender **ret);

/* Has no consumer before sender_connect(). */
int sender_new_resumable(const struct keep *keep, struct sender **ret);

struct sender *sender_ref(struct sender *s);
struct sender *sender_unref(struct sender *s);

static inline void sender_unrefp(struct sender **s) {
        if (*s)
                sender_unref(*s);
}

/*
 * Sends a message, whose header's size is set and whose serial is filled in
 * here. -EPIPE when the consumer is gone, -ENOBUFS when it takes nothing any
 * more. The descriptors stay the caller's.
 */
int sender_send(struct sender *s, struct consumer_header *message, const int *fds, size_t n_fds, uint64_t *ret_serial);

/* more: what the next tracingd must know beside the message (records.h), or NULL. */
int sender_send_with(struct sender *s, struct consumer_header *message, const int *fds, size_t n_fds,
                     const struct iovec *more, uint64_t *ret_serial);

/* Stays true when the consumer dies. */
bool sender_has_sent(const struct sender *s, uint64_t serial);

/*
 * Whether the consumer has answered it, a message RINGS, RING_FILES or CLASSES.
 * What is in files has to be known to a recovery before an application writes it.
 */
bool sender_has_done(const struct sender *s, uint64_t serial);

/* Main loop. It has been answered. Whether rings are in files and all of those messages are answered now. */
bool sender_note_done(struct sender *s, uint64_t serial);

/* A worker could not make what the session needs; the main loop is told. The first report stays. */
void sender_report(struct sender *s, const char *problem);

/* Main loop. Readable when sender_drain() or sender_take_problem() has work to do. */
int sender_event_fd(const struct sender *s);

/* Main loop. Sends what is queued: 1 when nothing is left, 0 when the socket is full, or -errno. */
int sender_drain(struct sender *s);

/* Main loop. The text of sender_report(), once; the caller frees it. NULL without a report. */
char *sender_take_problem(struct sender *s);

/* Main loop. Tells the consumer to end once everything queued has left. */
void sender_hang_up(struct sender *s);

/* Main loop, resumable ones. A consumer comes, whose connection is taken over on success; the last one is gone. */
int sender_connect(struct sender *s, int fd);
void sender_disconnect(struct sender *s);

/*
 * Main loop, resumable ones. The consumer has answered: that message need not
 * be sent again. Its type; 0 for RINGS, CLASSES, and what is not known any more.
 */
uint32_t sender_acknowledge(struct sender *s, uint64_t serial);

/* Whether a message of that number describes something to every consumer to come. */
bool sender_describes(struct sender *s, uint64_t serial);

/* Main loop. Nothing is sent any more, -EPIPE for everybody; a consumer that is there ends. */
void sender_break(struct sender *s);

/* Main loop. -1 while there is no consumer. */
int sender_fd(const struct sender *s);
int sender_status_fd(const struct sender *s);

/* Where it writes what the next tracingd must know. */
const struct keep *sender_keep(const struct sender *s);

/*
 * Main loop, after a restart of tracingd. One without a consumer, with the status
 * page of the last tracingd's (taken over, also on failure) and its number in the
 * store; then its messages, in the order of their serials; then the consumer, where
 * it still is there, or sender_connect() to its successor.
 */
int sender_restore(const struct keep *keep, int status_fd, uint64_t stored, struct sender **ret);
int sender_restore_message(struct sender *s, const struct consumer_header *message, const int *fds, size_t n_fds,
                           const struct iovec *more);
int sender_attach(struct sender *s, int fd);

/* Calls each for what was asked and not answered. */
void sender_walk_asked(struct sender *s, void (*each)(uint64_t serial, uint32_t type, void *userdata), void *userdata);

/* Main loop. When the consumer shall give notice: struct consumer_status. */
void sender_set_notice(struct sender *s, uint64_t bytes);

/* The session's counters as they are now. */
struct consumer_status sender_status(const struct sender *s);
