/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>

#include "service/bus/bus.h"
#include "service/bus/errors.h"
#include "service/domain/user.h"

/* Integers on the bus stay below 2^53, which JSON can carry; no limit says more. */
static uint64_t clamp(uint64_t n) {
        const uint64_t max = (UINT64_C(1) << 53) - 1;

        return n < max ? n : max;
}

static int append(sd_bus_message *reply, const char *suffix, enum quota_kind kind, uint64_t value) {
        char name[64];

        snprintf(name, sizeof(name), "%s%s", quota_name(kind), suffix);
        return sd_bus_message_append(reply, "{st}", name, clamp(value));
}

/* What the caller may have, as NAME-used what it has, and as NAME-refused what it could not have. */
int manager_get_limits(sd_bus *bus, const char *path, const char *interface, const char *property,
                       sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        sd_bus_message *m = sd_bus_get_current_message(bus);
        struct bus *b = userdata;
        struct quota *quota = &b->manager->domain->quota;
        uid_t caller;
        int r;

        r = m ? bus_caller(b, m, &caller, error) : 0;
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "{st}");
        for (int kind = 0; m && kind < _QUOTA_MAX && r >= 0; kind++) {
                r = append(reply, "", kind, quota_limit(quota, caller, kind));
                if (r >= 0)
                        r = append(reply, "-used", kind, quota_used(quota, caller, kind));
        }
        if (m && r >= 0)
                r = append(reply, "-refused", QUOTA_APPLICATIONS, registry_count_refused(b->registry, caller));
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

/* As bus_authorize(), but that a refusal says nothing: the limit's own sentence is there already. */
static int may_exceed(struct bus *b, sd_bus_message *m, const char *session) {
        _cleanup_(sd_bus_error_free) sd_bus_error refusal = SD_BUS_ERROR_NULL;
        uid_t caller;
        int r;

        r = bus_caller(b, m, &caller, &refusal);
        /* Root sets limits, also his own. */
        if (r < 0 || caller == 0 || !b->authorizer->may_exceed)
                return -EPERM;
        return bus_authorize(b, m, &(struct question) { ACTION_EXCEED, OWNER_ANY, .session = session }, &refusal);
}

int bus_act(struct bus *b, sd_bus_message *m, uid_t owner, const char *session,
            int (*act)(void *userdata, struct failure *failure), void *userdata, sd_bus_error *error) {
        struct quota *quota = &b->manager->domain->quota;
        uint64_t n_refused = quota->n_refused;
        struct failure failure;
        int r;

        r = act(userdata, &failure);
        if (r >= 0)
                return 1;
        if (failure.kind != FAILURE_LIMIT || quota->n_refused == n_refused)
                return error_set(error, &failure);
        r = may_exceed(b, m, session);
        if (r == 0)
                return 0;
        if (r > 0) {
                quota_excuse(quota, owner);
                r = act(userdata, &failure);
                quota_excuse_end(quota);
        }
        return r < 0 ? error_set(error, &failure) : 1;
}
