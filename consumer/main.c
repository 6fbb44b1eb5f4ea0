/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "config.h"
#include "consumer/consumer.h"

/* Where tracingd leaves the socket of the consumer protocol. */
#define CONSUMER_FD 3

static int help(void) {
        printf("tracectl-consumer: writes a tracing session's rings to a trace directory.\n\n"
               "tracingd starts it, with a socket as file descriptor %i; it takes no arguments.\n\n"
               "  -h --help     Show this text\n"
               "     --version  Show the version\n",
               CONSUMER_FD);
        return EXIT_SUCCESS;
}

int main(int argc, char *argv[]) {
        struct stat st;
        int r;

        if (argc == 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0))
                return help();
        if (argc == 2 && strcmp(argv[1], "--version") == 0) {
                printf("tracectl-consumer %s\n", TRACECTL_VERSION);
                return EXIT_SUCCESS;
        }
        if (argc > 1) {
                fprintf(stderr, "tracectl-consumer: unknown argument '%s'; see tracectl-consumer --help.\n", argv[1]);
                return EXIT_FAILURE;
        }
        if (fstat(CONSUMER_FD, &st) < 0 || !S_ISSOCK(st.st_mode)) {
                fprintf(stderr,
                        "tracectl-consumer: file descriptor %i is no socket; tracingd starts this program, use "
                        "\"tracectl record\".\n",
                        CONSUMER_FD);
                return EXIT_FAILURE;
        }
        r = consumer_run(CONSUMER_FD);
        if (r < 0) {
                fprintf(stderr, "tracectl-consumer: the trace is incomplete: %s.\n", strerror(-r));
                return EXIT_FAILURE;
        }
        return EXIT_SUCCESS;
}
