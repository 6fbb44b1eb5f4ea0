/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The command that is recorded: the same process group, terminal, descriptors
 * and signals as without tracectl, and two variables more in its environment.
 */

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>

#include "client/libtracectl/tracectl.h"
#include "client/tracectl/process.h"
#include "client/tracectl/record-live.h"
#include "client/tracectl/record-signals.h"
#include "client/tracectl/syscall-strings.h"

struct record_command {
        const char *path; /* with a slash */
        char **argv;
        const char *socket_path; /* where the command's processes register; NULL: where all do */
        const char *preload;     /* library to load into them, or NULL */
        bool bound;              /* nothing that it executes gives it rights that its user has not */
        const struct signals *signals;
        const struct syscall_strings *strings; /* that are recorded of it, or NULL */
};

/* The library that records libc calls, as LD_PRELOAD can have it. Says what is wrong on failure. */
int record_preload_find(char **ret);

/* Starts it: 0, or -errno of exec or of what comes before. Says nothing. */
int record_command_start(const struct record_command *command, struct process *ret);

/* The same, but it waits before the program is executed: process_let_go(). */
int record_command_hold(const struct record_command *command, struct held_process *ret);

/*
 * Waits for its end, passing on signals, taking in what the service sends and printing what happens;
 * at most until deadline (CLOCK_MONOTONIC, nanoseconds; 0: for ever), which is
 * -ETIMEDOUT. *service_lost becomes true when the service goes away before it.
 */
int record_command_wait(struct process *process, struct signals *signals, tracectl_connection *connection,
                        struct record_live *live, uint64_t deadline, siginfo_t *ret_how, bool *service_lost);

/* poll(2) at most until a deadline: 0, -ETIMEDOUT or another negative errno. */
int record_poll(struct pollfd fds[], size_t n, uint64_t deadline);

/* CLOCK_MONOTONIC, in nanoseconds. */
uint64_t record_now(void);

/* The deadline after so many nanoseconds from now; 0: none. */
uint64_t record_deadline(uint64_t duration);
