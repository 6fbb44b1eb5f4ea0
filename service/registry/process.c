/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "service/registry/peer.h"
#include "service/registry/process.h"

/* Attempts to read a lineage while it changes. */
#define LINEAGE_ATTEMPTS 4

static int read_file(pid_t pid, const char *name, char *ret, size_t size) {
        _cleanup_close_ int fd = -1;
        char path[64];
        ssize_t n;

        snprintf(path, sizeof(path), "/proc/%i/%s", (int) pid, name);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
                return errno == ENOENT ? -ESRCH : -errno;
        n = read(fd, ret, size - 1);
        if (n < 0)
                return -errno;
        ret[n] = '\0';
        return 0;
}

/* The second field of /proc/PID/stat, the program's name, may hold anything. */
static int read_parent(pid_t pid, pid_t *ret) {
        char text[1024], *p;
        int r, parent;

        r = read_file(pid, "stat", text, sizeof(text));
        if (r < 0)
                return r;
        p = strrchr(text, ')');
        if (!p || sscanf(p + 1, " %*c %i", &parent) != 1)
                return -EBADMSG;
        *ret = parent;
        return 0;
}

static int read_uid(pid_t pid, uid_t *ret) {
        char text[4096], *line;
        unsigned uid;
        int r;

        r = read_file(pid, "status", text, sizeof(text));
        if (r < 0)
                return r;
        line = strstr(text, "\nUid:");
        if (!line || sscanf(line, "\nUid: %*u %u", &uid) != 1)
                return -EBADMSG;
        *ret = uid;
        return 0;
}

static bool is_alive(int pidfd) {
        struct pollfd p = { .fd = pidfd, .events = POLLIN };

        return poll(&p, 1, 0) == 0;
}

static int open_process(pid_t pid) {
        int fd = (int) syscall(SYS_pidfd_open, pid, 0);

        if (fd >= 0)
                return fd;
        return errno == EINVAL || errno == ENOENT ? -ESRCH : -errno;
}

int process_find(pid_t pid, struct process *ret, uid_t *ret_uid) {
        _cleanup_close_ int fd = -1;
        struct process process = { .pid = pid };
        uid_t uid;
        int r;

        fd = open_process(pid);
        if (fd < 0)
                return fd;
        r = process_identity(pid, fd, &process.identity);
        if (r >= 0)
                r = read_uid(pid, &uid);
        if (r < 0)
                return r;
        /* What was read by number was this process's only if it is still there. */
        if (!is_alive(fd))
                return -ESRCH;
        *ret = process;
        *ret_uid = uid;
        return 0;
}

/*
 * The parent of the process that child_fd is of. The number is read twice: if it
 * is the same after the parent was opened, and neither of them has ended since,
 * then what was opened is the parent. *ret_fd -1: there is none that we can see.
 */
static int open_parent(const struct process *child, int child_fd, struct process *ret, int *ret_fd) {
        _cleanup_close_ int fd = -1;
        pid_t pid, again;
        int r;

        r = read_parent(child->pid, &pid);
        if (r < 0)
                return r;
        if (pid <= 0) {
                *ret_fd = -1;
                return 0;
        }
        fd = open_process(pid);
        if (fd < 0)
                return fd == -ESRCH ? -EAGAIN : fd;
        ret->pid = pid;
        r = process_identity(pid, fd, &ret->identity);
        if (r >= 0)
                r = read_parent(child->pid, &again);
        if (r < 0)
                return r == -ESRCH ? -EAGAIN : r;
        if (again != pid || !is_alive(fd) || !is_alive(child_fd))
                return -EAGAIN;
        *ret_fd = TAKE_FD(fd);
        return 0;
}

/* -EAGAIN when some of them ended meanwhile. */
static int read_lineage(const struct process *of, struct process *ret) {
        struct process child = *of;
        uint64_t identity;
        int n = 0, r, fd;

        fd = open_process(of->pid);
        if (fd < 0)
                return fd;
        r = process_identity(of->pid, fd, &identity);
        if (r >= 0 && identity != of->identity)
                r = -ESRCH;
        while (r >= 0 && n < PROCESS_LINEAGE_MAX) {
                int parent_fd = -1;

                r = open_parent(&child, fd, &ret[n], &parent_fd);
                close(fd);
                fd = parent_fd;
                if (r < 0 || parent_fd < 0)
                        break;
                child = ret[n++];
        }
        closep(&fd);
        return r < 0 ? r : n;
}

int process_lineage(const struct process *of, struct process *ret) {
        int r = -EAGAIN;

        for (unsigned i = 0; i < LINEAGE_ATTEMPTS && r == -EAGAIN; i++)
                r = read_lineage(of, ret);
        return r;
}

int process_executable(pid_t pid, char **ret) {
        char path[64], target[PATH_MAX];
        ssize_t n;

        snprintf(path, sizeof(path), "/proc/%i/exe", (int) pid);
        n = readlink(path, target, sizeof(target));
        if (n < 0)
                return errno == ENOENT ? -ESRCH : -errno;
        *ret = strndup(target, (size_t) n);
        return *ret ? 0 : -ENOMEM;
}
