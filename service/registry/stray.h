/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Strays: processes that tracingd has hung up on, because they broke the
 * protocol or something could not be had for them, and that go on recording
 * what they were last told. They are no applications any more, but whoever is
 * promised something waits for them: until they have come back, which is known
 * by the kernel's identity of the process, have ended, or have given their rings
 * up as the library does (protocol/wait.h). A stray keeps its connection's place
 * among those that its user may have, and one descriptor, in place of it.
 *
 * Who hangs up himself is none: he ends, runs another program, or is back soon.
 */

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "protocol/wait.h"

struct account;
struct application;
struct registry;
struct stray;

/* The library gives up after the first half; the other one is for a machine that has much to do. */
#define STRAY_USEC (UINT64_C(2) * WAIT_RESUME_SECONDS * 1000000)

struct strays {
        pthread_mutex_t lock; /* held for system calls that do not wait */
        struct stray *first;
        atomic_uint n;
};

void strays_init(struct strays *s);
void strays_done(struct strays *s);

/*
 * The connection of a registered application is about to be closed by us. True: its process is a stray now, which has
 * its place and what belongs to it. Of the worker that has it, before it leaves the registry.
 */
bool strays_add(struct application *a);

/* Its process has come back as this application. After it came into the registry. */
void strays_remove(struct application *a);

/* Those that do not conform to a generation. Any thread. */
uint32_t strays_count(struct account *account, uint64_t generation);

/* Drops those that have ended or whose time is over, or all. */
void strays_sift(struct registry *r, struct account *account, bool all);
