/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>

#include "client/tracectl/record-command.h"
#include "client/tracectl/say.h"
#include "common/cleanup.h"
#include "common/program.h"

int record_preload_find(char **ret) {
        _cleanup_free_ char *path = NULL;
        int r;

        r = library_find("tracer/libc-preload", "libtracectl-libc.so", &path);
        if (r < 0) {
                say("The library libtracectl-libc.so, which --libc needs, was not found: %s.", strerror(-r));
                return r;
        }
        if (strpbrk(path, " :")) {
                say("--libc cannot work: a space or colon in '%s' would end it in $LD_PRELOAD. "
                    "Move it to a path without.", path);
                return -EINVAL;
        }
        *ret = TAKE_PTR(path);
        return 0;
}

static int set_preload(const char *library) {
        const char *others = getenv("LD_PRELOAD");
        _cleanup_free_ char *value = NULL;

        if (!others || *others == '\0')
                return setenv("LD_PRELOAD", library, 1) < 0 ? -errno : 0;
        if (asprintf(&value, "%s:%s", library, others) < 0)
                return -ENOMEM;
        return setenv("LD_PRELOAD", value, 1) < 0 ? -errno : 0;
}

static int prepare_child(void *userdata) {
        const struct record_command *command = userdata;
        int r;

        if (command->socket_path && setenv("TRACECTL_SOCKET", command->socket_path, 1) < 0)
                return -errno;
        if (command->preload) {
                r = set_preload(command->preload);
                if (r < 0)
                        return r;
        }
        if (command->strings)
                syscall_strings_follow_me(command->strings);
        /* What it does with other rights its user could not see. */
        if (command->bound && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
                return -errno;
        return signals_restore(command->signals);
}

int record_command_start(const struct record_command *command, struct process *ret) {
        return process_start(command->path, command->argv, prepare_child, (void *) command, ret);
}

int record_command_hold(const struct record_command *command, struct held_process *ret) {
        return process_hold(command->path, command->argv, prepare_child, (void *) command, ret);
}

uint64_t record_now(void) {
        struct timespec ts;

        (void) clock_gettime(CLOCK_MONOTONIC, &ts);
        return (uint64_t) ts.tv_sec * 1000000000 + (uint64_t) ts.tv_nsec;
}

int record_poll(struct pollfd fds[], size_t n, uint64_t deadline) {
        struct timespec left = {};
        uint64_t begin;

        if (deadline > 0) {
                begin = record_now();
                if (begin >= deadline)
                        return -ETIMEDOUT;
                left.tv_sec = (time_t) ((deadline - begin) / 1000000000);
                left.tv_nsec = (long) ((deadline - begin) % 1000000000);
        }
        return ppoll(fds, n, deadline > 0 ? &left : NULL, NULL) < 0 ? -errno : 0;
}

int record_command_wait(struct process *process, struct signals *signals, tracectl_connection *connection,
                        struct record_live *live, uint64_t deadline, siginfo_t *ret_how, bool *service_lost) {
        int r;

        for (;;) {
                struct pollfd fds[] = {
                        { .fd = process->pidfd, .events = POLLIN },
                        { .fd = signals->fd, .events = POLLIN },
                        { .fd = *service_lost ? -1 : tracectl_connection_get_fd(connection), .events = POLLIN },
                        { .fd = record_live_get_fd(live), .events = POLLIN },
                };

                /* Signals of the service about every process that comes would fill its queue. */
                if (!*service_lost && tracectl_connection_process(connection) < 0) {
                        *service_lost = true;
                        continue;
                }
                r = record_poll(fds, ARRAY_SIZE(fds), deadline);
                if (r == -EINTR)
                        continue;
                if (r < 0)
                        return r;
                if (fds[1].revents)
                        signals_forward(signals, process);
                if (fds[3].revents)
                        record_live_print(live);
                if (fds[0].revents)
                        return process_wait(process, -1, ret_how);
        }
}

uint64_t record_deadline(uint64_t duration) {
        return duration > 0 ? record_now() + duration : 0;
}
