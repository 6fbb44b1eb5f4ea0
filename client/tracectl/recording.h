/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * One recording, from the checked command line to the last line on stderr: the
 * directory, the service, the session and the command, each of which is an
 * object of its own. The verb goes through the functions in their order;
 * recording_done() undoes whatever is there.
 */

#include "client/tracectl/record-arguments.h"
#include "client/tracectl/record-command.h"
#include "client/tracectl/record-live.h"
#include "client/tracectl/record-output.h"
#include "client/tracectl/record-service.h"

struct recording {
        const struct record_arguments *arguments;
        char *path, *preload;
        struct signals signals;
        struct record_output output;
        struct record_service service;
        tracectl_session *session;
        struct record_live live;
        struct held_process held; /* of the kernel: the command before its first instruction */
        struct process command;
        siginfo_t how; /* the command ended */
        bool service_lost, is_stopped;
        tracectl_counts *counts;
        char *failure; /* what went wrong with the recording while the command ran, a sentence */
};

#define RECORDING_NULL                                                                                                 \
        {                                                                                                              \
                .signals = SIGNALS_NULL, .output = RECORD_OUTPUT_NULL, .service = RECORD_SERVICE_NULL,                 \
                .command = PROCESS_NULL, .held = HELD_PROCESS_NULL,                                                                               \
        }

/* Everything up to the start of the session. 0, or -errno after saying why. */
int recording_set_up(struct recording *recording);

/* recording-kernel.c: the same for --kernel, with the system's service, and the command held. */
int recording_set_up_kernel(struct recording *recording);

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

/* Says the last line. */
void recording_summarize(struct recording *recording);

void recording_done(struct recording *recording);
