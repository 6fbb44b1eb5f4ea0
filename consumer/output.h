/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Where everything goes that the drainer writes, and where it is shown: the
 * socket to the opener and the session's status page. Owned by the drainer,
 * used by its one thread.
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

/* Asks the opener for a file; its -errno, or -EPROTO. Where the opener is gone this process ends, as in all that follows. */
int output_open(struct output *output, const struct request *request, int *ret_fd);

/* Asks it for something that needs no file. */
int output_ask(struct output *output, const struct request *request);

/* The opener's other services, with its -errno: see enum request_kind. */
int output_prepare(struct output *output, const char *name);
int output_move(struct output *output, const char *name);

/* Removes the oldest chunks beyond so many KiB. *ret_removed is the newest one's number that went, also on failure; or 0. */
int output_trim(struct output *output, uint32_t keep_kib, uint32_t *ret_removed);

/* A name that a chunk or snapshot can have, another one each time; -ENOENT after the last. */
int output_next(struct output *output, char ret[CONSUMER_NAME_MAX]);

/* What is below the directory `name`, or for "" in the output itself. */
int output_remove(struct output *output, const char *name);

/* Shows whether the output works: 0, or the -errno of what was just written. */
static inline void status_set_output(struct consumer_status *status, int r) {
        __atomic_store_n(&status->output_error, -r, __ATOMIC_RELAXED);
        if (r < 0)
                __atomic_store_n(&status->output_failure, -r, __ATOMIC_RELAXED);
}
