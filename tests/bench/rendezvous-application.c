/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * N programs with tracepoints that do nothing until they are killed:
 *
 *     bench-rendezvous-application N
 *
 * starts itself N times and says "ready" when all are in main().
 */

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

#if defined(WITH_LTTNG)
#define LTTNG_UST_TRACEPOINT_CREATE_PROBES
#define LTTNG_UST_TRACEPOINT_DEFINE
#include "lttng-provider.h"
#else
#include <tracectl/tracepoint.h>
#endif

#define READY_FD 100

static void emit(void) {
#if defined(WITH_LTTNG)
        lttng_ust_tracepoint(bench, number, 1);
        lttng_ust_tracepoint(bench, off, 1);
        lttng_ust_tracepoint(bench, context, 1);
        lttng_ust_tracepoint(bench, passes, 1);
        lttng_ust_tracepoint(bench, fails, 1);
#else
        tracectl_trace(bench, number, tp_u64(number, 1));
        tracectl_trace(bench, off, tp_u64(number, 1));
        tracectl_trace(bench, context, tp_u64(number, 1));
        tracectl_trace(bench, passes, tp_u64(number, 1));
        tracectl_trace(bench, fails, tp_u64(number, 1));
#endif
}

static int wait_for_the_end(void) {
        if (write(READY_FD, "", 1) != 1)
                return EXIT_FAILURE;
        close(READY_FD);
        emit();
        for (;;)
                pause();
}

static int start(char *program, int ready) {
        char *const argv[] = { program, NULL };
        pid_t parent = getpid(), pid = vfork();

        if (pid == 0) {
                (void) prctl(PR_SET_PDEATHSIG, SIGKILL);
                if (getppid() != parent || dup2(ready, READY_FD) < 0)
                        _exit(1);
                execv("/proc/self/exe", argv);
                _exit(1);
        }
        return pid;
}

int main(int argc, char *argv[]) {
        int n = argc > 1 ? atoi(argv[1]) : 0, ready[2];
        char byte;

        if (argc < 2)
                return wait_for_the_end();
        if (pipe2(ready, O_CLOEXEC) < 0)
                return EXIT_FAILURE;
        for (int i = 0; i < n; i++)
                if (start(argv[0], ready[1]) < 0)
                        return EXIT_FAILURE;
        for (int i = 0; i < n; i++)
                if (read(ready[0], &byte, 1) != 1)
                        return EXIT_FAILURE;
        puts("ready");
        fflush(stdout);
        for (;;)
                pause();
}
