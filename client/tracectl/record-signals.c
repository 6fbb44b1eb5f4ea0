/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "client/tracectl/record-signals.h"
#include "common/cleanup.h"

static const int taken[] = { SIGINT, SIGQUIT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2 };

static bool is_ignored(int signal) {
        struct sigaction action;

        return sigaction(signal, NULL, &action) >= 0 && action.sa_handler == SIG_IGN;
}

int signals_take(struct signals *ret) {
        static const struct sigaction ignore = { .sa_handler = SIG_IGN }, standard = { .sa_handler = SIG_DFL };
        struct signals signals = SIGNALS_NULL;
        sigset_t mask;

        /* What is ignored stays so (nohup, a shell's background job): blocked, it would be queued. */
        sigemptyset(&mask);
        for (size_t i = 0; i < ARRAY_SIZE(taken); i++)
                if (!is_ignored(taken[i]))
                        sigaddset(&mask, taken[i]);

        /* Last words may go into a closed pipe; with SIGCHLD ignored no child could be waited for. */
        if (sigaction(SIGPIPE, &ignore, &signals.old_pipe) < 0 ||
            sigaction(SIGCHLD, &standard, &signals.old_child) < 0)
                return -errno;
        if (sigprocmask(SIG_BLOCK, &mask, &signals.old_mask) < 0)
                return -errno;
        signals.fd = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
        if (signals.fd < 0)
                return -errno;
        *ret = signals;
        return 0;
}

int signals_restore(const struct signals *signals) {
        if (sigaction(SIGPIPE, &signals->old_pipe, NULL) < 0 || sigaction(SIGCHLD, &signals->old_child, NULL) < 0)
                return -errno;
        return sigprocmask(SIG_SETMASK, &signals->old_mask, NULL) < 0 ? -errno : 0;
}

static bool read_signal(struct signals *signals, struct signalfd_siginfo *ret) {
        return read(signals->fd, ret, sizeof(*ret)) == (ssize_t) sizeof(*ret);
}

int signals_take_end(struct signals *signals) {
        struct signalfd_siginfo info;

        return signals->fd >= 0 && read_signal(signals, &info) ? (int) info.ssi_signo : 0;
}

void signals_forward(struct signals *signals, const struct process *command) {
        struct signalfd_siginfo info;

        if (!read_signal(signals, &info))
                return;
        if (info.ssi_signo == SIGINT || info.ssi_signo == SIGQUIT || info.ssi_code == SI_KERNEL)
                return;
        process_kill(command, (int) info.ssi_signo);
}

void signals_done(struct signals *signals) {
        if (signals->fd >= 0)
                close(TAKE_FD(signals->fd));
}

_Noreturn void signals_die(int signal) {
        static const struct rlimit none = {};
        sigset_t mask;

        /* The limit does not count where the kernel pipes core files to a program. */
        (void) setrlimit(RLIMIT_CORE, &none);
        (void) prctl(PR_SET_DUMPABLE, 0);

        (void) sigaction(signal, &(struct sigaction) { .sa_handler = SIG_DFL }, NULL);
        sigemptyset(&mask);
        sigaddset(&mask, signal);
        (void) raise(signal);
        (void) sigprocmask(SIG_UNBLOCK, &mask, NULL);
        _exit(128 + signal);
}
