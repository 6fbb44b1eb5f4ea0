/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "config.h"
#include "consumer/consumer.h"
#include "consumer/recover.h"

/* Where tracingd leaves the socket of the consumer protocol, or systemd a listening one: see sd_listen_fds(3). */
#define CONSUMER_FD 3

static bool is_listening(int fd) {
        int on = 0;
        socklen_t size = sizeof(on);

        return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &on, &size) >= 0 && on;
}

/* Whether systemd means us, and this one socket. */
static bool is_activated(void) {
        const char *pid = getenv("LISTEN_PID"), *n = getenv("LISTEN_FDS");
        char own[sizeof("-2147483648")];

        snprintf(own, sizeof(own), "%i", getpid());
        return pid && n && strcmp(pid, own) == 0 && strcmp(n, "1") == 0;
}

/*
 * Replaces a listening socket by the one connection that it is for: tracingd
 * connects again to a consumer that is started again. 0 or -errno.
 */
static int accept_connection(void) {
        int fd;

        do
                fd = accept4(CONSUMER_FD, NULL, NULL, SOCK_CLOEXEC);
        while (fd < 0 && (errno == EINTR || errno == ECONNABORTED));
        if (fd < 0 || dup3(fd, CONSUMER_FD, O_CLOEXEC) < 0)
                return -errno;
        close(fd);
        return 0;
}

static int help(void) {
        printf("tracectl-consumer: writes a tracing session's rings to a trace directory.\n\n"
               "tracingd starts it, with a socket as file descriptor %i, or systemd does, with one that\n"
               "listens. tracectl recover starts it, too.\n\n"
               "  --recover DIR  Make a trace of rings that nobody is left to empty\n"
               "  -h --help     Show this text\n"
               "     --version  Show the version\n",
               CONSUMER_FD);
        return EXIT_SUCCESS;
}

static const char *recover_advice(const struct recover_result *result, int error) {
        switch (result->problem) {
        case RECOVER_NOTHING:
                return error == -ENOENT ? "it has no rings to recover; what is there is all that was recorded"
                                        : strerror(-error);
        case RECOVER_BUSY:
                return "somebody records there, or recovers it; stop the session first";
        case RECOVER_NOT_OURS:
                return "its files are another user's; run this as the user who recorded";
        case RECOVER_DAMAGED:
                return "nothing in it says what was recorded";
        case RECOVER_DIED:
                return result->signal == SIGBUS ? "somebody has cut its files off" : strsignal(result->signal);
        default:
                return strerror(-error);
        }
}

static int run_recover(const char *path) {
        _cleanup_close_ int directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        struct recover_result result = { .problem = RECOVER_NOTHING };
        const struct consumer_status *s = &result.status;
        int r;

        r = directory < 0 ? -errno : recover(directory, &result);
        if (r < 0) {
                fprintf(stderr, "tracectl: %s was not recovered: %s.\n", path,
                        directory < 0 ? strerror(-r) : recover_advice(&result, r));
                return EXIT_FAILURE;
        }
        printf("%s is a trace again: %" PRIu64 " events, %" PRIu64 " lost.\n", path, s->events,
               s->lost_ring + s->lost_output);
        if (result.kernel)
                printf("Events of the kernel are in it, too; they are not counted here.\n");
        if (result.rebooted)
                printf("The machine has been started since: what was not on the disk then is missing.\n");
        if (s->lost_garbage > 0)
                printf("%" PRIu64 " bytes in the rings were no events.\n", s->lost_garbage);
        return EXIT_SUCCESS;
}

int main(int argc, char *argv[]) {
        struct stat st;
        int r;

        if (argc == 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0))
                return help();
        if (argc == 2 && strcmp(argv[1], "--version") == 0) {
                printf("tracectl-consumer %s\n", TRACECTL_VERSION);
                return EXIT_SUCCESS;
        }
        if (argc == 3 && strcmp(argv[1], "--recover") == 0)
                return run_recover(argv[2]);
        if (argc > 1) {
                fprintf(stderr, "tracectl-consumer: unknown argument '%s'; see tracectl-consumer --help.\n", argv[1]);
                return EXIT_FAILURE;
        }
        if (fstat(CONSUMER_FD, &st) < 0 || !S_ISSOCK(st.st_mode)) {
                fprintf(stderr,
                        "tracectl-consumer: file descriptor %i is no socket; tracingd starts this program, use "
                        "\"tracectl record\".\n",
                        CONSUMER_FD);
                return EXIT_FAILURE;
        }
        if (is_listening(CONSUMER_FD)) {
                if (!is_activated()) {
                        fprintf(stderr,
                                "tracectl-consumer: the environment does not say that file descriptor %i is for this "
                                "process; start it by its socket unit.\n",
                                CONSUMER_FD);
                        return EXIT_FAILURE;
                }
                r = accept_connection();
                if (r < 0) {
                        fprintf(stderr, "tracectl-consumer: no connection came from the socket: %s.\n", strerror(-r));
                        return EXIT_FAILURE;
                }
        }
        r = consumer_run(CONSUMER_FD);
        if (r < 0) {
                fprintf(stderr, "tracectl-consumer: the trace is incomplete: %s.\n", strerror(-r));
                return EXIT_FAILURE;
        }
        return EXIT_SUCCESS;
}
