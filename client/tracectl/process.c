/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "client/tracectl/process.h"
#include "common/cleanup.h"
#include "common/clock.h"

/* The child's end of the pipe is above everything that prepare may want to place. */
#define PIPE_FD_MIN 16

static _Noreturn void run_child(const char *path, char *const argv[], process_prepare_t prepare, void *userdata,
                                int report_fd) {
        int r;

        r = prepare(userdata);
        if (r >= 0) {
                /* execvp() for its second try: a script without #! is run by the shell. path has a slash. */
                execvp(path, argv);
                r = -errno;
        }
        (void) !write(report_fd, &r, sizeof(r));
        _exit(EXIT_FAILURE);
}

static int pipe_high(int *ret_read, int *ret_write) {
        _cleanup_close_ int low_read = -1, low_write = -1;
        int low[2], high;

        if (pipe2(low, O_CLOEXEC) < 0)
                return -errno;
        low_read = low[0];
        low_write = low[1];
        high = fcntl(low_write, F_DUPFD_CLOEXEC, PIPE_FD_MIN);
        if (high < 0)
                return -errno;
        *ret_read = TAKE_FD(low_read);
        *ret_write = high;
        return 0;
}

/* 0 when the child has come through exec, or what went wrong there. */
static int read_report(int fd) {
        ssize_t n;
        int r;

        do
                n = read(fd, &r, sizeof(r));
        while (n < 0 && errno == EINTR);
        if (n < 0)
                return -errno;
        return n == (ssize_t) sizeof(r) ? r : 0;
}

int process_start(const char *path, char *const argv[], process_prepare_t prepare, void *userdata,
                  struct process *ret) {
        _cleanup_close_ int report_read = -1, report_write = -1, pidfd = -1;
        pid_t pid;
        int r;

        r = pipe_high(&report_read, &report_write);
        if (r < 0)
                return r;

        pid = fork();
        if (pid < 0)
                return -errno;
        if (pid == 0)
                run_child(path, argv, prepare, userdata, report_write);
        close(TAKE_FD(report_write));

        r = read_report(report_read);
        if (r >= 0) {
                pidfd = pidfd_open(pid, 0);
                r = pidfd < 0 ? -errno : 0;
        }
        if (r < 0) {
                (void) kill(pid, SIGKILL);
                (void) waitpid(pid, NULL, 0);
                return r;
        }
        *ret = (struct process) { .pid = pid, .pidfd = TAKE_FD(pidfd) };
        return 0;
}

static int wait_readable(int fd, int timeout_msec) {
        uint64_t deadline = trace_clock_read_monotonic(0) + (uint64_t) timeout_msec * 1000000;

        for (;;) {
                struct pollfd p = { .fd = fd, .events = POLLIN };
                int n = poll(&p, 1, timeout_msec);
                uint64_t now;

                if (n > 0)
                        return 0;
                if (n == 0)
                        return -ETIMEDOUT;
                if (errno != EINTR)
                        return -errno;
                now = trace_clock_read_monotonic(0);
                if (timeout_msec >= 0)
                        timeout_msec = now < deadline ? (int) ((deadline - now) / 1000000) : 0;
        }
}

int process_wait(struct process *process, int timeout_msec, siginfo_t *ret_how) {
        siginfo_t how = {};
        int r;

        r = wait_readable(process->pidfd, timeout_msec);
        if (r < 0)
                return r;
        if (waitid(P_PIDFD, (id_t) process->pidfd, &how, WEXITED) < 0)
                return -errno;
        process_done(process);
        *ret_how = how;
        return 0;
}

void process_kill(const struct process *process, int signal) {
        if (process->pid > 0)
                (void) pidfd_send_signal(process->pidfd, signal, NULL, 0);
}

void process_done(struct process *process) {
        if (process->pidfd >= 0)
                close(process->pidfd);
        *process = (struct process) PROCESS_NULL;
}
