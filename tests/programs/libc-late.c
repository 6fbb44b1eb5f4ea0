/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Opens a file in its destructor, and allocates memory for long enough that tracing could have been turned off. */

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "libc-late.h"

#define EXPORT __attribute__((visibility("default")))

static double now(void) {
        struct timespec ts;

        clock_gettime(CLOCK_MONOTONIC, &ts);
        return (double) ts.tv_sec + (double) ts.tv_nsec / 1e9;
}

EXPORT int late_answer(void) {
        return 42;
}

static void __attribute__((destructor)) work_late(void) {
        double end = now() + 0.1;
        FILE *f;

        while (now() < end)
                for (int i = 0; i < 10; i++) {
                        void *volatile p = malloc(100);

                        free(p);
                }
        f = fopen("/dev/null", "r");
        if (f)
                fclose(f);
}
