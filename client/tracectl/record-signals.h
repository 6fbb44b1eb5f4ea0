/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The signals of `tracectl record`, which stands between a command and whoever
 * wants to stop it. From signals_take() on they do not end it but are read from
 * fd: what the terminal sends (Ctrl-C, Ctrl-\, hang-up) has reached the command
 * by itself, what somebody sends to tracectl is for the command.
 */

#include <signal.h>
#include <stdbool.h>

#include "client/tracectl/process.h"

struct signals {
        int fd;
        sigset_t old_mask;
        struct sigaction old_pipe, old_child;
};

#define SIGNALS_NULL { .fd = -1 }

int signals_take(struct signals *ret);

/* In a child, before exec: everything as tracectl itself found it. */
int signals_restore(const struct signals *signals);

/* A signal that asked tracectl to end before there was a command, or 0. It is taken out of the queue. */
int signals_take_end(struct signals *signals);

/* Reads one waiting signal and passes it on where that is needed. */
void signals_forward(struct signals *signals, const struct process *command);

void signals_done(struct signals *signals);

/* Ends this program by signal, as it ended the command, and leaves no core file of tracectl. */
_Noreturn void signals_die(int signal);
