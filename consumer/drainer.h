/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The drainer: the process that holds the rings and writes packets. It owns
 * everything there is of the session and has one thread. Its loop is made of
 * rounds: look at every ring, read every message that waits, write what the
 * looks saw, answer what was asked before the looks.
 */

#include <stdbool.h>
#include <sys/queue.h>

#include "consumer/acks.h"
#include "consumer/message.h"
#include "consumer/notice.h"
#include "consumer/session.h"
#include "consumer/set.h"
#include "consumer/wait.h"

/* Something tracingd asked that takes a round: it is done with what the next looks see. */
struct task {
        STAILQ_ENTRY(task) entries;
        uint64_t serial;
        uint32_t type; /* CONSUMER_RELEASE, FLUSH, SNAPSHOT, STOP, ROTATE or CLEAR */
        uint32_t stream;
        uint64_t set;
        bool resume; /* it was asked before, of a consumer that has died since */
        uint32_t keep_kib; /* of ROTATE, as the next */
        struct session_clock clock;
        char name[CONSUMER_NAME_MAX];
};

STAILQ_HEAD(tasks, task);

/* How far messages of one kind, whose serials ascend, have come. */
struct progress {
        uint64_t begun, done; /* serials */
        int result;           /* of the last one that is done */
};

struct drainer {
        int socket; /* not owned */
        bool ending;
        bool stopped; /* the last message was STOP */
        bool is_over; /* and then came the hang-up: nobody goes on */
        bool learning; /* a predecessor's rings have records of classes that we have not heard of yet */
        uint64_t next_partial; /* CLOCK_MONOTONIC, nanoseconds */
        struct session session;
        struct sets sets;
        struct tasks tasks;
        struct acks acks;
        struct progress describing, asking;
        struct notice notice;
        struct wait wait;
        struct message message;
};

/*
 * Serves tracingd until it hangs up or SIGTERM comes (which is blocked from
 * SESSION on); what the rings hold is written before it returns. Takes over the
 * session, which session_init() has prepared; closes no descriptor. 0, or
 * -errno where it could not go on.
 */
int drainer_run(int socket, struct session *session);

/*
 * The parts of that, for whoever wants to do something in between. Before
 * SESSION a step is one message, then a round: 1 where there was something to do,
 * 0 where not, or -errno. The end writes what the rings hold.
 */
struct drainer *drainer_new(int socket, struct session *session); /* NULL without memory */
struct drainer *drainer_free(struct drainer *drainer);
int drainer_step(struct drainer *drainer);
void drainer_end(struct drainer *drainer);

/* dispatch.c: does what a message says, or queues it. 0, or the -errno of the answer; 1: answered later. */
int drainer_dispatch(struct drainer *drainer, const struct message *message);

/* task.c: after the round's streams were drained. The answer: 0 or -errno. */
int drainer_run_task(struct drainer *drainer, const struct task *task, uint64_t latest);

/* task.c: the writers are gone and so is tracingd: everything is written that is not on disk yet. */
void drainer_finish(struct drainer *drainer, uint64_t latest);
