/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/close_range.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "client/tracectl/record-service.h"
#include "client/tracectl/say.h"
#include "common/cleanup.h"
#include "common/program.h"

/* Every application waits here from its first tracepoint on: a storm of them must fit. The kernel caps it. */
#define BACKLOG 4096

/* tracingd gives its consumer 10 seconds to write what is left. */
#define END_TIMEOUT_MSEC 15000
#define TERM_TIMEOUT_MSEC 3000

#define LISTEN_FDS_START 3

struct prepare {
        const struct signals *signals;
        int fds[2]; /* bus, register */
};

static int make_directory_in(const char *parent, char **ret_directory, char **ret_socket_path) {
        _cleanup_free_ char *directory = NULL, *path = NULL;
        struct sockaddr_un address;

        if (asprintf(&directory, "%s/tracectl-XXXXXX", parent) < 0 || asprintf(&path, "%s/register", directory) < 0)
                return -ENOMEM;
        if (strlen(path) >= sizeof(address.sun_path))
                return -ENAMETOOLONG;
        if (!mkdtemp(directory))
                return -errno;
        memcpy(path, directory, strlen(directory));
        *ret_directory = TAKE_PTR(directory);
        *ret_socket_path = TAKE_PTR(path);
        return 0;
}

/* sudo and su may leave another user's folder in the environment. */
static const char *own_runtime_directory(void) {
        const char *path = getenv("XDG_RUNTIME_DIR");
        struct stat st;

        if (!path || path[0] != '/' || stat(path, &st) < 0 || !S_ISDIR(st.st_mode) || st.st_uid != geteuid())
                return NULL;
        return path;
}

static int make_directory(char **ret_directory, char **ret_socket_path) {
        const char *runtime = own_runtime_directory();
        int r;

        if (runtime && make_directory_in(runtime, ret_directory, ret_socket_path) >= 0)
                return 0;
        r = make_directory_in("/tmp", ret_directory, ret_socket_path);
        if (r < 0)
                say("Failed to create a directory for the service's socket in %s%s/tmp: %s.", runtime ?: "",
                    runtime ? " or " : "", strerror(-r));
        return r;
}

static int listen_at(const char *path, int *ret_fd) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        _cleanup_close_ int fd = -1;

        fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
                return -errno;
        memcpy(address.sun_path, path, strlen(path) + 1);
        if (bind(fd, (struct sockaddr *) &address, sizeof(address)) < 0 || listen(fd, BACKLOG) < 0)
                return -errno;
        *ret_fd = TAKE_FD(fd);
        return 0;
}

/* Places fds at LISTEN_FDS_START and on, and leaves nothing else open beyond exec. */
static int place_fds(const int fds[static 2]) {
        int copies[2];
        int null_fd;

        for (int i = 0; i < 2; i++) {
                copies[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, LISTEN_FDS_START + 2);
                if (copies[i] < 0)
                        return -errno;
        }
        null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
        if (null_fd < 0)
                return -errno;
        if (dup2(null_fd, STDIN_FILENO) < 0 || dup2(STDERR_FILENO, STDOUT_FILENO) < 0)
                return -errno;
        for (int i = 0; i < 2; i++)
                if (dup2(copies[i], LISTEN_FDS_START + i) < 0)
                        return -errno;
        return close_range(LISTEN_FDS_START + 2, ~0U, CLOSE_RANGE_CLOEXEC) < 0 ? -errno : 0;
}

static int prepare_child(void *userdata) {
        const struct prepare *prepare = userdata;
        char pid[24];
        int r;

        r = place_fds(prepare->fds);
        if (r < 0)
                return r;
        snprintf(pid, sizeof(pid), "%lld", (long long) getpid());
        if (setenv("LISTEN_PID", pid, 1) < 0 || setenv("LISTEN_FDS", "2", 1) < 0 ||
            setenv("LISTEN_FDNAMES", "bus:register", 1) < 0)
                return -errno;

        /* In a recording inside a recording, the outer one traces the command and not this service. */
        (void) unsetenv("TRACECTL_SOCKET");
        (void) unsetenv("NOTIFY_SOCKET");
        return signals_restore(prepare->signals);
}

static int start_process(const struct signals *signals, const struct trace_clock_sample *sample, int bus_fd,
                         int register_fd, struct process *ret) {
        struct prepare prepare = { .signals = signals, .fds = { bus_fd, register_fd } };
        _cleanup_free_ char *path = NULL;
        char clock[64];
        int r;

        if (sample)
                snprintf(clock, sizeof(clock), "--clock=%" PRIu64 ":%" PRIu64, sample->ticks, sample->nsec);
        r = program_find("service", "tracingd", &path);
        if (r < 0) {
                say("The tracing service tracingd was not found: %s. Install it, or build it completely.",
                    strerror(-r));
                return r;
        }
        r = process_start(path, (char *[]) { path, (char *) "--private", sample ? clock : NULL, NULL }, prepare_child, &prepare, ret);
        if (r < 0)
                say("Failed to start the tracing service '%s': %s.", path, strerror(-r));
        return r;
}

static int start(const struct signals *signals, const struct trace_clock_sample *sample,
                 struct record_service *service) {
        _cleanup_close_ int ours = -1, theirs = -1, register_fd = -1;
        int pair[2], r;

        r = make_directory(&service->directory, &service->socket_path);
        if (r < 0)
                return r;
        r = listen_at(service->socket_path, &register_fd);
        if (r < 0) {
                say("Failed to create the service's socket '%s': %s.", service->socket_path, strerror(-r));
                return r;
        }
        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) < 0) {
                r = -errno;
                say("Failed to create a socket pair: %s.", strerror(-r));
                return r;
        }
        ours = pair[0];
        theirs = pair[1];
        r = start_process(signals, sample, theirs, register_fd, &service->process);
        if (r < 0)
                return r;
        r = tracectl_connection_new_fd(TAKE_FD(ours), &service->connection);
        if (r < 0)
                say("Failed to speak to the tracing service: %s.", strerror(-r));
        return r;
}

int record_service_start(const struct signals *signals, const struct trace_clock_sample *sample,
                         struct record_service *ret) {
        struct record_service service = RECORD_SERVICE_NULL;
        int r;

        r = start(signals, sample, &service);
        if (r < 0) {
                record_service_done(&service);
                return r;
        }
        *ret = service;
        return 0;
}

int record_service_end(struct record_service *service, siginfo_t *ret_how) {
        int r;

        tracectl_connection_free(TAKE_PTR(service->connection));
        if (service->process.pid == 0)
                return -ESRCH;
        r = process_wait(&service->process, END_TIMEOUT_MSEC, ret_how);
        if (r == -ETIMEDOUT) {
                process_kill(&service->process, SIGTERM);
                r = process_wait(&service->process, TERM_TIMEOUT_MSEC, ret_how);
        }
        if (r == -ETIMEDOUT) {
                process_kill(&service->process, SIGKILL);
                r = process_wait(&service->process, TERM_TIMEOUT_MSEC, ret_how);
        }
        return r;
}

void record_service_done(struct record_service *service) {
        siginfo_t how;

        (void) record_service_end(service, &how);
        process_done(&service->process);
        if (service->socket_path)
                (void) unlink(service->socket_path);
        if (service->directory)
                (void) rmdir(service->directory);
        free(service->socket_path);
        free(service->directory);
        *service = (struct record_service) RECORD_SERVICE_NULL;
}
