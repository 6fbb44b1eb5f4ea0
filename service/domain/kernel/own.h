/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A recording whose owner may see his own processes alone: between the kernel's pipes and his consumer stands a reader
 * (protocol/kernel-own.h). The main loop starts it and hears of its end; the worker thread tells it what there is, and
 * vouches for threads.
 */

#include <stdatomic.h>
#include <systemd/sd-event.h>

#include "common/cleanup.h"
#include "protocol/kernel-own.h"
#include "service/domain/kernel/instance.h"

struct kernel_own_thread {
        int32_t tid;
        bool bound;
};

struct reader;
struct kernel_recording;

struct kernel_own {
        struct kernel_recording *recording;
        uid_t owner;

        /* main loop */
        struct reader *reader;
        sd_event_source *question;
        bool asked, vouching;

        /* both: set once by the main loop */
        atomic_int socket;  /* -1: not yet */
        atomic_bool failed; /* for this reason */
        char reason[256];
        int ask, asked_by; /* where the reader asks; its end until it has got it */

        /* worker thread */
        uint64_t serial;
        uint64_t begin; /* the serial of OWN while it is not answered, or 0 */
        uint64_t flush; /* the serial of one that is not answered, or 0 */
        bool begun;
};

/* own-reader.c, main loop. Starts the reader; what goes wrong is told to the recording, also here. */
int kernel_own_new(struct kernel_recording *r, struct kernel_own **ret);
struct kernel_own *kernel_own_free(struct kernel_own *o);

/* own.c, worker thread. 0 or -errno. */

/* -EAGAIN: the reader is not there yet. -EPIPE: it never will be again, for o->reason. */
int kernel_own_begin(struct kernel_own *o, enum trace_clock clock);

/* A channel's instance, of which descriptions are: with those of kernel_own_news. */
int kernel_own_announce_channel(struct kernel_own *o, const struct instance *i, uint32_t n_cpus, int descriptions);

/* Keeps pipe and stats for itself: *ret_pipe and *ret_stats are for the consumer instead. */
int kernel_own_announce_cpu(struct kernel_own *o, const struct instance *i, uint32_t cpu, int pipe, int stats,
                            int *ret_pipe, int *ret_stats);
int kernel_own_announce_events(struct kernel_own *o, const struct instance *i, int descriptions);

/* The events that tell what becomes of threads: each of the session's instances has them, whether asked for or not. */
extern const struct instance_list kernel_own_news;

/*
 * Tells the reader which threads are the owner's, of those that the kernel follows in these instances. Their events are
 * enabled.
 */
int kernel_own_vouch(struct kernel_own *o, const struct instance *instances);

/* Whether everything up to the first call was passed on. -EAGAIN: not yet; never waits. */
int kernel_own_flush(struct kernel_own *o);

/* own-verify.c, worker thread: whether a thread acts for this user and nobody else, with no right that he has not. */
bool kernel_own_verify(int proc, int32_t tid, uid_t owner, bool *ret_bound);
