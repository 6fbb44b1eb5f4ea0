/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "client/tracectl/process.h"
#include "common/cleanup.h"
#include "common/clock.h"

/* The child's end of the pipe is above everything that prepare may want to place. */
#define PIPE_FD_MIN 16

#define GO 0
#define AGAIN 1

/* The byte that the other side sends when it is ready; -1: it is gone. */
static int read_gate(int gate_fd) {
        unsigned char byte;
        ssize_t n;

        do
                n = recv(gate_fd, &byte, sizeof(byte), 0);
        while (n < 0 && errno == EINTR);
        return n > 0 ? byte : -1;
}

static void write_gate(int gate_fd, unsigned char byte) {
        (void) send(gate_fd, &byte, sizeof(byte), MSG_NOSIGNAL);
}

static _Noreturn void run_child(const char *path, char *const argv[], process_prepare_t prepare, void *userdata,
                                int report_fd, int gate_fd) {
        int r, what = -1;

        do {
                r = prepare(userdata);
                if (r < 0)
                        break;
                write_gate(gate_fd, GO);
                what = read_gate(gate_fd);
        } while (what == AGAIN);
        if (r >= 0) {
                /* Where the starter goes away, nothing is executed. */
                if (what < 0)
                        _exit(EXIT_FAILURE);
                /* execvp() for its second try: a script without #! is run by the shell. path has a slash. */
                execvp(path, argv);
                r = -errno;
        }
        (void) !write(report_fd, &r, sizeof(r));
        _exit(EXIT_FAILURE);
}

/* [1] is the child's. */
static int pair_high(int fds[static 2]) {
        _cleanup_close_ int ours = -1, low = -1;
        int pair[2], high;

        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
                return -errno;
        ours = pair[0];
        low = pair[1];
        high = fcntl(low, F_DUPFD_CLOEXEC, PIPE_FD_MIN);
        if (high < 0)
                return -errno;
        fds[0] = TAKE_FD(ours);
        fds[1] = high;
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

static int hold(const char *path, char *const argv[], process_prepare_t prepare, void *userdata, int report[2],
                int gate[2], struct held_process *ret) {
        pid_t pid = fork();

        if (pid < 0)
                return -errno;
        if (pid == 0) {
                closep(&gate[0]);
                run_child(path, argv, prepare, userdata, report[1], gate[1]);
        }
        *ret = (struct held_process) { .pid = pid, .report_fd = TAKE_FD(report[0]), .gate_fd = TAKE_FD(gate[0]) };
        return 0;
}

int process_hold(const char *path, char *const argv[], process_prepare_t prepare, void *userdata,
                 struct held_process *ret) {
        int report[2] = { -1, -1 }, gate[2] = { -1, -1 }, r;

        r = pair_high(report);
        if (r >= 0)
                r = pair_high(gate);
        if (r >= 0)
                r = hold(path, argv, prepare, userdata, report, gate, ret);
        for (int i = 0; i < 2; i++) {
                closep(&report[i]);
                closep(&gate[i]);
        }
        /* Its end, where what prepares it has failed. */
        if (r >= 0)
                (void) read_gate(ret->gate_fd);
        return r;
}

void process_prepare_again(const struct held_process *held) {
        write_gate(held->gate_fd, AGAIN);
        (void) read_gate(held->gate_fd);
}

int process_let_go(struct held_process *held, struct process *ret) {
        _cleanup_close_ int pidfd = -1;
        int r;

        /* One that has died meanwhile is found so when it is waited for. */
        write_gate(held->gate_fd, GO);
        r = read_report(held->report_fd);
        if (r >= 0) {
                pidfd = pidfd_open(held->pid, 0);
                r = pidfd < 0 ? -errno : 0;
        }
        if (r < 0) {
                held_process_done(held);
                return r;
        }
        *ret = (struct process) { .pid = held->pid, .pidfd = TAKE_FD(pidfd) };
        held->pid = 0;
        held_process_done(held);
        return 0;
}

void held_process_done(struct held_process *held) {
        closep(&held->report_fd);
        closep(&held->gate_fd);
        if (held->pid > 0) {
                (void) kill(held->pid, SIGKILL);
                (void) waitpid(held->pid, NULL, 0);
        }
        *held = (struct held_process) HELD_PROCESS_NULL;
}

int process_start(const char *path, char *const argv[], process_prepare_t prepare, void *userdata,
                  struct process *ret) {
        struct held_process held;
        int r;

        r = process_hold(path, argv, prepare, userdata, &held);
        return r < 0 ? r : process_let_go(&held, ret);
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
