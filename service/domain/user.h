/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The user domain: what every ring of an application has in common (clock,
 * CPUs, the largest size), the numbers that tell rings apart, and the list of
 * all recordings. Made before the first thread and constant afterwards, but for
 * the list and the numbers. Any thread.
 */

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "service/domain/compartment.h"
#include "service/model/quota.h"

struct recording;
struct ledger;
struct fd_store;
struct spare;

struct user_domain {
        enum trace_clock clock;
        struct trace_clock_sample first_sample; /* of the client that started us, where it has ticks */
        int64_t timens_offset;
        uint32_t n_cpus;         /* possible ones: a CPU may come later */
        uint64_t ring_size_max;  /* bytes of a ring set */
        uint64_t ring_bytes_max; /* bytes of all ring sets */

        struct quota quota;      /* of every uid */
        atomic_uint_least64_t ring_bytes;
        atomic_uint_least64_t last_id; /* of rings and sets */
        struct compartment_table compartments;

        /* Memory of a ring that is made before a process asks for it: where there is one client, who is about to start
         * one. Of others nobody knows whether they come. */
        bool foresees;
        struct spare *_Atomic spare;

        /* What outlives tracingd; NULL: nothing. */
        struct ledger *ledger;
        struct fd_store *store;
        uint64_t life; /* which tracingd with this state it is, from 0 */

        pthread_mutex_t lock; /* taken before a recording's lock */
        struct recording *recordings;
};

int user_domain_new(struct user_domain **ret);
struct user_domain *user_domain_free(struct user_domain *d);
DEFINE_CLEANUP(struct user_domain *, user_domain_free)

/*
 * Makes default sizes fit into ring_size_max: smaller sub-buffers first, then
 * fewer of them.
 */
void user_domain_fit(const struct user_domain *d, uint64_t *subbuf_size, uint32_t *n_subbufs);

/* A number for a ring or a ring set, never given again, by no later tracingd either. */
uint64_t user_domain_next_id(struct user_domain *d);

/* An earlier tracingd has given this one. */
void user_domain_note_id(struct user_domain *d, uint64_t id);

/*
 * Rings that did not outlive the last tracingd are not written to any longer: those of an
 * application that has new ones or is gone; or those that were shared (0).
 */
void user_domain_release_lost(struct user_domain *d, uint64_t application);

/* The process that had rings for itself is gone: their consumers are told. */
void user_domain_release(struct user_domain *d, uint64_t application);
