/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <stddef.h>
#include <sys/socket.h>
#include <unistd.h>

#include "service/bus/audit.h"

struct peer_authorizer {
        struct authorizer authorizer;
        uid_t uid;
        pid_t pid;
        struct audit *audit;
};

static struct peer_authorizer *of(struct authorizer *a) {
        return CONTAINER_OF(a, struct peer_authorizer, authorizer);
}

static bool shows(struct authorizer *a, sd_bus_message *m, uid_t owner) {
        return owner == of(a)->uid || of(a)->uid == 0;
}

static int check(struct authorizer *a, sd_bus_message *m, const struct question *question, struct failure *failure) {
        /* Where we are not root, everybody is our own user. */
        if (question->owner != OWNER_ANY && !shows(a, m, question->owner))
                return fail(failure, FAILURE_ACCESS_DENIED,
                            "This tracingd serves its own user only; use the system service for others.");
        if (question->owner != of(a)->uid && question->action != ACTION_LIST)
                audit_write(of(a)->audit, &(struct audit_record) {
                        .question = question,
                        .verb = sd_bus_message_get_member(m),
                        .action = "root",
                        .caller = of(a)->uid,
                        .pid = of(a)->pid,
                });
        return 1;
}

static int caller(struct authorizer *a, sd_bus_message *m, uid_t *ret, struct failure *failure) {
        *ret = of(a)->uid;
        return 0;
}

static struct authorizer *peer_free(struct authorizer *a) {
        free(of(a));
        return NULL;
}

int authorizer_new_peer(int socket, struct audit *audit, struct authorizer **ret) {
        struct peer_authorizer *a;
        struct ucred credentials;
        socklen_t size = sizeof(credentials);

        if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &credentials, &size) < 0)
                return -errno;
        if (credentials.uid != getuid())
                return -EACCES;
        a = malloc(sizeof(*a));
        if (!a)
                return -ENOMEM;
        *a = (struct peer_authorizer) {
                .authorizer = { .check = check, .caller = caller, .shows = shows, .free = peer_free },
                .uid = credentials.uid,
                .pid = credentials.pid,
                .audit = audit,
        };
        *ret = &a->authorizer;
        return 0;
}
