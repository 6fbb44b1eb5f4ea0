/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * tracingd as one object: the domain, the model, the registry and the bus, in
 * the order in which they need each other. Made, run and freed by one thread,
 * which is the main loop.
 */

#include <stdint.h>
#include <systemd/sd-event.h>

#include "common/cleanup.h"
#include "service/unit/start.h"

struct service;

struct service_config {
        int bus_fd;      /* a connected stream socket, on which we are the D-Bus server; taken over */
        int register_fd; /* a listening SOCK_SEQPACKET socket; taken over */
        struct consumer_starter starter;
        uint64_t consumer_usec; /* that a consumer has to answer, to write, to end; 0: the default */
};

int service_new(const struct service_config *config, struct service **ret);
struct service *service_free(struct service *s);
DEFINE_CLEANUP(struct service *, service_free)

/* Serves until the client hangs up or service_end() was called, and every consumer has ended or had its time. */
int service_run(struct service *s);

/* Main loop: ends all sessions, then the loop. */
void service_end(struct service *s);

sd_event *service_event(struct service *s);
