/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <string.h>

#include "protocol/context.h"

static const struct {
        uint32_t context;
        const char *name;
} names[] = {
        { CONTEXT_VPID, "vpid" },
        { CONTEXT_VTID, "vtid" },
        { CONTEXT_PROCNAME, "procname" },
        { CONTEXT_IP, "ip" },
        { CONTEXT_PID, "pid" },
        { CONTEXT_TID, "tid" },
        { CONTEXT_UID, "uid" },
        { CONTEXT_GID, "gid" },
        { CONTEXT_CGROUP, "cgroup" },
};

const char *context_name(uint32_t context) {
        for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
                if (names[i].context == context)
                        return names[i].name;
        return 0;
}

uint32_t context_from_name(const char *name) {
        for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
                if (strcmp(names[i].name, name) == 0)
                        return names[i].context;
        return 0;
}
