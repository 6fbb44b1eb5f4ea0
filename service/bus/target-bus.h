/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The target of a rule as clients name it, and the right to reach what is not the session's owner's. Main loop only. */

#include "service/bus/bus.h"
#include "service/bus/options.h"
#include "service/model/target.h"

/* What EnableEvent's options can say. */
struct target_request {
        uint32_t uid, pid;
        int children;
        const char *executable, *unit;
};

#define TARGET_REQUEST_NONE { .uid = TARGET_ANY_UID }

/* For a table of options; r is a struct target_request. */
#define TARGET_BUS_OPTIONS(r)                                                                                          \
        { "target-uid", 'u', &(r).uid }, { "target-pid", 'u', &(r).pid }, { "target-children", 'b', &(r).children },   \
        { "target-executable", 's', &(r).executable }, { "target-unit", 's', &(r).unit }

/*
 * Finds the process that is meant, whose user the rule then keeps to: a process
 * that becomes another user's is out of its reach. Strings stay the request's.
 */
int target_resolve(const struct target_request *request, uid_t owner, struct target_options *ret,
                   struct failure *failure);

/* As bus_authorize(), about the applications that a target reaches in a session of owner. */
int target_authorize(struct bus *b, sd_bus_message *m, const struct target *target, uid_t owner, const char *session,
                     sd_bus_error *error);
