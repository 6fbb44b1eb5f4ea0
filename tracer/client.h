/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * One conversation with a tracingd (protocol/handshake.h), by the helper thread
 * for it: connect, register or resume, send definitions, apply views.
 */

#include <stdbool.h>

#include "tracer/daemon.h"

/*
 * Until the other side hangs up or breaks the form (-errno), or the daemon's
 * thread is to quit (0). wake is a signalfd for daemon_wake(). What is recorded
 * when it returns goes on being recorded. *ret_ready is set once we were
 * registered.
 */
int client_talk(struct daemon *d, int wake, bool *ret_ready);

/*
 * What the starting thread does of it (daemon_begin()), under the lock of the
 * daemon: connects, at most until the deadline; registers; takes messages until
 * the first view is in force. The last one returns -EAGAIN at the deadline and
 * -ECONNRESET where the daemon has hung up: a helper that goes on finds the same.
 */
int client_connect(struct daemon *d, int64_t deadline);
int client_register(struct daemon *d);
int client_receive_first(struct daemon *d, int64_t deadline);

/* Takes all wake-ups that came. */
void client_drain_wake(int wake);
