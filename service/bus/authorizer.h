/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Who may do what. Every method asks before it changes or shows anything. In
 * private mode the answer is simple: the process at the other end of the bus
 * may do everything to what belongs to its uid, which is also ours, and nothing
 * to anybody else's. Owned by the bus; main loop only, but for
 * authorizer_admits(), which is constant.
 */

#include <stdbool.h>
#include <sys/types.h>
#include <systemd/sd-bus.h>

#include "service/model/failure.h"

enum action {
        ACTION_LIST,    /* see that something exists */
        ACTION_TRACE,   /* make sessions, reach applications */
        ACTION_CONTROL, /* change a session */
        ACTION_READ,    /* see what was recorded */
};

struct authorizer {
        /* 1: allowed. 0: asked; the method is called again with the answer. -errno: denied. */
        int (*check)(const struct authorizer *a, sd_bus_message *m, enum action action, uid_t owner,
                     struct failure *failure);
        uid_t uid; /* of the only caller */
};

/* Private mode: reads who is at the other end of the connected socket. -EACCES where that is not our own uid. */
int authorizer_private(int socket, struct authorizer *ret);

/* The uid on whose behalf a message was sent. */
uid_t authorizer_caller(const struct authorizer *a, sd_bus_message *m);

/* Whether applications of this uid may register. Any thread. */
bool authorizer_admits(const struct authorizer *a, uid_t uid);
