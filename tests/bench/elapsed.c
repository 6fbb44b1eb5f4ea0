/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * elapsed FILE COMMAND...: runs it, and writes to FILE how many microseconds passed between its fork and its end. So it
 * is seen apart from what starting and ending its tracer takes, which stands before both.
 */

#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double now(void) {
        struct timespec ts;

        clock_gettime(CLOCK_MONOTONIC, &ts);
        return (double) ts.tv_sec * 1e6 + (double) ts.tv_nsec / 1e3;
}

int main(int argc, char *argv[]) {
        double begin = now(), took;
        int status;
        FILE *f;
        pid_t pid;

        if (argc < 3 || posix_spawnp(&pid, argv[2], NULL, NULL, argv + 2, environ) != 0 || waitpid(pid, &status, 0) < 0)
                return 127;
        took = now() - begin;
        f = fopen(argv[1], "we");
        if (!f || fprintf(f, "%.1f\n", took) < 0 || fclose(f) != 0)
                return 127;
        return WIFEXITED(status) ? WEXITSTATUS(status) : 126;
}
