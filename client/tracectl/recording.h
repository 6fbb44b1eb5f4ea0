/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * One recording, from the checked command line to the last line on stderr: the
 * directory, the service, the session and the command, each of which is an
 * object of its own. The verb goes through the functions in their order;
 * recording_done() undoes whatever is there.
 */

#include "client/tracectl/password-agent.h"
#include "client/tracectl/record-arguments.h"
#include "client/tracectl/record-command.h"
#include "client/tracectl/record-live.h"
#include "client/tracectl/record-output.h"
#include "client/tracectl/record-service.h"
#include "client/tracectl/syscall-strings.h"

struct recording {
        const struct record_arguments *arguments;
        char *path, *preload;
        struct signals signals;
        struct record_output output;
        struct trace_clock_sample begin_sample; /* of the clock, as early as there was one */
        struct record_service service;
        struct password_agent agent; /* of a service that is shared, until the command has the terminal */
        tracectl_session *session;
        struct record_live live;
        struct held_process held; /* of the kernel: the command before its first instruction */
        struct syscall_strings strings; /* of its system calls */
        struct strings_thread *strings_thread; /* recording-kernel.c: it makes them, beside the rest */
        const char *no_strings;         /* why there are none, or NULL */
        struct process command;
        int *pidfds; /* of programs that run already; -1: it has ended */
        siginfo_t how; /* the command ended */
        uint64_t begin, nsec;      /* when it began; how long it took */
        uint64_t cpu_nsec;         /* of the service and its consumer; of a service of one's own alone */
        bool service_lost, is_stopped, is_shared; /* shared: the service is not this recording's own */
        tracectl_counts *counts;
        char *hints;   /* sentences about names that were probably mistyped, one a line */
        char *failure; /* what went wrong with the recording while the command ran, a sentence */
};

#define RECORDING_NULL                                                                                                 \
        {                                                                                                              \
                .signals = SIGNALS_NULL, .output = RECORD_OUTPUT_NULL, .service = RECORD_SERVICE_NULL,                 \
                .command = PROCESS_NULL, .held = HELD_PROCESS_NULL, .strings = SYSCALL_STRINGS_NULL,                          \
        }

/* Everything up to the start of the session. 0, or -errno after saying why. */
int recording_set_up(struct recording *recording);

/* recording-running.c: recording_set_up() for programs that run already; waits until they have ended, or somebody ends it. */
int recording_set_up_running(struct recording *recording);
int recording_wait_for_running(struct recording *recording);

/*
 * recording-rules.c: one of the patterns of the command line, or of the usual ones where filter is NULL, in those
 * processes that options say. Says what is wrong on failure.
 */
int recording_enable(struct recording *recording, const char *domain, const char *pattern, const char *filter,
                     const struct tracectl_event_options *options);

/* recording-shared.c: of a service that option needs and others use as well: the connection, on which
 * passwords are asked for until the end of asking, a session, its start. The session is named after the command
 * and a process that no other recording has: the command's own, or tracectl's. */
int recording_connect(struct recording *recording, const char *option);
void recording_end_asking(struct recording *recording);
int recording_make_session(struct recording *recording, const char *domain, const char *command, pid_t pid);
int recording_start(struct recording *recording);

/* recording-kernel.c: what the kernel does for a process and its children. */
int recording_enable_kernel(struct recording *recording, pid_t pid);

/* recording-kernel.c: recording_set_up() for --kernel, with the system's service, and the command held. */
int recording_set_up_kernel(struct recording *recording);

/* The session, with what the command line says of its output. 0, or -errno after saying why. */
int recording_create_session(struct recording *recording, const char *name);

/* Says why something failed, as the service has said it. Returns error. */
int recording_fail(struct recording *recording, const char *what, int error);

/* 0, or -errno of exec. Says nothing. */
int recording_start_command(struct recording *recording);

/* Ends what was begun for a command that has not run, and removes the directory. */
void recording_abandon(struct recording *recording);

/* Stops recording. What goes wrong is kept for the last line. */
void recording_stop(struct recording *recording);

/* Stops recording, unless that was done, and ends the service. What goes wrong is kept for the last line. */
void recording_finish(struct recording *recording);

/* recording-hints.c: looks for names that were probably mistyped, while the service still knows what there was. */
void recording_find_hints(struct recording *recording);
void recording_say_hints(const struct recording *recording);

/* Says the last line. */
void recording_summarize(struct recording *recording);

void recording_done(struct recording *recording);
