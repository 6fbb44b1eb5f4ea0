/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * How a consumer comes to life. In private mode it is a child of tracingd; with
 * systemd it is a transient pair of units, a socket and a service; a test plays
 * it itself. Called by the main loop only.
 */

#include <sys/types.h>
#include <systemd/sd-event.h>

#include "protocol/consumer.h"

/* What a consumer is started for. Strings are copied by whoever keeps them. */
struct consumer_spec {
        uint64_t key; /* the session's number in the state */
        uid_t owner;
        const char *session;
        enum consumer_output_kind kind;
        bool brief; /* ends with its client: another one like it may follow */
        const char *directory; /* absolute, of CONSUMER_OUTPUT_DIRECTORY, or what that is in; else NULL */
};

struct unit_starter;
struct ledger;
struct fd_store;

struct consumer_starter {
        /* Where consumers are kept while tracingd is not there; NULL: nowhere. */
        struct ledger *ledger;
        struct fd_store *store;
        uint64_t life; /* which tracingd it is */

        struct unit_starter *units; /* as units; the borrowed one of unit-starter.h. NULL: by start() */

        /*
         * Starts a consumer with the consumer protocol on socket, which stays
         * the caller's. *ret_pidfd, which the caller owns, becomes readable
         * when it has ended; -1 where there is none to watch.
         */
        int (*start)(int socket, void *userdata, int *ret_pidfd);
        void *userdata;

        struct consumer_early *early; /* is taken before start() is called; or NULL */
};

/* A child that was started before there was a session for it, so that it is loaded meanwhile; -1 where there is none. */
struct consumer_early {
        int socket; /* our end of the consumer protocol's: when it is closed, the child ends */
        int pidfd;
};

#define CONSUMER_EARLY_NULL { .socket = -1, .pidfd = -1 }

int consumer_start_early(struct consumer_early *ret);
void consumer_early_done(struct consumer_early *early);

/* As a child process: socket becomes its descriptor 3, and nothing else is passed on but standard error and output. */
int consumer_start_child(int socket, void *userdata, int *ret_pidfd);
