/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "client/tracectl/format.h"
#include "client/tracectl/progress.h"
#include "client/tracectl/record-signals.h"
#include "common/cleanup.h"

#define STEPS 4096                             /* between two looks at the clock: well below a millisecond */
#define FIRST_LINE_NS (UINT64_C(1) * 1000 * 1000 * 1000)
#define LINE_NS (UINT64_C(200) * 1000 * 1000)

static volatile sig_atomic_t signal_that_came;

static void on_signal(int signal) {
        signal_that_came = signal;
}

void progress_catch_signals(void) {
        struct sigaction action = { .sa_handler = on_signal, .sa_flags = (int) SA_RESETHAND };
        static const int signals[] = { SIGINT, SIGTERM, SIGHUP };

        for (size_t i = 0; i < ARRAY_SIZE(signals); i++) {
                struct sigaction old;

                /* What nohup has switched off stays so. */
                if (sigaction(signals[i], NULL, &old) >= 0 && old.sa_handler != SIG_IGN)
                        (void) sigaction(signals[i], &action, NULL);
        }
}

static uint64_t now_ns(void) {
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        return (uint64_t) now.tv_sec * 1000000000 + (uint64_t) now.tv_nsec;
}

void progress_init(struct progress *progress, int fd) {
        *progress = (struct progress) {
                .is_shown = isatty(STDERR_FILENO) && !isatty(fd),
                .n_steps_left = STEPS,
                .due_ns = now_ns() + FIRST_LINE_NS,
        };
}

int progress_look(struct progress *progress) {
        progress->n += STEPS;
        progress->n_steps_left = STEPS;
        if (signal_that_came != 0)
                return -EINTR;
        if (progress->is_shown && now_ns() >= progress->due_ns) {
                fputs("\r\x1b[K", stderr);
                format_number(stderr, progress->n);
                fputs(" events", stderr);
                fflush(stderr);
                progress->has_line = true;
                progress->due_ns = now_ns() + LINE_NS;
        }
        return 0;
}

void progress_done(struct progress *progress) {
        if (progress->has_line)
                fputs("\r\x1b[K", stderr);
        progress->has_line = false;
}

void progress_die(void) {
        if (signal_that_came != 0)
                signals_die(signal_that_came);
}
