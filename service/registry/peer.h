/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Who is at the other end of a connection, as the kernel says it: the process
 * that connected, whoever holds the socket since. Constant after it was
 * identified; owned by the application. No descriptor is kept for it: the socket itself
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

/* Without process, which takes longer and is needed later. */
int peer_read(int socket, struct peer *ret);

/*
 * Finds out which process it is. *ret_pidfd, which the caller closes, is a
 * descriptor of it, or -1 where the kernel gives none (Linux 6.5). -ESRCH when it
 * is gone.
 */
int peer_identify(int socket, struct peer *peer, int *ret_pidfd);

/*
 * While this is so, the number still means the same process. Where nothing can
 * be known of it (pid 0 before Linux 6.5), it counts as alive until it hangs up.
 * pidfd: as from peer_identify().
 */
bool peer_is_alive(int pidfd, const struct peer *peer);

/* The same, of the peer of a socket. */
bool peer_socket_is_alive(int socket, const struct peer *peer);

/*
 * What tells a process from a later one of the same number: the inode of its
 * pidfd where these are unique (Linux 6.9), else the time of its start. The
 * same kind on one machine, until it boots. pidfd: -1 where there is none.
 * -ESRCH when it is gone.
 */
int process_identity(pid_t pid, int pidfd, uint64_t *ret);
