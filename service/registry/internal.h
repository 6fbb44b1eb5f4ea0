/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What the registry's own threads share: the reception thread (reception.c)
 * gives applications to workers (workers.c), which serve them (serve.c: what an
 * application says; push.c: what it is told). For this folder only.
 */

#include <pthread.h>
#include <semaphore.h>
#include <urcu.h>
#include <urcu/rculfhash.h>
#include <urcu/wfcqueue.h>

#include "service/registry/account.h"
#include "service/registry/refusals.h"
#include "service/registry/registry.h"
#include "service/registry/sweep.h"

#define REGISTRY_WORKERS 2

struct registry {
        struct registry_config config;
        uint64_t connections_max; /* follows from the limit of descriptors */
        atomic_uint_least64_t n_connections;
        atomic_uint_least64_t last_id;
        struct compartment_table compartments;
        struct refusals refusals;
        struct sweep sweep;

        struct cds_lfht *by_id;  /* every connection */
        struct cds_lfht *by_pid; /* registered ones */
        struct cds_lfht *accounts; /* by uid */

        int epoll_fd, stop_fd, news_fd;
        pthread_t reception;
        bool reception_runs;

        /* To the workers: wait-free for those who put, a lock among those who take. */
        struct cds_wfcq_head work_head;
        struct cds_wfcq_tail work_tail;
        sem_t work_count;
        atomic_bool stopping;
        pthread_t workers[REGISTRY_WORKERS];
        unsigned n_workers;

        /* To the main loop, which alone takes. Each application that is in a queue is owned by it. */
        struct cds_wfcq_head added_head, removed_head;
        struct cds_wfcq_tail added_tail, removed_tail;
};

/* registry.c */
unsigned long registry_hash(uint64_t n);
struct account *registry_account(struct registry *r, uid_t uid); /* or NULL */
int registry_make_account(struct registry *r, uid_t uid, struct account **ret);
void registry_notify(struct registry *r);
/* Has a worker look at an application. Any thread. */
void registry_schedule(struct registry *r, struct application *a, unsigned work);

/* connections.c: coming and going */
int registry_connect(struct registry *r, int fd); /* takes fd over */
struct application *registry_find_connection(struct registry *r, uint64_t id); /* or NULL */
void registry_register(struct application *a); /* others can see it now */
void registry_disconnect(struct application *a);

/* reception.c */
int reception_start(struct registry *r);
void reception_stop(struct registry *r);
/* What reception watches. */
int reception_watch(struct registry *r, struct application *a);
void reception_rearm(struct application *a);

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
