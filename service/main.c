/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <systemd/sd-daemon.h>

#include "common/cleanup.h"
#include "config.h"
#include "service/log.h"
#include "service/service.h"

static bool arg_private;
static bool arg_debug;

static void help(void) {
        printf("Usage: tracingd --private [--debug]\n"
               "\n"
               "The tracing service. tracectl starts it; it serves one client over a socket.\n"
               "\n"
               "      --private   Serve the client at the other end of the socket 'bus', and\n"
               "                  applications on the socket 'register', both passed by\n"
               "                  LISTEN_FDS and LISTEN_FDNAMES as in sd_listen_fds(3)\n"
               "      --debug     Say on standard error what happens\n"
               "  -h, --help      Show this text\n"
               "      --version   Show the version\n");
}

/* 1: go on. 0: done. -errno. */
static int parse_arguments(int argc, char *argv[]) {
        enum { OPTION_PRIVATE = 256, OPTION_DEBUG, OPTION_VERSION };
        static const struct option options[] = {
                { "private", no_argument, NULL, OPTION_PRIVATE },
                { "debug", no_argument, NULL, OPTION_DEBUG },
                { "help", no_argument, NULL, 'h' },
                { "version", no_argument, NULL, OPTION_VERSION },
                { 0 },
        };
        const char *log = getenv("TRACINGD_LOG");
        int c;

        arg_debug = log && strcmp(log, "debug") == 0;
        while ((c = getopt_long(argc, argv, "h", options, NULL)) >= 0)
                switch (c) {
                case OPTION_PRIVATE:
                        arg_private = true;
                        break;
                case OPTION_DEBUG:
                        arg_debug = true;
                        break;
                case 'h':
                        help();
                        return 0;
                case OPTION_VERSION:
                        printf("tracingd %s\n", TRACECTL_VERSION);
                        return 0;
                default:
                        return -EINVAL;
                }
        if (optind < argc) {
                fprintf(stderr, "tracingd: unexpected argument '%s'; see tracingd --help\n", argv[optind]);
                return -EINVAL;
        }
        if (!arg_private) {
                fprintf(stderr, "tracingd: only private mode exists in this version; pass --private\n");
                return -EINVAL;
        }
        return 1;
}

/* The caller owns both descriptors. */
static int take_sockets(int *ret_bus, int *ret_register) {
        _cleanup_close_ int bus = -1, registration = -1;
        char **names = NULL;
        int n;

        n = sd_listen_fds_with_names(true, &names);
        for (int i = 0; i < n; i++) {
                int fd = SD_LISTEN_FDS_START + i;

                if (bus < 0 && strcmp(names[i], "bus") == 0 && sd_is_socket(fd, AF_UNIX, SOCK_STREAM, 0) > 0)
                        bus = fd;
                else if (registration < 0 && strcmp(names[i], "register") == 0 &&
                         sd_is_socket(fd, AF_UNIX, SOCK_SEQPACKET, 1) > 0)
                        registration = fd;
                else
                        close(fd);
                free(names[i]);
        }
        free(names);
        if (bus < 0 || registration < 0) {
                fprintf(stderr, "tracingd: the sockets 'bus' (connected, stream) and 'register' (listening, seqpacket) "
                                "were not passed; let tracectl start tracingd\n");
                return -ENOTCONN;
        }
        *ret_bus = TAKE_FD(bus);
        *ret_register = TAKE_FD(registration);
        return 0;
}

static int on_signal(sd_event_source *source, const struct signalfd_siginfo *info, void *userdata) {
        service_end(userdata);
        return 0;
}

/* Signals are blocked before the first thread begins, so that the loop alone receives them. */
static void block_signals(void) {
        sigset_t set;

        sigemptyset(&set);
        sigaddset(&set, SIGTERM);
        sigaddset(&set, SIGINT);
        sigprocmask(SIG_BLOCK, &set, NULL);
        signal(SIGPIPE, SIG_IGN);
        signal(SIGHUP, SIG_IGN);
}

/* Each application takes two descriptors. */
static void raise_limits(void) {
        struct rlimit limit;

        if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
                return;
        limit.rlim_cur = limit.rlim_max;
        (void) setrlimit(RLIMIT_NOFILE, &limit);
}

/*
 * The client's directory with the registration socket. The client removes it
 * itself, unless it was killed.
 */
static void remove_socket(int register_fd) {
        struct sockaddr_un address = { 0 };
        socklen_t size = sizeof(address) - 1;
        char *slash;

        if (getsockname(register_fd, (struct sockaddr *) &address, &size) < 0 || address.sun_path[0] != '/')
                return;
        (void) unlink(address.sun_path);
        slash = strrchr(address.sun_path, '/');
        *slash = '\0';
        (void) rmdir(address.sun_path);
}

static int run(int bus_fd, int register_fd) {
        const struct service_config config = {
                .bus_fd = bus_fd,
                .register_fd = register_fd,
                .starter = { .start = consumer_start_child },
        };
        _cleanup_(service_freep) struct service *service = NULL;
        int r;

        r = service_new(&config, &service);
        /* The client is gone before it has said a word: nothing to serve, and nobody to tell. */
        if (r == -ECONNRESET || r == -EPIPE || r == -ENOTCONN)
                return 0;
        if (r >= 0)
                r = sd_event_add_signal(service_event(service), NULL, SIGTERM, on_signal, service);
        if (r >= 0)
                r = sd_event_add_signal(service_event(service), NULL, SIGINT, on_signal, service);
        if (r >= 0)
                r = service_run(service);
        if (r < 0)
                fprintf(stderr, "tracingd: cannot serve: %s\n", strerror(-r));
        return r;
}

int main(int argc, char *argv[]) {
        _cleanup_close_ int registration = -1; /* the service closes its own */
        int r, bus_fd, register_fd;

        r = parse_arguments(argc, argv);
        if (r <= 0)
                return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
        r = take_sockets(&bus_fd, &register_fd);
        if (r < 0)
                return EXIT_FAILURE;
        log_open(arg_debug);
        umask(0077);
        /* A session of our own: Ctrl-C is for the command that is being recorded. */
        (void) setsid();
        block_signals();
        raise_limits();
        registration = fcntl(register_fd, F_DUPFD_CLOEXEC, 3);
        r = run(bus_fd, register_fd);
        if (registration >= 0)
                remove_socket(registration);
        return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
