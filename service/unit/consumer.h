/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A session's consumer as the main loop sees it: starts it, reads its
 * acknowledgements, watches it end. Owned by its session; main loop only. What
 * other threads need of it is its sender.
 */

#include <stdbool.h>
#include <systemd/sd-event.h>

#include "common/cleanup.h"
#include "service/unit/sender.h"
#include "service/unit/start.h"

struct consumer;

struct consumer_handlers {
        /* It ended, refused what it must not refuse, or could not be served. Called once; a sentence's predicate. */
        void (*failed)(const char *reason, void *userdata);
        /* It has answered all that describes rings; or messages that had to wait have left. */
        void (*drained)(void *userdata);
        /* It has ended after consumer_hang_up(). */
        void (*ended)(void *userdata);
        void *userdata;
        /* The status page has something new. May be NULL. */
        void (*noticed)(void *userdata);
        /*
         * It has answered something that nobody asked for: whether that was RING_FILES. Then fds are the files,
         * which are replaced by -1 where they are taken over, or there is an errno. May be NULL.
         */
        bool (*files)(uint64_t serial, int error, int fds[2], void *userdata);
};

/* error: 0 or the errno that the consumer answered. path: of OUTPUT, as the consumer calls it; else "". */
typedef void (*consumer_answer_t)(int error, const char *path, void *userdata);

int consumer_new(sd_event *event, const struct consumer_starter *starter, const struct consumer_spec *spec,
                 const struct consumer_handlers *handlers, struct consumer **ret);

/* A consumer as an earlier tracingd left it. */
struct consumer_remains {
        const char *unit; /* without suffix */
        uint32_t restarts;
        int status_fd;     /* taken over, also on failure */
        int connection_fd; /* taken over on success; -1 where it has ended */
        uint64_t status_stored, connection_stored; /* their numbers in the store */
        bool failed;      /* nobody needs more than its counters */
};

/*
 * Makes it again, after a restart. The sender wants its messages
 * (sender_restore_message()) before consumer_resume(), which goes on with the
 * connection, or looks for the consumer's successor.
 */
int consumer_restore(sd_event *event, const struct consumer_starter *starter, const struct consumer_spec *spec,
                     const struct consumer_remains *remains, const struct consumer_handlers *handlers,
                     struct consumer **ret);
int consumer_resume(struct consumer *c);

/* An answer is still to come to what was asked before the restart. */
int consumer_expect(struct consumer *c, uint64_t serial, consumer_answer_t answer, void *userdata);

/* Unanswered requests are dropped without a call. */
struct consumer *consumer_free(struct consumer *c);
DEFINE_CLEANUP(struct consumer *, consumer_free)

/* Sends a message and calls answer when it has been acknowledged. */
int consumer_request(struct consumer *c, struct consumer_header *message, const int *fds, size_t n_fds,
                     consumer_answer_t answer, void *userdata);

/*
 * For one that does not answer: a unit's is killed, and its successor is asked
 * again. A child, which has none, is left alone.
 */
void consumer_kill(struct consumer *c);

/* Nothing is expected of it any more; failed() is called with this reason. */
void consumer_give_up(struct consumer *c, const char *reason);

/* Tells it to write what there is and to end; ended() follows. */
void consumer_hang_up(struct consumer *c);

/* Frees it as soon as it has ended, without a further call to a handler. */
void consumer_detach(struct consumer *c);

/* The unit's name without its suffix; "" in private mode. */
const char *consumer_unit(const struct consumer *c);

/* How often it was started again after it had died. */
uint32_t consumer_restarts(const struct consumer *c);

struct sender *consumer_sender(struct consumer *c);
