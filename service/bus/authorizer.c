/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "service/bus/authorizer.h"

static int check_same_uid(const struct authorizer *a, sd_bus_message *m, enum action action, uid_t owner,
                          struct failure *failure) {
        if (owner != a->uid)
                return fail(failure, FAILURE_ACCESS_DENIED,
                            "A private tracingd serves its own user only; use the system service for others.");
        return 1;
}

int authorizer_private(int socket, struct authorizer *ret) {
        struct ucred credentials;
        socklen_t size = sizeof(credentials);

        if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &credentials, &size) < 0)
                return -errno;
        if (credentials.uid != getuid())
                return -EACCES;
        *ret = (struct authorizer) { .check = check_same_uid, .uid = credentials.uid };
        return 0;
}

uid_t authorizer_caller(const struct authorizer *a, sd_bus_message *m) {
        return a->uid;
}

bool authorizer_admits(const struct authorizer *a, uid_t uid) {
        return uid == a->uid;
}
