/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What the registry's own threads share: the workers (workers.c) wait together
 * for whatever happens (reception.c) and serve it (serve.c: what an application
 * says; push.c: what it is told). For this folder only.
 */

#include <pthread.h>
#include <urcu.h>
#include <urcu/rculfhash.h>
#include <urcu/wfcqueue.h>

#include "service/registry/account.h"
#include "service/registry/refusals.h"
#include "service/registry/registry.h"
#include "service/registry/settle.h"
#include "service/registry/sweep.h"

#define REGISTRY_WORKERS_MAX 8

/*
 * What workers wait for. Connections are named by the application's number, not
 * by its address: an event may be delivered when the application is gone already.
 */
#define KEY_LISTEN UINT64_MAX
#define KEY_STOP (UINT64_MAX - 1)
#define KEY_WORK (UINT64_MAX - 2)
#define KEY_SWEEP (UINT64_MAX - 3)
#define KEY_WINDOWS (UINT64_MAX - 4)
#define KEY_SETTLING (UINT64_MAX - 5)

struct registry {
        struct registry_config config;
        uint64_t connections_max; /* follows from the limit of descriptors */
        atomic_uint_least64_t n_connections; /* and places of strays */
        atomic_uint_least64_t n_strays;
        atomic_uint_least64_t last_id;
        atomic_uint_least64_t n_served;
        struct control_group_table groups;
        struct refusals refusals;
        struct sweep sweep;
        struct windows windows;
        struct settling settling;

        struct cds_lfht *by_id;  /* every connection */
        struct cds_lfht *resumed; /* registered ones whose number is not their connection's, by number */
        struct cds_lfht *by_pid; /* registered ones */
        struct cds_lfht *accounts; /* by uid */

        /* All workers wait here. Each event is one worker's, who asks for the next when he is done with it. */
        int epoll_fd, stop_fd, work_fd;
        atomic_bool paused; /* nobody listens, for want of descriptors */
        pthread_t workers[REGISTRY_WORKERS_MAX];
        unsigned n_workers;

        /* To the workers: wait-free for those who put, a lock among those who take. */
        struct cds_wfcq_head work_head;
        struct cds_wfcq_tail work_tail;

        /* To the main loop, which alone takes. Each application that is in a queue is owned by it. */
        int news_fd; /* timer */
        atomic_uint awaited; /* enum registry_awaiting: somebody waits for news */
        atomic_uint_least64_t taken_usec; /* when the main loop last took some */
        atomic_bool has_news; /* that it has not been told of */
        atomic_bool told;     /* news_fd is or will be readable, or the main loop has yet to look */
        struct cds_wfcq_head added_head, removed_head;
        struct cds_wfcq_tail added_tail, removed_tail;
};

/* registry.c */
unsigned long registry_hash(uint64_t n);
struct account *registry_account(struct registry *r, uid_t uid); /* or NULL */
int registry_make_account(struct registry *r, uid_t uid, struct account **ret);
/* There are news; later, the main loop shall know. */
void registry_note(struct registry *r);
void registry_notify(struct registry *r);

/* Makes news_fd readable after so long. */
void registry_tell(struct registry *r, uint64_t usec);
/* Has a worker look at an application. Any thread. */
void registry_schedule(struct registry *r, struct application *a, unsigned work);

/* connections.c: coming and going */
/* Takes fd over. *ret has been given to the caller as if it had been queued, with one reference. */
int registry_connect(struct registry *r, int fd, struct application **ret);
struct application *registry_find_connection(struct registry *r, uint64_t id); /* or NULL */
void registry_register(struct application *a); /* others can see it now */
/* It has a view, or is gone: others may come. No effect the next time. */
void registry_serve(struct application *a);
/* by_us: it has not hung up, and does not end as far as we know. */
void registry_disconnect(struct application *a, bool by_us);
/* Gives the place of a connection back. */
void registry_leave(struct registry *r, struct charge *charge);

/* resume.c */
/* Whether it has been in our own namespaces, if this was its number. Once it is known which process it is. */
bool registry_was_at_home(const struct application *a, uint64_t id);
/* It says that this was its number. Once it is known which process it is, and before others can see it. */
void registry_resume(struct application *a, uint64_t id);
/* Registered, or no longer; under rcu_read_lock(). */
void registry_enroll(struct application *a);
void registry_strike(struct application *a);
/* It has the rings that it needs now, or is gone. */
void registry_release_lost(struct application *a);
struct application *registry_find_resumed(struct registry *r, uint64_t id); /* or NULL */

/* reception.c */
int reception_init(struct registry *r);
void reception_done(struct registry *r);
/* A new connection, given to the caller; or NULL. */
struct application *reception_accept(struct registry *r);
/* Listens again, if that was paused. */
void reception_continue(struct registry *r);
/* The next event of a connection is somebody's again. */
int reception_watch(struct application *a);

/* workers.c */
int workers_start(struct registry *r);
void workers_stop(struct registry *r);

/* serve.c: handles what it has sent. -errno: the connection is to be closed. */
int application_read(struct application *a);

/* push.c: sends it what it does not have yet. -errno: the connection is to be closed. */
int application_push(struct application *a);
/* It has acknowledged a generation; -EBADMSG for one that it was never sent. */
int application_applied(struct application *a, uint64_t generation);
int application_send(struct application *a, const struct handshake *h, const int *fds, size_t n_fds);
