/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Who is at the other end of a connection, as the kernel says it. Constant
 * after it was read; owned by the application.
 */

#include <stdbool.h>
#include <sys/types.h>

struct peer {
        pid_t pid;
        uid_t uid;
        gid_t gid;
        int pidfd; /* readable when the process is gone */
};

/* -ESRCH when it is gone already, or is in a process namespace that cannot be seen from here. */
int peer_read(int socket, struct peer *ret);
void peer_done(struct peer *peer);

/* While this is so, the number still means the same process. */
bool peer_is_alive(const struct peer *peer);
