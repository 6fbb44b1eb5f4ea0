/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "common/cleanup.h"
#include "service/registry/peer.h"

#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77
#endif

/*
 * Kernels before 6.5 have no SO_PEERPIDFD. Opening by number can then hit a
 * later process that was given the same one; its end would be noticed instead
 * of the application's, whose connection still hangs up.
 */
static int open_pidfd(int socket, pid_t pid) {
        socklen_t size = sizeof(int);
        int fd;

        if (getsockopt(socket, SOL_SOCKET, SO_PEERPIDFD, &fd, &size) >= 0)
                return fd;
        if (errno != ENOPROTOOPT)
                return -ESRCH;
        fd = (int) syscall(SYS_pidfd_open, pid, 0);
        return fd < 0 ? -errno : fd;
}

int peer_read(int socket, struct peer *ret) {
        struct ucred credentials;
        socklen_t size = sizeof(credentials);
        int fd;

        if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &credentials, &size) < 0)
                return -errno;
        if (credentials.pid <= 0)
                return -ESRCH;
        fd = open_pidfd(socket, credentials.pid);
        if (fd < 0)
                return fd;
        *ret = (struct peer) {
                .pid = credentials.pid,
                .uid = credentials.uid,
                .gid = credentials.gid,
                .pidfd = fd,
        };
        return 0;
}

void peer_done(struct peer *peer) {
        closep(&peer->pidfd);
        peer->pidfd = -1;
}

bool peer_is_alive(const struct peer *peer) {
        struct pollfd p = { .fd = peer->pidfd, .events = POLLIN };

        return poll(&p, 1, 0) == 0;
}
