/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Emits events for ever, or until it is killed, and keeps how many in a file
 * that outlives it:
 *
 *   committed FILE RATE    RATE events a second, in bursts of a hundredth of it
 *
 * The number is stored after each event: one more may have been recorded. Prints
 * "ready" before the first.
 */

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <tracectl/tracepoint.h>

#define BURSTS 100

static void pause_until(struct timespec *next) {
        next->tv_nsec += 1000000000 / BURSTS;
        if (next->tv_nsec >= 1000000000) {
                next->tv_nsec -= 1000000000;
                next->tv_sec++;
        }
        while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, next, NULL) != 0)
                ;
}

int main(int argc, char *argv[]) {
        volatile uint64_t *n;
        struct timespec next;
        uint64_t burst;
        int fd;

        if (argc != 3)
                return 1;
        burst = strtoull(argv[2], NULL, 10) / BURSTS;
        fd = open(argv[1], O_RDWR | O_CREAT | O_TRUNC, 0600);
        if (fd < 0 || ftruncate(fd, sizeof(*n)) < 0)
                return 1;
        n = mmap(NULL, sizeof(*n), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (n == MAP_FAILED)
                return 1;
        puts("ready");
        fflush(stdout);
        clock_gettime(CLOCK_MONOTONIC, &next);
        for (;;) {
                for (uint64_t i = 0; i < burst; i++) {
                        uint64_t k = *n;

                        tracectl_trace(test, tick, tp_u64(writer, 1), tp_u64(counter, k));
                        *n = k + 1;
                }
                pause_until(&next);
        }
}
