/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "rendezvous.h"

#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

double bench_now(void) {
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC, &t);
        return (double) t.tv_sec * 1e6 + (double) t.tv_nsec / 1e3;
}

static int compare(const void *a, const void *b) {
        const double *x = a, *y = b;

        return *x < *y ? -1 : *x > *y;
}

double bench_quantile(double *values, size_t n, double q) {
        qsort(values, n, sizeof(*values), compare);
        return values[(size_t) (q * (double) (n - 1))];
}

void bench_print(const char *name, double *values, size_t n) {
        double median = bench_quantile(values, n, 0.5), p99 = bench_quantile(values, n, 0.99), sum = 0, squares = 0;

        for (size_t i = 0; i < n; i++) {
                sum += values[i];
                squares += values[i] * values[i];
        }
        sum /= (double) n;
        printf("%s %.2f %.2f %.2f %.2f\n", name, median, p99, sum, sqrt(fmax(0, squares / (double) n - sum * sum)));
        fflush(stdout);
}

void bench_fail(const char *what) {
        fprintf(stderr, "bench-rendezvous: cannot %s: %s\n", what, strerror(errno));
        exit(EXIT_FAILURE);
}

void bench_check(int result, const char *what) {
        if (result >= 0)
                return;
        if (result < -1)
                errno = -result;
        bench_fail(what);
}

int bench_fork(void) {
        pid_t parent = getpid(), pid = fork();

        bench_check(pid, "fork");
        if (pid == 0 && (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent))
                _exit(1);
        return pid;
}

int bench_listen(void) {
        const struct sockaddr_un address = { .sun_family = AF_UNIX };
        int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

        bench_check(fd, "make a socket");
        bench_check(bind(fd, (const struct sockaddr *) &address, sizeof(sa_family_t)), "bind");
        bench_check(listen(fd, 128), "listen");
        return fd;
}

int bench_connect(const char *path, int listening) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        socklen_t size = sizeof(address);
        int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

        bench_check(fd, "make a socket");
        if (path)
                snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
        else
                bench_check(getsockname(listening, (struct sockaddr *) &address, &size), "find an address");
        bench_check(connect(fd, (const struct sockaddr *) &address, size), "connect");
        return fd;
}

int main(int argc, char *argv[]) {
        static const struct {
                const char *name;
                int (*run)(int argc, char *argv[]);
        } modes[] = {
                { "floor", bench_floor },
                { "register", bench_register },
                { "storm", bench_storm },
                { "ipc", bench_ipc },
        };

        for (size_t i = 0; argc > 1 && i < sizeof(modes) / sizeof(modes[0]); i++)
                if (strcmp(argv[1], modes[i].name) == 0)
                        return modes[i].run(argc - 1, argv + 1);
        fprintf(stderr, "Usage: bench-rendezvous floor N | register PATH N | storm N PID PROGRAM | ipc N\n");
        return EXIT_FAILURE;
}
