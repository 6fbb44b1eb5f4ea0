/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Whose the names on a bus are, as the bus says it and nobody else. A unique
 * name is never given again, so that what was learnt once stays true until its
 * connection has ended. Owned by an authorizer; main loop only.
 */

#include <sys/types.h>
#include <systemd/sd-bus.h>

#include "common/cleanup.h"
#include "service/bus/authorizer.h"

struct callers;

struct callers_config {
        sd_bus *bus;
        const struct authorizer_config *authorizer;           /* uid_of, userdata; outlives the call alone */
        void (*learnt)(const char *sender, bool known, void *userdata); /* a question of callers_learn() is over */
        void (*gone)(const char *sender, void *userdata);   /* the connection has ended; may be NULL */
        void *userdata;
};

int callers_new(const struct callers_config *config, struct callers **ret);
struct callers *callers_free(struct callers *c);
DEFINE_CLEANUP(struct callers *, callers_free)

/* The process that made a connection, which can have ended. Nobody's rights follow from it: those are the uid's. */
struct caller_process {
        pid_t pid;           /* 0: the bus does not say it */
        uint64_t start_time; /* as the kernel says it, by which it is told from a later one; 0: not known */
};

/* The effective uid of who sent m. ret_process may be NULL. */
int callers_uid(struct callers *c, sd_bus_message *m, uid_t *ret, struct caller_process *ret_process,
                struct failure *failure);

/*
 * Whether callers_uid() answers at once whose a name is: 1. 0: the bus is asked, and learnt() called when it has
 * answered, or gone() when the name has ended. -errno: neither.
 */
int callers_learn(struct callers *c, const char *name);
