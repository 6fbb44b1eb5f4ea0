/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What the registry knows of one uid: its applications, its definitions, how
 * many it has. Made with the uid's first connection and kept as long as the
 * registry, so that a pointer to it is always good. Any thread.
 */

#include <stdatomic.h>
#include <stdint.h>
#include <sys/types.h>
#include <urcu.h>
#include <urcu/rculfhash.h>

#include "service/registry/definitions.h"
#include "service/registry/stray.h"
#include "service/registry/window.h"

struct account {
        struct cds_lfht_node node;
        uid_t uid;
        struct cds_lfht *applications; /* registered ones, by id */
        struct definitions_store definitions;
        struct window window;
        struct strays strays;
        atomic_uint_least64_t n_applications;
        atomic_uint_least64_t n_ever;
        atomic_uint_least64_t n_steps; /* each time that one of them conforms to a newer generation, or goes */
        atomic_uint_least64_t n_refused; /* connections beyond a limit */
};

int account_new(uid_t uid, struct quota *quota, struct account **ret);

/* No application is left. Not from an RCU read-side critical section. */
struct account *account_free(struct account *a);
