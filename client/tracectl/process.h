/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A child process: its number, and a descriptor that becomes readable when it
 * has ended. Started by fork and exec, and only started when exec succeeded: a
 * failure of it is the starter's error, not the child's exit status.
 */

#include <signal.h>
#include <stdbool.h>
#include <sys/types.h>

struct process {
        pid_t pid; /* 0: none */
        int pidfd;
};

#define PROCESS_NULL { .pidfd = -1 }

/* Runs in the child between fork and exec. 0, or -errno, which process_start() returns. */
typedef int (*process_prepare_t)(void *userdata);

/* Starts the program path with argv and, as prepare leaves it, the environment. */
int process_start(const char *path, char *const argv[], process_prepare_t prepare, void *userdata,
                  struct process *ret);

/* One that waits before it executes its program. */
struct held_process {
        pid_t pid; /* 0: none */
        int report_fd, gate_fd;
};

#define HELD_PROCESS_NULL { .report_fd = -1, .gate_fd = -1 }

/*
 * As process_start() in two parts, after prepare: what goes wrong in the child is what process_let_go() returns.
 */
int process_hold(const char *path, char *const argv[], process_prepare_t prepare, void *userdata,
                 struct held_process *ret);

/* Has it call prepare once more. It is held as before. */
void process_prepare_again(const struct held_process *held);

/* Ends the holding, also on failure. */
int process_let_go(struct held_process *held, struct process *ret);

/* Ends it, if it is still held. */
void held_process_done(struct held_process *held);

/*
 * Waits until it has ended and reaps it: 0 and how it ended (si_code,
 * si_status). -ETIMEDOUT after timeout_msec; -1 waits for ever.
 */
int process_wait(struct process *process, int timeout_msec, siginfo_t *ret_how);

/* Sends a signal. Does nothing where there is no process. */
void process_kill(const struct process *process, int signal);

/* Forgets the process; it is neither ended nor reaped. */
void process_done(struct process *process);
