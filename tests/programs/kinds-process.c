/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Kinds of processes: children and threads that come about in every way, and what a process may become. */

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <tracectl/tracepoint.h>

#include "kinds.h"

#define ROUNDS 25
#define THREADS 8
#define WORKERS 4
#define USER 4711 /* whom the server's workers work for */

static void *come_and_go(void *left) {
        tracectl_trace(kinds, comes);
        tracectl_trace(kinds, goes, tp_str(text, "good bye"));
        if (left)
                __atomic_fetch_sub((unsigned *) left, 1, __ATOMIC_RELEASE);
        return NULL;
}

/* The kernel reuses numbers of threads, the library their places. */
void threads_come(const char *self) {
        for (unsigned i = 0; i < ROUNDS; i++) {
                unsigned left = THREADS / 2;
                pthread_t threads[THREADS];

                for (unsigned k = 0; k < THREADS; k++)
                        check(pthread_create(&threads[k], NULL, come_and_go, k % 2 ? &left : NULL) == 0,
                              "pthread_create");
                for (unsigned k = 0; k < THREADS; k++)
                        if (k % 2)
                                pthread_detach(threads[k]);
                        else
                                pthread_join(threads[k], NULL);
                while (__atomic_load_n(&left, __ATOMIC_ACQUIRE) > 0)
                        sched_yield();
        }
}

static void execute_plain(const char *self) {
        char *arguments[] = { (char *) self, (char *) "plain", NULL };

        execv(self, arguments);
        _exit(127);
}

void start_by_vfork(const char *self) {
        pid_t pid = vfork();

        if (pid == 0) {
                tracectl_trace(kinds, child_of_vfork);
                execute_plain(self);
        }
        wait_for(pid);
        tracectl_trace(kinds, after_vfork);
}

void start_by_clone(const char *self) {
        pid_t pid = (pid_t) syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);

        if (pid == 0) {
                tracectl_trace(kinds, child_of_clone);
                execute_plain(self);
        }
        wait_for(pid);
        tracectl_trace(kinds, after_clone);
}

void leave_namespaces(const char *self) {
        check(unshare(CLONE_FS | CLONE_FILES) == 0, "unshare");
        tracectl_trace(kinds, apart);
        /* Not everybody may; where he may, the process goes on the same. */
        check(unshare(CLONE_NEWUSER) == 0 || errno == EPERM || errno == EINVAL || errno == ENOSPC, "unshare");
        check(geteuid() > 0 || getuid() == 0, "geteuid");
}

/* Refuses one system call of this and all programs that it executes. */
static void refuse(unsigned number) {
        struct sock_filter code[] = {
                BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1),
                BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
                BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        };
        struct sock_fprog program = { sizeof(code) / sizeof(code[0]), code };

        check(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0, "PR_SET_NO_NEW_PRIVS");
        check(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0, "PR_SET_SECCOMP");
}

/* A filter that was there before the program: its first thread has to do without the call, too. */
static void live_without(const char *self, unsigned number) {
        pid_t pid;

        refuse(number);
        pid = fork();
        if (pid == 0) {
                char *arguments[] = { (char *) self, (char *) "small-stacks", NULL };

                execv(self, arguments);
                _exit(127);
        }
        wait_for(pid);
}

void live_without_rseq(const char *self) {
        live_without(self, SYS_rseq);
}

void live_without_membarrier(const char *self) {
        live_without(self, SYS_membarrier);
}

/* Rings are files of memory, which the library maps shared. */
static int has_rings(void) {
        FILE *maps = fopen("/proc/self/maps", "re");
        char line[512];
        int found = 0;

        check(maps != NULL, "/proc/self/maps");
        while (fgets(line, sizeof(line), maps))
                found += strstr(line, "/memfd:") != NULL;
        fclose(maps);
        return found;
}

/* Of any thread: the library's may have a table of their own. */
static int has_files_of_memory(void) {
        char target[64];
        int found = 0;
        glob_t files;

        check(glob("/proc/self/task/*/fd/*", 0, NULL, &files) == 0, "glob");
        for (size_t i = 0; i < files.gl_pathc; i++) {
                ssize_t n = readlink(files.gl_pathv[i], target, sizeof(target));

                found += n > 7 && memcmp(target, "/memfd:", 7) == 0;
        }
        globfree(&files);
        return found;
}

static int may_open(pid_t pid, const char *name) {
        char path[64];

        snprintf(path, sizeof(path), "/proc/%i/%s", (int) pid, name);
        return open(path, O_RDONLY | O_CLOEXEC) >= 0;
}

/* What it had of root's is gone when setresuid() has returned. */
static void work(pid_t server) {
        tracectl_trace(kinds, worker_of_root);
        check(setresgid(USER, USER, USER) == 0 && setresuid(USER, USER, USER) == 0, "setresuid");
        tracectl_trace(kinds, worker_of_user);
        check(prctl(PR_SET_DUMPABLE, 1) == 0, "PR_SET_DUMPABLE");
        check(!has_rings() && !has_files_of_memory(), "a worker has rings");
        check(!may_open(server, "fd") && !may_open(server, "mem"), "a worker reaches the server");
        _exit(0);
}

void serve(const char *self) {
        pid_t workers[WORKERS], server = getpid();

        check(getuid() == 0, "getuid");
        for (unsigned i = 0; i < WORKERS; i++) {
                workers[i] = fork();
                if (workers[i] == 0)
                        work(server);
        }
        for (unsigned i = 0; i < WORKERS; i++)
                wait_for(workers[i]);
        tracectl_trace(kinds, server, tp_bool(recorded, has_rings() > 0));
}

/* Each leaves room for its header and others; twice, so that they come to lie at every place. */
void emit_texts(const char *self) {
        static const uint32_t lengths[] = { 100, 4000, 5000, 1 << 20, (16 << 20) - 100, 16 << 20 };
        char *text = malloc(lengths[5]);

        check(text != NULL, "malloc");
        memset(text, 'x', lengths[5]);
        for (unsigned i = 0; i < 2 * sizeof(lengths) / sizeof(lengths[0]); i++)
                tracectl_trace(kinds, text, tp_u32(length, lengths[i / 2]), tp_text(text, text, lengths[i / 2]));
        free(text);
}
