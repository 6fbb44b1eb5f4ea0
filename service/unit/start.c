/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "common/cleanup.h"
#include "common/program.h"
#include "service/unit/start.h"

#define CONSUMER_FD 3

static int set_actions(posix_spawn_file_actions_t *actions, int socket) {
        int r;

        r = posix_spawn_file_actions_addopen(actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
        if (r > 0)
                return -r;
        r = posix_spawn_file_actions_adddup2(actions, socket, CONSUMER_FD);
        if (r > 0)
                return -r;
        r = posix_spawn_file_actions_addclosefrom_np(actions, CONSUMER_FD + 1);
        return -r;
}

static int set_attributes(posix_spawnattr_t *attributes) {
        sigset_t none, all;
        int r;

        sigemptyset(&none);
        sigfillset(&all);
        r = posix_spawnattr_setsigmask(attributes, &none);
        if (r > 0)
                return -r;
        r = posix_spawnattr_setsigdefault(attributes, &all);
        if (r > 0)
                return -r;
        r = posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
        return -r;
}

static void actions_destroyp(posix_spawn_file_actions_t *actions) {
        posix_spawn_file_actions_destroy(actions);
}

static void attributes_destroyp(posix_spawnattr_t *attributes) {
        posix_spawnattr_destroy(attributes);
}

int consumer_start_child(int socket, void *userdata, int *ret_pidfd) {
        _cleanup_(actions_destroyp) posix_spawn_file_actions_t actions;
        _cleanup_(attributes_destroyp) posix_spawnattr_t attributes;
        _cleanup_free_ char *path = NULL;
        char *argv[2] = { (char *) "tracectl-consumer", NULL };
        int r, pidfd;
        pid_t pid;

        posix_spawn_file_actions_init(&actions);
        posix_spawnattr_init(&attributes);
        r = program_find("consumer", "tracectl-consumer", &path);
        if (r < 0)
                return r;
        r = set_actions(&actions, socket);
        if (r < 0)
                return r;
        r = set_attributes(&attributes);
        if (r < 0)
                return r;
        r = posix_spawn(&pid, path, &actions, &attributes, argv, environ);
        if (r > 0)
                return -r;
        /* Not reaped before us, so the number is still this child's. */
        pidfd = (int) syscall(SYS_pidfd_open, pid, 0);
        if (pidfd < 0) {
                r = -errno;
                kill(pid, SIGKILL);
                waitpid(pid, NULL, 0);
                return r;
        }
        *ret_pidfd = pidfd;
        return 0;
}

int consumer_start_early(struct consumer_early *ret) {
        _cleanup_close_ int ours = -1, theirs = -1;
        int pair[2], r;

        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
                return -errno;
        ours = pair[0];
        theirs = pair[1];
        r = consumer_start_child(theirs, NULL, &ret->pidfd);
        if (r >= 0)
                ret->socket = TAKE_FD(ours);
        return r;
}

void consumer_early_done(struct consumer_early *early) {
        closep(&early->socket);
        closep(&early->pidfd);
        *early = (struct consumer_early) CONSUMER_EARLY_NULL;
}
