/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdatomic.h>
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

/* A descriptor of the process; -ESRCH when it is gone, -ENOPROTOOPT before Linux 6.5. */
static int open_process(int socket) {
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

/* Whether pidfds have a file system of their own, with a number for each process. The same for all of them. */
static bool has_pidfs(int pidfd) {
        static atomic_int known; /* 0: not yet */
        struct statfs fs;
        int has = atomic_load_explicit(&known, memory_order_relaxed);

        if (has == 0 && fstatfs(pidfd, &fs) >= 0) {
                has = fs.f_type == PIDFS_MAGIC ? 1 : -1;
                atomic_store_explicit(&known, has, memory_order_relaxed);
        }
        return has > 0;
}

int process_identity(pid_t pid, int pidfd, uint64_t *ret) {
        struct stat st;

        if (pidfd >= 0 && has_pidfs(pidfd) && fstat(pidfd, &st) >= 0) {
                *ret = st.st_ino;
                return 0;
        }
        return pid > 0 ? read_start_time(pid, ret) : -ENOENT;
}

int peer_read(int socket, struct peer *ret) {
        struct ucred credentials;
        socklen_t size = sizeof(credentials);

        if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &credentials, &size) < 0)
                return -errno;
        *ret = (struct peer) { .pid = credentials.pid, .uid = credentials.uid, .gid = credentials.gid };
        return 0;
}

int peer_identify(int socket, struct peer *peer, int *ret_pidfd) {
        _cleanup_close_ int pidfd = open_process(socket);
        uint64_t process;
        int r;

        if (pidfd < 0 && pidfd != -ENOPROTOOPT)
                return pidfd;
        r = process_identity(peer->pid, pidfd, &process);
        if (r == -ESRCH)
                return r;
        if (r >= 0)
                peer->process = process;
        *ret_pidfd = pidfd >= 0 ? TAKE_FD(pidfd) : -1;
        return 0;
}

bool peer_is_alive(int pidfd, const struct peer *peer) {
        struct pollfd p = { .fd = pidfd, .events = POLLIN };
        uint64_t process;
        int r;

        if (pidfd >= 0)
                return poll(&p, 1, 0) == 0;
        r = process_identity(peer->pid, -1, &process);
        return r != -ESRCH && (r < 0 || peer->process == 0 || process == peer->process);
}

bool peer_socket_is_alive(int socket, const struct peer *peer) {
        _cleanup_close_ int pidfd = open_process(socket);

        return pidfd != -ESRCH && peer_is_alive(pidfd, peer);
}
