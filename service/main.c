/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <malloc.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/parse.h"
#include "config.h"
#include "protocol/wait.h"
#include "service/log.h"
#include "service/service.h"
#include "service/state/fd-store.h"

#define IDLE_SECONDS 30

static enum service_mode arg_mode = SERVICE_SYSTEM;
static uint64_t arg_idle_usec = IDLE_SECONDS * UINT64_C(1000000);
static bool arg_debug;
static struct trace_clock_sample arg_sample;

static void help(void) {
        printf("Usage: tracingd [--user | --private] [OPTION...]\n"
               "\n"
               "The tracing service: for the whole system, with --user for one user. systemd\n"
               "starts it when somebody needs it; it ends when nobody does.\n"
               "\n"
               "      --user            Serve the user that it runs as, on the user's bus\n"
               "      --private         Serve the one client at the other end of the socket\n"
               "                        'bus'; this is how tracectl starts it\n"
               "      --clock=TICKS:NS  Measure the clock from there on, a time stamp counter at a\n"
               "                        time of CLOCK_MONOTONIC_RAW, instead of for 20 ms\n"
               "      --idle=SECONDS    End after this time without a session and a client;\n"
               "                        0: never (default: %i)\n"
               "      --debug           Say on standard error what happens\n"
               "  -h, --help            Show this text\n"
               "      --version         Show the version\n"
               "\n"
               "Sockets are passed by LISTEN_FDS and LISTEN_FDNAMES as in sd_listen_fds(3):\n"
               "'register' for applications, and 'control' for clients or, private, 'bus'.\n",
               IDLE_SECONDS);
}

static int parse_idle(const char *text) {
        uint64_t seconds;

        if (parse_u64(text, &seconds) < 0 || seconds > UINT32_MAX) {
                fprintf(stderr, "tracingd: '%s' is no number of seconds; give one, such as --idle=30\n", text);
                return -EINVAL;
        }
        arg_idle_usec = seconds * 1000000;
        return 0;
}

static int parse_sample(const char *text) {
        const char *colon = strchr(text, ':');
        char ticks[24];

        if (colon && (size_t) (colon - text) < sizeof(ticks)) {
                snprintf(ticks, sizeof(ticks), "%.*s", (int) (colon - text), text);
                if (parse_u64(ticks, &arg_sample.ticks) >= 0 && parse_u64(colon + 1, &arg_sample.nsec) >= 0)
                        return 0;
        }
        fprintf(stderr, "tracingd: '%s' is no moment of the clock; give one as --clock=TICKS:NS\n", text);
        return -EINVAL;
}

static int check_arguments(int argc, char *argv[], bool both) {
        if (optind < argc) {
                fprintf(stderr, "tracingd: unexpected argument '%s'; see tracingd --help\n", argv[optind]);
                return -EINVAL;
        }
        if (both) {
                fprintf(stderr, "tracingd: --user and --private exclude each other; pass one of them\n");
                return -EINVAL;
        }
        return 1;
}

/* 1: go on. 0: done. -errno. */
static int parse_arguments(int argc, char *argv[]) {
        enum { OPTION_PRIVATE = 256, OPTION_USER, OPTION_IDLE, OPTION_CLOCK, OPTION_DEBUG, OPTION_VERSION };
        static const struct option options[] = {
                { "private", no_argument, NULL, OPTION_PRIVATE },
                { "user", no_argument, NULL, OPTION_USER },
                { "idle", required_argument, NULL, OPTION_IDLE },
                { "clock", required_argument, NULL, OPTION_CLOCK },
                { "debug", no_argument, NULL, OPTION_DEBUG },
                { "help", no_argument, NULL, 'h' },
                { "version", no_argument, NULL, OPTION_VERSION },
                { 0 },
        };
        const char *log = getenv("TRACINGD_LOG");
        bool private = false, user = false;
        int c;

        arg_debug = log && strcmp(log, "debug") == 0;
        while ((c = getopt_long(argc, argv, "h", options, NULL)) >= 0)
                switch (c) {
                case OPTION_PRIVATE:
                        private = true;
                        arg_mode = SERVICE_PRIVATE;
                        break;
                case OPTION_USER:
                        user = true;
                        arg_mode = SERVICE_USER;
                        break;
                case OPTION_IDLE:
                        if (parse_idle(optarg) < 0)
                                return -EINVAL;
                        break;
                case OPTION_CLOCK:
                        if (parse_sample(optarg) < 0)
                                return -EINVAL;
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
        return check_arguments(argc, argv, private && user);
}

#define PASSED_MAX (FD_STORE_MAX + 16)

struct sockets {
        int bus, control, registration;
        struct fd_store *store; /* what an earlier tracingd left with the service manager; NULL in private mode */
};

/* Which of the sockets it is that we need, or NULL. */
static int *find_place(struct sockets *s, int fd, const char *name) {
        bool private = arg_mode == SERVICE_PRIVATE;

        if (private && strcmp(name, "bus") == 0 && sd_is_socket(fd, AF_UNIX, SOCK_STREAM, 0) > 0)
                return &s->bus;
        if (!private && strcmp(name, "control") == 0 && sd_is_socket(fd, AF_UNIX, SOCK_STREAM, 1) > 0)
                return &s->control;
        if (strcmp(name, "register") == 0 && sd_is_socket(fd, AF_UNIX, SOCK_SEQPACKET, 1) > 0)
                return &s->registration;
        return NULL;
}

static int check_sockets(const struct sockets *s) {
        if (arg_mode == SERVICE_PRIVATE && (s->bus < 0 || s->registration < 0)) {
                fprintf(stderr, "tracingd: the sockets 'bus' (connected, stream) and 'register' (listening, seqpacket) "
                                "were not passed; let tracectl start tracingd\n");
                return -ENOTCONN;
        }
        if (arg_mode != SERVICE_PRIVATE && (s->control < 0 || s->registration < 0)) {
                fprintf(stderr, "tracingd: the sockets 'control' (listening, stream) and 'register' (listening, "
                                "seqpacket) were not passed; start it with systemctl%s start tracingd.service\n",
                        arg_mode == SERVICE_USER ? " --user" : "");
                return -ENOTCONN;
        }
        return 0;
}

/* The caller owns the descriptors, and what is in the store. */
static int take_sockets(struct sockets *ret) {
        struct fd_passed passed[PASSED_MAX];
        char **names = NULL;
        size_t n_passed = 0;
        int n, r = 0;

        *ret = (struct sockets) { .bus = -1, .control = -1, .registration = -1 };
        n = sd_listen_fds_with_names(true, &names);
        for (int i = 0; i < n; i++) {
                int fd = SD_LISTEN_FDS_START + i, *place = find_place(ret, fd, names[i]);

                if (place && *place < 0)
                        *place = fd;
                else if (arg_mode != SERVICE_PRIVATE && n_passed < ARRAY_SIZE(passed))
                        passed[n_passed++] = (struct fd_passed) { .fd = fd, .name = names[i] };
                else
                        close(fd);
        }
        if (arg_mode != SERVICE_PRIVATE)
                r = fd_store_new(passed, n_passed, &ret->store);
        for (int i = 0; i < n; i++)
                free(names[i]);
        free(names);
        return r < 0 ? r : check_sockets(ret);
}

/* Where the wait page and the consumers' sockets are. The caller frees *ret, which is NULL in private mode. */
static int find_run_directory(char **ret) {
        const char *run;

        *ret = NULL;
        if (arg_mode == SERVICE_PRIVATE)
                return 0;
        if (arg_mode == SERVICE_SYSTEM) {
                *ret = strdup(TRACECTL_SYSTEM_RUN);
                return *ret ? 0 : -ENOMEM;
        }
        run = secure_getenv("XDG_RUNTIME_DIR");
        if (!run || run[0] != '/') {
                fprintf(stderr, "tracingd: $XDG_RUNTIME_DIR is not set; start it with systemctl --user start "
                                "tracingd.service\n");
                return -ENOENT;
        }
        return asprintf(ret, "%s/" TRACECTL_RUN, run) < 0 ? -ENOMEM : 0;
}

static int on_signal(sd_event_source *source, const struct signalfd_siginfo *info, void *userdata) {
        if (info->ssi_signo == SIGHUP)
                service_reload(userdata);
        else
                service_end(userdata);
        return 0;
}

/* Signals are blocked before the first thread begins, so that the loop alone receives them. */
static void block_signals(void) {
        sigset_t set;

        sigemptyset(&set);
        sigaddset(&set, SIGTERM);
        sigaddset(&set, SIGINT);
        if (arg_mode == SERVICE_PRIVATE)
                signal(SIGHUP, SIG_IGN);
        else
                sigaddset(&set, SIGHUP);
        sigprocmask(SIG_BLOCK, &set, NULL);
        signal(SIGPIPE, SIG_IGN);
}

/* Each application takes a descriptor. */
static void raise_limits(void) {
        struct rlimit limit;

        if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
                return;
        limit.rlim_cur = limit.rlim_max;
        (void) setrlimit(RLIMIT_NOFILE, &limit);
}

/* SCHED_ATTR_SIZE_VER0; not every C library has it, and the kernel's header cannot stand beside those that do. */
struct slice {
        uint32_t size, policy;
        uint64_t flags;
        int32_t nice;
        uint32_t priority;
        uint64_t runtime, deadline, period;
};

#define SLICE_NSEC (200 * 1000)

/*
 * Clients wait for the main loop, which needs little time at once: who asks for less than others is let run before
 * them, and has no more of the processor by that. From Linux 6.12 on; others leave it as it is. After the threads were
 * made, whose slices shall be as long as ever.
 */
static void shorten_slices(void) {
        struct slice slice = { 0 };

        if (syscall(SYS_sched_getattr, 0, &slice, sizeof(slice), 0) < 0 || slice.policy != SCHED_OTHER)
                return;
        slice.flags = 0;
        slice.runtime = SLICE_NSEC;
        (void) syscall(SYS_sched_setattr, 0, &slice, 0);
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

static int add_signals(struct service *service) {
        int r;

        r = sd_event_add_signal(service_event(service), NULL, SIGTERM, on_signal, service);
        if (r >= 0)
                r = sd_event_add_signal(service_event(service), NULL, SIGINT, on_signal, service);
        if (r >= 0 && arg_mode != SERVICE_PRIVATE)
                r = sd_event_add_signal(service_event(service), NULL, SIGHUP, on_signal, service);
        return r;
}

static int run(const struct sockets *sockets, const char *run_directory, struct consumer_early *early) {
        const struct service_config config = {
                .mode = arg_mode,
                .bus_fd = sockets->bus,
                .register_fd = sockets->registration,
                .control_fd = sockets->control,
                .run_directory = run_directory,
                .idle_usec = arg_idle_usec,
                .first_sample = arg_sample,
                .store = sockets->store,
                .starter = { .start = arg_mode == SERVICE_PRIVATE ? consumer_start_child : NULL, .early = early },
        };
        _cleanup_(service_freep) struct service *service = NULL;
        int r;

        r = service_new(&config, &service);
        /* The client is gone before it has said a word: nothing to serve, and nobody to tell. */
        if (r == -ECONNRESET || r == -EPIPE || r == -ENOTCONN)
                return 0;
        if (r >= 0)
                r = add_signals(service);
        if (r >= 0 && arg_mode != SERVICE_PRIVATE)
                shorten_slices();
        if (r >= 0)
                r = service_run(service);
        if (r < 0)
                fprintf(stderr, "tracingd: cannot serve: %s\n", strerror(-r));
        /* The client waits for our end, and to free what RCU's thread has takes that 10 to 20 ms. */
        if (arg_mode == SERVICE_PRIVATE && service)
                service_leave(TAKE_PTR(service));
        return r;
}

static _Noreturn void run_private(const struct sockets *sockets) {
        struct consumer_early early = CONSUMER_EARLY_NULL;
        int registration, r; /* the service closes its own */

        /* A session of our own: Ctrl-C is for the command that is being recorded. */
        (void) setsid();
        /* Where this fails, so does the first session, which says why. */
        (void) consumer_start_early(&early);
        registration = fcntl(sockets->registration, F_DUPFD_CLOEXEC, 3);
        r = run(sockets, NULL, &early);
        consumer_early_done(&early);
        if (registration >= 0)
                remove_socket(registration);
        /* At once, with what is not freed: no destructor is to look for it, or wait for RCU's thread. */
        _exit(r < 0 ? EXIT_FAILURE : EXIT_SUCCESS);
}

/*
 * Each thread's arena keeps free memory at its end, and malloc_trim() does not take it. By default that is 128 KiB, and
 * comes to be more with every large block that was freed.
 */
static void keep_little_memory(void) {
        (void) mallopt(M_TOP_PAD, 16 * 1024);
        (void) mallopt(M_TRIM_THRESHOLD, 32 * 1024);
        (void) mallopt(M_MMAP_THRESHOLD, 128 * 1024);
}

int main(int argc, char *argv[]) {
        _cleanup_free_ char *run_directory = NULL;
        struct sockets sockets;
        int r;

        r = parse_arguments(argc, argv);
        if (r <= 0)
                return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
        if (find_run_directory(&run_directory) < 0 || take_sockets(&sockets) < 0)
                return EXIT_FAILURE;
        log_open(arg_debug, arg_mode != SERVICE_PRIVATE);
        umask(0077);
        block_signals();
        raise_limits();
        keep_little_memory();
        if (arg_mode == SERVICE_PRIVATE)
                run_private(&sockets);
        r = run(&sockets, run_directory, NULL);
        return r < 0 ? EXIT_FAILURE : r;
}
