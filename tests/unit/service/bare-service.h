/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * tracingd's objects on a connection and with an authorizer of the test's, in
 * the test's own thread. Consumers cannot be started.
 */

#undef NDEBUG

#include <glib.h>
#include <stdbool.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

#include "service/bus/bus.h"
#include "service/wake.h"

struct bare_service {
        struct user_domain *domain;
        struct manager *manager;
        struct registry *registry;
        struct bus_shared shared;
        struct bus *bus;
        int register_fd; /* applications connect to it */
};

/* bus and authorizer are taken over. */
void bare_service_init(struct bare_service *s, sd_event *event, sd_bus *bus, struct authorizer *authorizer);
void bare_service_done(struct bare_service *s);

struct session *bare_service_session(struct bare_service *s, uid_t owner, const char *name);
