/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What service.c, which makes it, and life.c, which ends it, share. */

#include <stdbool.h>

#include "service/bus/bus.h"
#include "service/bus/control.h"
#include "service/bus/message-bus.h"
#include "service/idle.h"
#include "service/journal.h"
#include "service/service.h"
#include "service/state/roll.h"
#include "service/unit/unit-starter.h"
#include "service/wake.h"

struct kernel_domain;

struct service {
        enum service_mode mode;
        sd_event *event;
        int register_fd, control_fd;
        struct user_domain *domain;
        struct kernel_domain *kernel;
        struct roll *roll;
        sd_event_source *roll_timer; /* while applications of an earlier tracingd are missing */
        unsigned roll_looks;   /* since one came back */
        uint32_t roll_missing; /* at the last look */
        uint32_t roll_position; /* from where the look goes on, 0: none is half done */
        struct fd_store *store; /* NULL: sessions end with us */
        struct unit_starter *units; /* NULL in private mode */
        struct manager *manager;
        struct manager_listener listener, keeper;
        struct registry *registry;
        sd_event_source *news_source;
        struct wake *wake;
        uint64_t served; /* applications that the wake-up knows of */

        struct bus_shared shared;
        struct audit *audit;             /* of the system's */
        struct journal journal;          /* not in private mode */
        bool has_journal;
        struct bus *private_bus;         /* in private mode */
        struct message_bus *message_bus; /* NULL in private mode, or where there can be none */
        struct control *control;         /* NULL in private mode */

        /* life.c */
        struct idle *idle;             /* NULL: never idle */
        sd_event_source *ready_timer;  /* until the service manager was told */
        sd_event_source *linger_timer; /* while the last clients are served */
        bool ready, leaving;
        bool used; /* since we began to leave */
};

/* Main loop: looks for those applications of an earlier tracingd that do not come back. */
int resume_begin(struct service *s);
void resume_end(struct service *s);

/* Reads the configuration, at the beginning and when it is reloaded. */
void life_configure(struct service *s);

/* Everything but the manager of services, which is told by life_ready(), is there. */
int life_begin(struct service *s, const struct service_config *config);
void life_end(struct service *s);

/* The message bus was joined, or there is none to wait for. */
void life_ready(struct service *s);

/* A client has called, or has left; a session has gone. */
void life_used(struct service *s);
