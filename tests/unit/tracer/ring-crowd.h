/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Processes that write to one ring set as fast as they can, each killed by a
 * timer's interrupt after a random time (mostly 0.05 to 5 ms, some 50 ms) and then
 * replaced. A small process of the crowd's own forks and reaps them, so that
 * whoever reads the rings goes on meanwhile. The struct is in shared memory.
 */

#include <pthread.h>
#include <stdint.h>
#include <sys/types.h>

#include "tests/unit/tracer/ring-fixture.h"

#define CROWD_WRITERS 14
#define CROWD_GUEST 15 /* the writer number of who watches */

/*
 * A value is writer (4 bits), generation (28 bits), counter (32 bits). Writers
 * never share a generation, and each writer's values only rise.
 */
#define CROWD_VALUE(writer, generation, n) ((uint64_t) (writer) << 60 | (uint64_t) (generation) << 32 | (n))
#define CROWD_GENERATION(value) ((value) >> 32 & 0xfffffff)

/* Of the process that is writer now; an event counts as begun before and as done after it is written. */
struct crowd_writer {
        uint64_t begun __attribute__((aligned(64))), done;
        uint64_t generation;
        pid_t pid;
};

struct crowd {
        pthread_mutex_t lock; /* whoever has it knows that no writer is replaced, and none's number used again */
        struct fixture *f;
        pid_t keeper;
        uint32_t generations, generations_max;
        uint32_t wanted, kills; /* kills: of processes that had begun an event */
        uint64_t begun, done;   /* of those that are gone */
        struct crowd_writer writers[CROWD_WRITERS];
        pid_t pids[]; /* by generation */
};

/* Starts a crowd that ends once `wanted` were killed. */
struct crowd *crowd_new(struct fixture *f, uint32_t wanted, uint32_t seed);

/* False once all writers are gone; what the keeper found wrong ends the test. */
bool crowd_lives(struct crowd *c);

/* Stops all writers, and returns when none runs; and lets them go on. With the lock held. */
void crowd_stop(struct crowd *c);
void crowd_continue(struct crowd *c);

void crowd_free(struct crowd *c);
