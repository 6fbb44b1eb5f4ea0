/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The tracing service of one recording: a tracingd of its own, started as a
 * child in the manner of socket activation, with a D-Bus connection over a
 * socketpair and a registration socket in a private directory. It ends when the
 * connection does.
 */

#include "client/libtracectl/tracectl.h"
#include "client/tracectl/process.h"
#include "client/tracectl/record-signals.h"
#include "common/clock.h"

struct record_service {
        char *directory; /* of the socket; removed with it */
        char *socket_path;
        struct process process;
        tracectl_connection *connection;
};

#define RECORD_SERVICE_NULL { .process = PROCESS_NULL }

/*
 * Says what is wrong on failure. The service gets the signals as tracectl found them, and measures its clock from
 * sample on, so that it need not wait for that; NULL: it does.
 */
int record_service_start(const struct signals *signals, const struct trace_clock_sample *sample,
                         struct record_service *ret);

/*
 * Closes the connection, waits until the service has ended, and removes the
 * socket. 0 or -errno; *ret_how is how it ended.
 */
int record_service_end(struct record_service *service, siginfo_t *ret_how);

void record_service_done(struct record_service *service);
