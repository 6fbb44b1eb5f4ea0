/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A consumer, as its files know it. */

#include "service/unit/consumer.h"
#include "service/state/records.h"
#include "service/unit/supervisor.h"

struct request {
        struct request *next;
        uint64_t serial;
        consumer_answer_t answer;
        void *userdata;
};

struct consumer {
        sd_event *event;
        struct unit_starter *units;
        struct keep keep;
        struct ledger_entry *entry; /* in the state, from when it has taken its session */
        uint64_t connection_stored;
        int restored_fd; /* an earlier tracingd's connection, until consumer_resume() */
        struct sender *sender;
        struct consumer_handlers handlers;
        struct request *requests;
        int pidfd;                     /* of a child */
        struct supervisor *supervisor; /* of a unit; NULL for a child, and when the units are gone */
        bool is_unit;
        bool has_session;      /* some consumer took it, so there may be something to write */
        bool ending, detached; /* consumer_hang_up(), consumer_detach() */
        bool hung_up;          /* it has nothing to write any more */
        bool failed, ended;    /* was called */
        sd_event_source *socket_source, *queue_source, *exit_source, *late_source;
};

/* connection.c */

/* Reads answers and sends what waits, on the present connection. */
int consumer_watch_socket(struct consumer *c);
void consumer_unwatch_socket(struct consumer *c);
int consumer_watch_queue(struct consumer *c);

/* consumer-restore.c */

/* It has taken its session, and outlives tracingd together with this connection; or it has lost that. */
void consumer_keep(struct consumer *c);
void consumer_keep_lost(struct consumer *c);
/* It is over. */
void consumer_unkeep(struct consumer *c);

/* consumer.c */

extern const struct supervisor_handlers consumer_supervisor_handlers;


/* It cannot go on; or, at its end, it is gone. Frees it where nobody wants it any more; so may the handlers. */
void consumer_finish(struct consumer *c, const char *reason);

void consumer_connection_ended(struct consumer *c);
