/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "common/cleanup.h"
#include "service/registry/peer.h"

#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77
#endif

#define PIDFS_MAGIC 0x50494446

int peer_open(int socket) {
        socklen_t size = sizeof(int);
        int fd;

        if (getsockopt(socket, SOL_SOCKET, SO_PEERPIDFD, &fd, &size) >= 0)
                return fd;
        return errno == EINVAL ? -ESRCH : -errno;
}

/* Field 22 of /proc/PID/stat. The second, the program's name, may hold anything. */
static int read_start_time(pid_t pid, uint64_t *ret) {
        _cleanup_close_ int fd = -1;
        char path[64], text[1024], *p, state;
        ssize_t n;

        snprintf(path, sizeof(path), "/proc/%i/stat", (int) pid);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        n = fd >= 0 ? read(fd, text, sizeof(text) - 1) : -1;
        if (n < 0)
                return errno == ENOENT ? -ESRCH : -errno;
        text[n] = '\0';
        p = strrchr(text, ')');
        if (!p || sscanf(p + 1, " %c %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %" SCNu64,
                         &state, ret) != 2)
                return -EBADMSG;
        return state == 'Z' || state == 'X' ? -ESRCH : 0;
}

int process_identity(pid_t pid, int pidfd, uint64_t *ret) {
        struct statfs fs;
        struct stat st;

        if (pidfd >= 0 && fstatfs(pidfd, &fs) >= 0 && fs.f_type == PIDFS_MAGIC && fstat(pidfd, &st) >= 0) {
                *ret = st.st_ino;
                return 0;
        }
        return pid > 0 ? read_start_time(pid, ret) : -ENOENT;
}

int peer_read(int socket, struct peer *ret) {
        _cleanup_close_ int pidfd = -1;
        struct ucred credentials;
        socklen_t size = sizeof(credentials);
        uint64_t process = 0;
        int r;

        if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &credentials, &size) < 0)
                return -errno;
        pidfd = peer_open(socket);
        if (pidfd < 0 && pidfd != -ENOPROTOOPT)
                return pidfd;
        r = process_identity(credentials.pid, pidfd, &process);
        if (r == -ESRCH)
                return r;
        *ret = (struct peer) {
                .pid = credentials.pid,
                .uid = credentials.uid,
                .gid = credentials.gid,
                .process = process,
        };
        return 0;
}

bool peer_is_alive(int socket, const struct peer *peer) {
        _cleanup_close_ int pidfd = peer_open(socket);
        struct pollfd p = { .fd = pidfd, .events = POLLIN };
        uint64_t process;
        int r;

        if (pidfd >= 0)
                return poll(&p, 1, 0) == 0;
        if (pidfd == -ESRCH)
                return false;
        r = process_identity(peer->pid, -1, &process);
        return r != -ESRCH && (r < 0 || process == peer->process);
}
