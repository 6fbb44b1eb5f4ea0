/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Where everything goes that the drainer writes, and where it is counted: the
 * socket to the opener and the session's status page. Owned by the drainer,
 * used by its one thread. The counters have no other writer, so a relaxed store
 * of a sum is enough.
 */

#include "consumer/request.h"
#include "protocol/consumer.h"

struct output {
        int opener;                     /* not owned */
        struct consumer_status *status; /* mapped; NULL before SESSION */
};

/* Maps the status page. -EBADMSG where the file is none. */
int output_map_status(struct output *output, int fd);
void output_done(struct output *output);

/* Asks the opener for a file. -errno of the opener, -EPIPE where it is gone. */
int output_open(struct output *output, const struct request *request, int *ret_fd);

static inline void status_add(uint64_t *counter, uint64_t n) {
        __atomic_store_n(counter, *counter + n, __ATOMIC_RELAXED);
}

/* Shows whether the output works: 0, or the -errno of what was just written. */
static inline void status_set_output(struct consumer_status *status, int r) {
        __atomic_store_n(&status->output_error, -r, __ATOMIC_RELAXED);
        if (r < 0)
                __atomic_store_n(&status->output_failure, -r, __ATOMIC_RELAXED);
}
