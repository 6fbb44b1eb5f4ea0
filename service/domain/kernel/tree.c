/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "service/domain/kernel/tracefs.h"
#include "service/domain/kernel/tree.h"
#include "service/registry/peer.h"

/* Of the machine's first process namespace: PROC_PID_INIT_INO of the kernel's proc_ns.h. */
#define FIRST_NAMESPACE UINT32_C(0xeffffffc)

static bool is_in_first_namespace(void) {
        struct stat st;

        return stat("/proc/self/ns/pid", &st) >= 0 && st.st_ino == FIRST_NAMESPACE;
}

int tree_open_proc(void) {
        int fd = open(is_in_first_namespace() ? "/proc" : TREE_MACHINE_PROC, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        return fd < 0 ? -EXDEV : fd;
}

/* What a descriptor of the process is told of in the other proc file system. */
static int translate(int proc, int pidfd, int32_t *ret) {
        _cleanup_free_ char *text = NULL;
        const char *line;
        char path[64];
        size_t size;
        int r;

        snprintf(path, sizeof(path), "self/fdinfo/%i", pidfd);
        r = tracefs_read(proc, path, &text, &size);
        if (r < 0)
                return -EXDEV;
        line = strstr(text, "\nPid:\t");
        if (!line || sscanf(line, "\nPid:\t%" SCNd32, ret) != 1)
                return -EBADMSG;
        return *ret > 0 ? 0 : -ESRCH;
}

static int find_root(struct tree *t, pid_t pid, int pidfd) {
        t->proc = tree_open_proc();
        if (t->proc < 0)
                return t->proc;
        t->root = pid;
        return is_in_first_namespace() ? 0 : translate(t->proc, pidfd, &t->root);
}

int tree_init(struct tree *t, const struct process *process) {
        _cleanup_close_ int pidfd = -1;
        uint64_t identity;
        int r;

        *t = (struct tree) { .proc = -1 };
        pidfd = (int) syscall(SYS_pidfd_open, process->pid, 0);
        if (pidfd < 0)
                return errno == EINVAL ? -ESRCH : -errno;
        r = process_identity(process->pid, pidfd, &identity);
        if (r >= 0 && identity != process->identity)
                r = -ESRCH;
        if (r >= 0)
                r = find_root(t, process->pid, pidfd);
        if (r < 0)
                tree_done(t);
        return r;
}

void tree_done(struct tree *t) {
        closep(&t->proc);
        free(t->threads);
        *t = (struct tree) { .proc = -1 };
}

static int add(struct tree *t, int32_t pid, int32_t tid) {
        for (size_t i = 0; i < t->n; i++)
                if (t->threads[i].tid == tid)
                        return 0;
        if (t->n == t->room) {
                size_t room = t->room ? 2 * t->room : 64;
                struct tree_thread *threads = realloc(t->threads, room * sizeof(*threads));

                if (!threads)
                        return -ENOMEM;
                t->threads = threads;
                t->room = room;
        }
        t->threads[t->n++] = (struct tree_thread) { pid, tid };
        return 0;
}

/* The threads of a process. One that ends meanwhile has nothing to be found. */
static int add_process(struct tree *t, int32_t pid) {
        struct dirent *entry;
        char path[64];
        int fd, r = 0;
        DIR *dir;

        snprintf(path, sizeof(path), "%" PRId32 "/task", pid);
        fd = openat(t->proc, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0)
                return errno == ENOENT || errno == ESRCH ? 0 : -errno;
        dir = fdopendir(fd);
        if (!dir) {
                close(fd);
                return -ENOMEM;
        }
        while (r >= 0 && (entry = readdir(dir))) {
                int32_t tid = atoi(entry->d_name);

                if (tid > 0)
                        r = add(t, pid, tid);
        }
        closedir(dir);
        return r;
}

static int add_children(struct tree *t, const struct tree_thread *of) {
        _cleanup_free_ char *text = NULL;
        char path[64], *p, *end;
        size_t size;
        int r;

        snprintf(path, sizeof(path), "%" PRId32 "/task/%" PRId32 "/children", of->pid, of->tid);
        r = tracefs_read(t->proc, path, &text, &size);
        if (r < 0)
                return r == -ENOENT || r == -ESRCH ? 0 : r;
        for (p = text; r >= 0; p = end) {
                long child = strtol(p, &end, 10);

                if (end == p)
                        break;
                r = add_process(t, (int32_t) child);
        }
        return r;
}

int tree_grow(struct tree *t, size_t *ret_first) {
        size_t first = t->n;
        int r;

        r = add_process(t, t->root);
        /* Also what it finds. */
        for (size_t k = 0; k < t->n && r >= 0; k++) {
                const struct tree_thread of = t->threads[k];

                r = of.pid == of.tid ? add_process(t, of.pid) : 0;
                if (r >= 0)
                        r = add_children(t, &of);
        }
        if (r >= 0)
                *ret_first = first;
        return r;
}
