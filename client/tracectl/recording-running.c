/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Programs that run already: the service knows them, or, of the kernel, needs nothing of them. */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "client/tracectl/recording.h"
#include "client/tracectl/say.h"
#include "common/cleanup.h"

/* Held before anything is recorded: the number stands for no other process then. */
static int open_processes(struct recording *r) {
        const struct record_arguments *a = r->arguments;

        r->pidfds = calloc(a->n_pids, sizeof(*r->pidfds));
        if (!r->pidfds)
                return -ENOMEM;
        memset(r->pidfds, 0xff, a->n_pids * sizeof(*r->pidfds));
        for (size_t i = 0; i < a->n_pids; i++) {
                int fd = (int) syscall(SYS_pidfd_open, a->pids[i], 0);

                if (fd < 0) {
                        int error = -errno;

                        say(error == -ESRCH || error == -EINVAL
                                    ? "There is no process %u. Which there are: pgrep NAME, or tracectl list --applications"
                                    : "Failed to open process %u: %m.", a->pids[i]);
                        return error;
                }
                r->pidfds[i] = fd;
        }
        return 0;
}

/* What the recording is named after. */
static void read_name(uint32_t pid, char name[static 32]) {
        _cleanup_close_ int fd = -1;
        ssize_t n;
        char path[32];

        snprintf(path, sizeof(path), "/proc/%u/comm", pid);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        n = fd >= 0 ? read(fd, name, 31) : 0;
        name[n > 0 ? n : 0] = '\0';
        name[strcspn(name, "\n")] = '\0';
        for (char *p = name; (p = strchr(p, '/'));)
                *p = '_';
        if (!*name)
                snprintf(name, 32, "process");
}

static int enable_all(struct recording *r) {
        const struct record_arguments *a = r->arguments;
        int k = 0;

        for (size_t i = 0; i < a->n_pids && k >= 0; i++) {
                struct tracectl_event_options options = a->selection.options;

                if (a->kernel) {
                        k = recording_enable_kernel(r, (pid_t) a->pids[i]);
                        continue;
                }
                options.target_pid = a->pids[i];
                options.target_children = 1;
                for (size_t j = 0; j < a->n_patterns && k >= 0; j++)
                        k = recording_enable(r, "user", a->patterns[j], a->filters[j], &options);
        }
        return k;
}

int recording_set_up_running(struct recording *r) {
        const struct record_arguments *a = r->arguments;
        char name[32];
        int k;

        k = open_processes(r);
        if (k < 0)
                return k;
        read_name(a->pids[0], name);
        k = record_output_create(a->output, name, time(NULL), &r->output);
        if (k >= 0)
                k = recording_connect(r, "--pid");
        if (k >= 0)
                k = recording_make_session(r, a->kernel ? "kernel" : "user", name, getpid());
        if (k >= 0)
                k = enable_all(r);
        if (k >= 0)
                k = recording_start(r);
        if (k >= 0)
                say("Recording into %s/ until %s, or Ctrl-C.", r->output.path,
                    a->n_pids == 1 ? "the program ends" : "the programs end");
        return k;
}

/* Whether one still runs. Those that have ended are looked at no longer. */
static bool note_ended(struct recording *r, const struct pollfd *fds) {
        bool is_any_left = false;

        for (size_t i = 0; i < r->arguments->n_pids; i++) {
                if (r->pidfds[i] >= 0 && fds[i].revents)
                        close(TAKE_FD(r->pidfds[i]));
                is_any_left |= r->pidfds[i] >= 0;
        }
        return is_any_left;
}

int recording_wait_for_running(struct recording *r) {
        size_t n = r->arguments->n_pids;
        uint64_t deadline = record_deadline(r->arguments->duration);
        _cleanup_free_ struct pollfd *fds = calloc(n + 3, sizeof(*fds));
        int k;

        if (!fds)
                return -ENOMEM;
        for (;;) {
                for (size_t i = 0; i < n; i++)
                        fds[i] = (struct pollfd) { .fd = r->pidfds[i], .events = POLLIN };
                if (tracectl_connection_process(r->service.connection) < 0) {
                        r->service_lost = true;
                        return 0;
                }
                fds[n] = (struct pollfd) { .fd = r->signals.fd, .events = POLLIN };
                fds[n + 1] = (struct pollfd) { .fd = tracectl_connection_get_fd(r->service.connection),
                                               .events = POLLIN };
                fds[n + 2] = (struct pollfd) { .fd = record_live_get_fd(&r->live), .events = POLLIN };
                k = record_poll(fds, n + 3, deadline);
                if (k == -EINTR)
                        continue;
                if (k < 0)
                        return k == -ETIMEDOUT ? 0 : k;
                if (fds[n + 2].revents)
                        record_live_print(&r->live);
                if (fds[n].revents && signals_take_end(&r->signals) > 0)
                        return 0;
                if (!note_ended(r, fds))
                        return 0;
        }
}
