/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * tracingd as one object: the domain, the model, the registry and the
 * connections, in the order in which they need each other. Made, run and freed
 * by one thread, which is the main loop.
 *
 * The three modes differ in who is served, in how a consumer is started, and in
 * when it ends: in private mode when its client hangs up, otherwise when nobody
 * has used it for a while (idle.h). It works without a message bus, too, and
 * joins that when it is there.
 */

#include <stdint.h>
#include <systemd/sd-event.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "service/model/clock-bound.h"
#include "service/unit/start.h"

struct service;
struct fd_store;

enum service_mode {
        SERVICE_PRIVATE, /* one client of our own uid at the other end of a socket */
        SERVICE_USER,    /* our own uid */
        SERVICE_SYSTEM,  /* everybody */
};

struct service_config {
        enum service_mode mode;
        int bus_fd;      /* private: a connected stream socket, on which we are the D-Bus server; taken over */
        int register_fd; /* a listening SOCK_SEQPACKET socket; taken over */
        struct trace_clock_sample first_sample; /* that the client took before it started us; without ticks: none */

        /* not private */
        int control_fd;            /* a listening SOCK_STREAM socket for clients; taken over */
        const char *run_directory; /* absolute; has the wait page */
        uint64_t idle_usec;        /* 0: never idle */
        const char *bus_address;   /* NULL: the usual one */
        const char *tracefs;       /* NULL: the usual one; else what is there need not be one */
        struct fd_store *store;    /* what an earlier tracingd left; NULL: nothing is kept. Taken over */

        struct consumer_starter starter; /* not private: used where it has a function; else consumers are units */
        uint64_t consumer_usec; /* that a consumer has to answer, to write, to end; 0: the default */
        uint64_t clock_look_usec; /* of model/clock-watch.h, as the next; 0 and NULL but for tests */
        clock_bound_measure_t measure_bound;
};

int service_new(const struct service_config *config, struct service **ret);
struct service *service_free(struct service *s);

/* The part of it that others notice, for a process that ends then: what is left is its own memory and descriptors. */
void service_leave(struct service *s);
DEFINE_CLEANUP(struct service *, service_free)

/* The units tell the service manager that with this exit status (TEMPFAIL) we are to be started again. */
#define SERVICE_LEFT_SESSIONS 75

/*
 * Serves until it ends by itself or by service_end(), and every consumer has ended or had its time: 0, or
 * SERVICE_LEFT_SESSIONS where there are sessions that wait for the next tracingd. -errno.
 */
int service_run(struct service *s);

/*
 * Main loop: where sessions can be kept and there are some, leaves them to the next
 * tracingd and ends the loop; else ends all sessions, then the loop.
 */
void service_end(struct service *s);

/* Main loop: reads the configuration anew, and tells the service manager (SIGHUP). */
void service_reload(struct service *s);

sd_event *service_event(struct service *s);
