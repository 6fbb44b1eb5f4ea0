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

/* The effective uid of who sent m. ret_pid, which may be NULL: its process when it connected, or 0; good for people alone. */
int callers_uid(struct callers *c, sd_bus_message *m, uid_t *ret, pid_t *ret_pid, struct failure *failure);

/*
 * Whether callers_uid() answers at once whose a name is: 1. 0: the bus is asked, and learnt() called when it has
 * answered, or gone() when the name has ended. -errno: neither.
 */
int callers_learn(struct callers *c, const char *name);
