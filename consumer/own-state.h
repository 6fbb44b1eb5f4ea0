/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Everything that a reader has: channels, threads, and what was read about threads. A record is decided about when
 * everything up to its time was read from each processor, since what became of a thread on one of them decides about
 * what it does on another. The reader's one thread.
 */

#include <poll.h>
#include <stdbool.h>

#include "consumer/own-cpu.h"
#include "consumer/own-threads.h"

/* What a record has told of threads, until its time comes. */
struct own_news {
        const struct own_class *class;
        uint64_t time, number;
        char record[OWN_NEWS_SIZE];
};

struct own_state {
        int socket;
        int ask; /* where tracingd is asked whose the threads are; -1: it was not told */
        bool begun, ending;
        int clock; /* enum trace_clock */
        uint64_t flush, flush_time; /* the serial of one that is not answered, or 0 */
        LIST_HEAD(, own_channel) channels;
        struct own_threads threads;
        struct own_news *news;
        size_t n_news, news_room;
        uint64_t n_told;
        bool lost; /* there was no memory for something that decides: nothing is passed on any more */
        uint64_t passed; /* the last horizon */
        uint64_t hold;   /* nothing later is decided until tracingd has vouched for threads; 0: nobody waits for that */
        struct own_thread *vouched; /* for which it has, since then; NULL: not yet */
        size_t n_vouched;
        struct pollfd *polls;
        size_t n_cpus;
};

int own_state_init(struct own_state *state, int socket);
void own_state_done(struct own_state *state);

/* Does what a message other than OWN_FLUSH says. Descriptors that are kept become -1. 0 or -errno. */
int own_state_dispatch(struct own_state *state, const struct own_message *m, int *fds, size_t n_fds);

/*
 * Reads from each processor. *ret_horizon: everything up to there was read, and can be decided about. Where the kernel
 * has lost something meanwhile, the threads are nobody's until tracingd has vouched for them again.
 */
bool own_state_read(struct own_state *state, uint64_t *ret_horizon);

/* Passes on what is not later. false: some receiver is slow. */
bool own_state_pass(struct own_state *state, uint64_t horizon);

/* Everything before was passed on, at most up to the horizon. */
uint64_t own_state_oldest(const struct own_state *state, uint64_t horizon);

bool own_state_is_empty(const struct own_state *state);

/* What to poll: tracingd; sockets that are full; where nothing was to be read, pipes. */
size_t own_state_collect(struct own_state *state, bool worked);
