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
#include <stdint.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "service/model/quota.h"

struct recording;

struct user_domain {
        enum trace_clock clock;
        int64_t timens_offset;
        uint32_t n_cpus;         /* possible ones: a CPU may come later */
        uint64_t ring_size_max;  /* bytes of a ring set */
        uint64_t ring_bytes_max; /* bytes of all ring sets */

        struct quota quota;      /* of every uid */
        atomic_uint_least64_t ring_bytes;
        atomic_uint_least64_t last_id; /* of rings and sets */

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

/* The process that had rings for itself is gone: their consumers are told. */
void user_domain_release(struct user_domain *d, uint64_t application);
