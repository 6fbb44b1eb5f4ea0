/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A thread for what may wait for the kernel: making an instance of tracefs takes
 * milliseconds, removing one tens of them. Jobs run one after the other, in the
 * order in which they came; their ends are told in the main loop, which alone
 * calls the functions here.
 */

#include <stdbool.h>
#include <sys/queue.h>
#include <systemd/sd-event.h>

#include "common/cleanup.h"

struct worker_job {
        /* The thread. true: it is to run again a little later, and others go first. */
        bool (*run)(struct worker_job *job);
        /* The main loop; or, when the worker ends, whoever frees that. The job is the callee's. */
        void (*done)(struct worker_job *job);
        uint64_t after; /* monotonic microseconds */
        unsigned tries;
        TAILQ_ENTRY(worker_job) entries;
};

struct worker;

int worker_new(sd_event *event, struct worker **ret);

/* Waits for all jobs; those that want to run again get at most a second. */
struct worker *worker_free(struct worker *w);
DEFINE_CLEANUP(struct worker *, worker_free)

/* Waits for all jobs but those that have been told to run again, and tells their ends. */
void worker_drain(struct worker *w);

void worker_submit(struct worker *w, struct worker_job *job);
