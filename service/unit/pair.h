/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * One consumer's pair of transient units: made, asked why the service died,
 * stopped. It belongs to its starter's list until both units are gone, also when
 * nobody else wants it any more. Main loop only.
 */

#include <sys/queue.h>

#include "service/unit/properties.h"
#include "service/unit/systemd.h"

struct pair;
LIST_HEAD(pairs, pair);

/* The starter, as far as its pairs are concerned. */
struct unit_starter {
        sd_event *event;
        struct systemd *systemd;
        bool user;
        char *run, *program;
        struct pairs pairs;
        struct leftovers *leftovers;
        struct spare_pair *spare;
        uint64_t spare_usec; /* that it waits for its session; another in tests alone */
        bool ending;
        bool leaving; /* units stay, for the next tracingd */
};

/* reason: NULL when the socket listens; else a sentence's predicate. */
typedef void (*pair_ready_t)(const char *reason, void *userdata);

/* result: how its service's last process ended, such as "was killed by signal 9". */
typedef void (*pair_result_t)(const char *result, uint32_t n_restarts, void *userdata);

typedef void (*pair_stopped_t)(void *userdata);

int pair_new(struct unit_starter *u, const struct consumer_spec *spec, pair_ready_t ready, pair_stopped_t stopped,
             void *userdata, struct pair **ret);

/* One that an earlier tracingd made. -EBADMSG: that is no name of ours. */
int pair_restore(struct unit_starter *u, const struct consumer_spec *spec, const char *stem, pair_stopped_t stopped,
                 void *userdata, struct pair **ret);

/* Of one that is ready: from now on it is somebody else's. */
void pair_hand_over(struct pair *p, pair_stopped_t stopped, void *userdata);

/* Connects to the socket, which may start the consumer. -EAGAIN when its queue is full. The caller owns *ret_fd. */
int pair_connect(struct pair *p, int *ret_fd);

/* Calls result() once, also when systemd cannot be asked; instead of the last one that was not answered. */
void pair_ask_result(struct pair *p, pair_result_t result);

/* Kills the service's processes; systemd starts others. */
void pair_kill(struct pair *p);

/* The answer interests nobody any more. */
void pair_forget_question(struct pair *p);

/* Stops socket and service, in this order, frees the pair, and calls stopped(), never at once. */
void pair_stop(struct pair *p);

/* As pair_stop(), without a further call to anybody. */
void pair_abandon(struct pair *p);

/* At the end of the main loop: tells systemd to remove the socket, waits for nothing, calls stopped(), and frees it. */
void pair_leave(struct pair *p);

const char *pair_stem(const struct pair *p);
struct pair *pairs_find(struct unit_starter *u, const char *stem, size_t size);
