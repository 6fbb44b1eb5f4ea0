/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * An application: a connection to the registration socket, and the process at
 * its other end. Counted, and freed after a grace period. Three kinds of members:
 *
 * - constant after it was accepted: any thread;
 * - of the worker that has it: only one worker has an application at a time,
 *   which `work` sees to, so that messages are handled in order without a lock;
 * - under `lock`, or atomic: any thread. The lock is held for copies of a
 *   pointer or a name, never while something else is locked.
 */

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <urcu.h>
#include <urcu/rculfhash.h>
#include <urcu/wfcqueue.h>

#include "common/cleanup.h"
#include "protocol/handshake.h"
#include "service/domain/compartment.h"
#include "service/domain/session-view.h"
#include "service/registry/control-group.h"
#include "service/registry/definitions.h"
#include "service/registry/peer.h"
#include "service/registry/window.h"

/* Why a worker should look at an application. */
enum application_work {
        APPLICATION_READ = 1 << 0, /* its socket has something */
        APPLICATION_PUSH = 1 << 1, /* the model has changed, or a consumer has caught up */
        APPLICATION_CHECK = 1 << 2, /* whether its process still is; somebody else may hold the socket */
        APPLICATION_QUEUED = 1 << 3, /* a worker has it, or will */
};

enum application_state {
        APPLICATION_NEW,        /* no message yet */
        APPLICATION_NEEDS,      /* asked for its first definitions */
        APPLICATION_REGISTERED, /* others can see it */
        APPLICATION_CLOSED,
};

struct registry;
struct account;
struct descent;

struct application {
        atomic_uint refs;
        struct rcu_head rcu;

        /* constant */
        struct registry *registry;
        struct account *account;
        struct charge charge; /* the connection */
        struct peer peer;
        uint64_t connection; /* the number of this connection */
        uint64_t id; /* the application's, which is that of its first connection; constant once registered */

        /* of the worker, who alone closes it, under the lock */
        int fd;

        /* in the registry's circle of connections, under its lock */
        struct application *next, *previous;

        /* in its account's window, under its lock */
        struct application *window_next, *window_previous;
        enum window_place place;
        uint64_t placed_usec, charged_fds;

        struct application *settling_next; /* in the list of those that settle, under its lock */

        /* tables and queues */
        struct cds_lfht_node id_node, pid_node, account_node, resumed_node;
        struct cds_wfcq_node work_node, added_node, removed_node;
        atomic_uint work; /* enum application_work */

        /* of the worker */
        bool resumed;        /* it was registered with an earlier tracingd */
        bool awaits_release; /* rings of its own from that time are given up when it has others, or is gone */
        uint64_t wants_id;   /* that it had then, as it says */
        uint64_t kept_view;  /* hash of the view that it has, from then; while keeps_view is set */
        bool keeps_view;
        uint32_t roll_number;
        enum application_state state;
        int pidfd;                       /* while it is looked at; -1: none */
        struct compartment_key *key;     /* of its compartment, until it registers; NULL: not known yet */
        struct compartment *compartment; /* constant once registered, as is group */
        struct control_group *group;     /* of the process when it registered; NULL where nothing is known */
        char *executable; /* of the process as it says, then as the kernel says, where that is told; or NULL */
        bool executable_read;
        uint64_t needed;                 /* hash that it was asked for, while asked is set */
        bool asked;
        bool wants_locked;
        bool locked;       /* some of its threads need rings of its own */
        bool view_locked;  /* locked, when the newest view was sent */
        bool ready_sent;
        bool watched;      /* its socket is among those that are waited for */
        bool blocked;      /* its socket is full */
        bool resend;       /* it has asked for its view */
        bool acknowledged; /* the newest view that it was sent */
        bool served;       /* it has acknowledged one */
        uint64_t sent;     /* generation of that view */
        uint64_t valid;    /* the newest generation for which that view is right */

        /* of the main loop */
        bool announced; /* it was there when its registration was told */

        /* atomic: the newest generation that it conforms to */
        atomic_uint_least64_t applied;
        atomic_bool registered;

        /* under the lock */
        pthread_mutex_t lock;
        struct event_definitions *definitions;
        struct session_view *view; /* the newest that it was sent */
        char name[HANDSHAKE_NAME_MAX + 1];
        uint32_t abi_major, abi_minor;
        unsigned word_size;
        struct descent *descents; /* see identity.h */
        uint32_t n_descents;
};

/* Takes peer, fd and charge over. */
int application_new(struct registry *registry, struct account *account, uint64_t id, int fd, const struct peer *peer,
                    const struct charge *charge, struct application **ret);

/* Of a registered one: the unit that its process was in when it registered, or "". Lives as long as a. */
const char *application_unit(const struct application *a);

struct application *application_ref(struct application *a);
struct application *application_unref(struct application *a);

static inline void application_unrefp(struct application **a) {
        if (*a)
                application_unref(*a);
}

/* Whether its process still is. Any thread. */
bool application_is_alive(struct application *a);

/* For lookups: false when it is being freed. Under rcu_read_lock(). */
bool application_ref_unless_zero(struct application *a);
