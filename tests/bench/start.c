/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What starting and ending a process costs: posix_spawn() to waitpid() of each
 * program given, in turns, and in each turn in another order: what daemons still
 * do for a program that has ended would slow down the one that always comes next. LIBRARY=PROGRAM is a program whose library is loaded
 * from that path, as from the cache of one that is installed: programs of a build
 * tree search its folders first, which costs them up to 40 µs. Prints of each `start PROGRAM minimum median` and, as
 * the third number, the median of the differences to the first program in the
 * same turn; in microseconds.
 */

#include <libgen.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PROGRAMS_MAX 8
#define TURNS 301
#define ENVIRONMENT_MAX 256

static double now(void) {
        struct timespec ts;

        clock_gettime(CLOCK_MONOTONIC, &ts);
        return (double) ts.tv_sec * 1e6 + (double) ts.tv_nsec / 1e3;
}

static int compare(const void *a, const void *b) {
        double x = *(const double *) a, y = *(const double *) b;

        return (x > y) - (x < y);
}

struct program {
        char *path;
        char *environment[ENVIRONMENT_MAX + 2];
};

static void set_program(struct program *p, char *argument) {
        char *separator = strchr(argument, '=');
        size_t n = 0;

        p->path = separator ? separator + 1 : argument;
        while (environ[n] && n < ENVIRONMENT_MAX) {
                p->environment[n] = environ[n];
                n++;
        }
        if (separator && asprintf(&p->environment[n], "LD_PRELOAD=%.*s", (int) (separator - argument), argument) < 0)
                abort();
}

static double run(struct program *program) {
        char *path = program->path, *argv[] = { path, NULL };
        double begin = now();
        int status;
        pid_t pid;

        if (posix_spawn(&pid, path, NULL, NULL, argv, program->environment) != 0 || waitpid(pid, &status, 0) != pid || status != 0) {
                fprintf(stderr, "bench-start: '%s' did not run.\n", path);
                exit(EXIT_FAILURE);
        }
        return now() - begin;
}

/* Each order as often as any other; always the same ones. */
static void shuffle(int *order, int n) {
        static unsigned short state[3] = { 1, 2, 3 };

        for (int i = n - 1; i > 0; i--) {
                int j = (int) (nrand48(state) % (i + 1)), other = order[j];

                order[j] = order[i];
                order[i] = other;
        }
}

int main(int argc, char *argv[]) {
        static struct program programs[PROGRAMS_MAX];
        static double times[PROGRAMS_MAX][TURNS], more[PROGRAMS_MAX][TURNS];
        int n = argc - 1, order[PROGRAMS_MAX];

        if (n < 1 || n > PROGRAMS_MAX) {
                fprintf(stderr, "Usage: bench-start [LIBRARY=]PROGRAM...\n");
                return EXIT_FAILURE;
        }
        for (int i = 0; i < n; i++) {
                set_program(&programs[i], argv[1 + i]);
                order[i] = i;
        }
        for (unsigned turn = 0; turn < TURNS; turn++) {
                shuffle(order, n);
                for (int i = 0; i < n; i++)
                        times[order[i]][turn] = run(&programs[order[i]]);
                for (int i = 0; i < n; i++)
                        more[i][turn] = times[i][turn] - times[0][turn];
        }
        for (int i = 0; i < n; i++) {
                qsort(times[i], TURNS, sizeof(double), compare);
                qsort(more[i], TURNS, sizeof(double), compare);
                printf("start %s %.0f %.0f %.0f\n", basename(programs[i].path), times[i][0], times[i][TURNS / 2],
                       more[i][TURNS / 2]);
        }
        return 0;
}
