/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What starting and ending a process costs: posix_spawn() to waitpid() of each
 * program given, in turns. Prints of each `start PROGRAM minimum median` and, as
 * the third number, the median of the differences to the first program in the
 * same turn; in microseconds.
 */

#include <libgen.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PROGRAMS_MAX 8
#define TURNS 301

static double now(void) {
        struct timespec ts;

        clock_gettime(CLOCK_MONOTONIC, &ts);
        return (double) ts.tv_sec * 1e6 + (double) ts.tv_nsec / 1e3;
}

static int compare(const void *a, const void *b) {
        double x = *(const double *) a, y = *(const double *) b;

        return (x > y) - (x < y);
}

static double run(char *path) {
        char *argv[] = { path, NULL };
        double begin = now();
        int status;
        pid_t pid;

        if (posix_spawn(&pid, path, NULL, NULL, argv, environ) != 0 || waitpid(pid, &status, 0) != pid || status != 0) {
                fprintf(stderr, "bench-start: '%s' did not run.\n", path);
                exit(EXIT_FAILURE);
        }
        return now() - begin;
}

int main(int argc, char *argv[]) {
        static double times[PROGRAMS_MAX][TURNS], more[PROGRAMS_MAX][TURNS];
        int n = argc - 1;

        if (n < 1 || n > PROGRAMS_MAX) {
                fprintf(stderr, "Usage: bench-start PROGRAM...\n");
                return EXIT_FAILURE;
        }
        for (unsigned turn = 0; turn < TURNS; turn++)
                for (int i = 0; i < n; i++) {
                        times[i][turn] = run(argv[1 + i]);
                        more[i][turn] = times[i][turn] - times[0][turn];
                }
        for (int i = 0; i < n; i++) {
                qsort(times[i], TURNS, sizeof(double), compare);
                qsort(more[i], TURNS, sizeof(double), compare);
                printf("start %s %.0f %.0f %.0f\n", basename(argv[1 + i]), times[i][0], times[i][TURNS / 2],
                       more[i][TURNS / 2]);
        }
        return 0;
}
