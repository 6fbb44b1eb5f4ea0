/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <string.h>

#include "service/bus/target-bus.h"
#include "service/registry/process.h"

static int find_process(const struct target_request *request, uid_t owner, struct target_options *ret,
                        struct failure *failure) {
        struct process process;
        uid_t uid;
        int r;

        r = request->pid <= INT32_MAX ? process_find((pid_t) request->pid, &process, &uid) : -ESRCH;
        if (r == -ESRCH)
                return fail(failure, FAILURE_INVALID_OPTION,
                            "There is no process %u; say one that runs, or name its executable or its unit.",
                            request->pid);
        if (r < 0)
                return fail(failure, FAILURE_INVALID_OPTION, "Process %u cannot be looked at: %s.", request->pid,
                            strerror(-r));
        if (ret->uid != TARGET_ANY_UID && ret->uid != uid)
                return fail(failure, FAILURE_INVALID_OPTION,
                            "Process %u belongs to user %u, not to user %u; leave target-uid away.", request->pid,
                            (unsigned) uid, (unsigned) ret->uid);
        ret->pid = process.pid;
        ret->identity = process.identity;
        if (uid != owner)
                ret->uid = uid;
        return 0;
}

int target_resolve(const struct target_request *request, uid_t owner, struct target_options *ret,
                   struct failure *failure) {
        *ret = (struct target_options) {
                .uid = request->uid,
                .children = request->children > 0,
                .executable = request->executable,
                .unit = request->unit,
        };
        return request->pid == 0 ? 0 : find_process(request, owner, ret, failure);
}

int target_authorize(struct bus *b, sd_bus_message *m, const struct target *target, uid_t owner, const char *session,
                     sd_bus_error *error) {
        if (!target_reaches_others(target, owner))
                return 1;
        return bus_authorize(b, m, &(struct question) {
                .action = ACTION_TRACE,
                .owner = target->uid == TARGET_ANY_UID ? OWNER_ANY : target->uid,
                .session = session,
                .target_unit = target->unit,
        }, error);
}
