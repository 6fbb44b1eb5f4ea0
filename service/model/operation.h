/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What a session does that takes time: Start, Stop, Snapshot, Clear, Rotate, Destroy. At most
 * one runs in a session; every wait in it is bounded. Its done callback is
 * called exactly once, from the main loop, also when the operation is cancelled.
 * Owned by the session; main loop only.
 *
 * A function that refuses at once returns -errno and calls nothing.
 */

#include <stdint.h>

#include "service/model/session.h"
#include "service/model/waiter.h"

#define OPERATION_APPLIED_USEC (500 * 1000)        /* applications acknowledge a start or a rule */
#define OPERATION_REMOVED_USEC (2 * 1000 * 1000)   /* applications take their events away */
#define OPERATION_CONSUMER_USEC (10 * 1000 * 1000) /* the consumer answers, writes, ends */

struct operation_result {
        const struct failure *failure; /* NULL: it has worked */
        const struct session *session;
        uint64_t generation; /* that applications had to acknowledge */
        uint32_t pending;    /* applications that have not in time */
        const char *path; /* of a snapshot or a chunk */
};

typedef void (*operation_done_t)(const struct operation_result *result, void *userdata);

enum operation_kind {
        OPERATION_START,
        OPERATION_STOP,
        OPERATION_SNAPSHOT,
        OPERATION_DESTROY,
        OPERATION_CLEAR,
        OPERATION_ROTATE,
};

struct operation {
        struct session *session;
        enum operation_kind kind;
        operation_done_t done; /* may be NULL */
        void *userdata;
        struct waiter *waiter;
        sd_event_source *timer;
        uint64_t deadline; /* of a stop: monotonic microseconds */
        uint64_t generation;
        uint32_t pending;
        char *path;
        union {
                struct consumer_header header;
                struct consumer_snapshot snapshot;
                struct consumer_rotate rotate;
        } request; /* that it makes to the consumer */
};

int session_start(struct session *s, operation_done_t done, void *userdata, struct failure *failure);
int session_stop(struct session *s, operation_done_t done, void *userdata, struct failure *failure);
int session_snapshot(struct session *s, const char *name, operation_done_t done, void *userdata,
                     struct failure *failure);

/* After a restart: one that was stopping. */
int session_continue_stop(struct session *s);

/* Requests that an earlier tracingd made are answered some day: until then there can be no other. */
void session_expect_requests(struct session *s);

/* Forgets what was recorded since the last rotation, or since the beginning. */
int session_clear(struct session *s, operation_done_t done, void *userdata, struct failure *failure);

/* Moves what was recorded so far to a directory of its own, which the result names. */
int session_rotate(struct session *s, operation_done_t done, void *userdata, struct failure *failure);

/* The session is gone when done is called. */
int session_destroy(struct session *s, operation_done_t done, void *userdata, struct failure *failure);

/* As session_destroy(), by tracingd itself, whatever the session's state. */
void session_end(struct session *s);

/* Ends the running operation with a failure. */
void operation_cancel(struct session *s);

/* The consumer is lost; the running operation fails, or is complete where it waited for just that. */
void operation_consumer_failed(struct session *s, const char *reason);

/* For the operations themselves. */

/* -EBUSY where one is running already. */
int operation_new(struct session *s, enum operation_kind kind, operation_done_t done, void *userdata,
                  struct failure *failure);
int operation_set_timer(struct operation *o, uint64_t usec, sd_event_time_handler_t on_timeout);

/* Begins one that is one message to the consumer; name is that of the directory below the output, or empty. */
int session_request(struct session *s, enum operation_kind kind, struct consumer_header *message, const char *name,
                    operation_done_t done, void *userdata, struct failure *failure);

/* A request of the session's own has been answered; the operation that waited for that makes its own. */
void session_request_go_on(struct session *s);

/* The message that makes the next chunk: its number is used. */
void session_prepare_rotation(struct session *s, struct consumer_rotate *ret);

/* Ends the session's operation. failure NULL: it has worked. */
void operation_finish(struct session *s, const struct failure *failure);

/* The session's operation, where it is of this kind. */
struct operation *operation_of(struct session *s, enum operation_kind kind);
