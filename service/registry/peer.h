/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Who is at the other end of a connection, as the kernel says it: the process
 * that connected, whoever holds the socket since. Constant after it was read;
 * owned by the application. No descriptor is kept for it: the socket itself
 * keeps the kernel's name of the process, and is asked again when needed.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct peer {
        pid_t pid; /* 0: in a process namespace that cannot be seen from here */
        uid_t uid;
        gid_t gid;
        uint64_t process; /* as process_identity(); 0 where the kernel does not tell */
};

/* -ESRCH when it is gone already. */
int peer_read(int socket, struct peer *ret);

/*
 * While this is so, the number still means the same process. Where nothing can
 * be known of it (pid 0 before Linux 6.5), it counts as alive until it hangs up.
 */
bool peer_is_alive(int socket, const struct peer *peer);

/* A descriptor of the process, which the caller closes; -ESRCH, -ENOPROTOOPT before Linux 6.5. */
int peer_open(int socket);

/*
 * What tells a process from a later one of the same number: the inode of its
 * pidfd where these are unique (Linux 6.9), else the time of its start. The
 * same kind on one machine, until it boots. pidfd: -1 where there is none.
 * -ESRCH when it is gone.
 */
int process_identity(pid_t pid, int pidfd, uint64_t *ret);
