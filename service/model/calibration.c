/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <time.h>

#include "common/cleanup.h"
#include "service/model/calibration.h"
#include "service/model/clock-bound.h"

/* That a machine which does nothing else needs a tenth of. */
#define BOUND_NSEC (10 * 1000 * 1000)
#define NSEC_PER_SEC (1000 * 1000 * 1000)

struct calibration {
        pthread_t thread, bound_thread;
        bool done, bound_joined;
        enum trace_clock clock;
        struct trace_clock_sample first; /* with it there is no thread */
        bool begun;
        struct trace_clock_info info;
        int result;
        struct clock_bound bound;
        bool known; /* from an earlier tracingd */
        struct trace_clock_info earlier;
};

static void *measure(void *userdata) {
        struct calibration *c = userdata;

        c->result = trace_clock_calibrate(c->clock, c->begun ? &c->first : NULL, &c->info);
        return NULL;
}

/* While the other one sleeps. */
static void *measure_bound(void *userdata) {
        struct calibration *c = userdata;

        if (clock_bound_measure(c->clock, &c->bound) < 0)
                c->bound = (struct clock_bound) {};
        return NULL;
}

static int start(struct calibration *c) {
        int r;

        r = pthread_create(&c->bound_thread, NULL, measure_bound, c);
        if (r > 0 || c->begun)
                return -r;
        r = pthread_create(&c->thread, NULL, measure, c);
        if (r > 0)
                pthread_join(c->bound_thread, NULL);
        return -r;
}

int calibration_new(enum trace_clock clock, const struct trace_clock_sample *first, struct calibration **ret) {
        struct calibration *c;
        int r;

        c = malloc(sizeof(*c));
        if (!c)
                return -ENOMEM;
        *c = (struct calibration) { .clock = clock, .begun = first };
        if (first)
                c->first = *first;
        r = start(c);
        if (r < 0) {
                free(c);
                return r;
        }
        *ret = c;
        return 0;
}

/* Where a client waits for a recording of its own, it does not wait long for a machine that has much to do. */
static bool join_bound(struct calibration *c) {
        struct timespec until;

        if (!c->begun)
                return pthread_join(c->bound_thread, NULL) == 0;
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_nsec += BOUND_NSEC;
        if (until.tv_nsec >= NSEC_PER_SEC) {
                until.tv_nsec -= NSEC_PER_SEC;
                until.tv_sec++;
        }
        return pthread_clockjoin_np(c->bound_thread, NULL, CLOCK_MONOTONIC, &until) == 0;
}

static void finish(struct calibration *c) {
        if (c->done)
                return;
        if (c->begun)
                (void) measure(c);
        else
                pthread_join(c->thread, NULL);
        c->bound_joined = join_bound(c);
        if (c->bound_joined)
                c->info.precision = c->bound.ticks;
        c->done = true;
}

struct calibration *calibration_free(struct calibration *c) {
        if (!c)
                return NULL;
        if (!c->done && !c->begun)
                pthread_join(c->thread, NULL);
        if (!c->bound_joined)
                pthread_join(c->bound_thread, NULL);
        free(c);
        return NULL;
}

void calibration_set(struct calibration *c, const struct trace_clock_info *info) {
        c->earlier = *info;
        c->known = true;
}

int calibration_get(struct calibration *c, struct trace_clock_info *ret) {
        if (c->known) {
                *ret = c->earlier;
                return 0;
        }
        finish(c);
        if (c->result < 0)
                return c->result;
        *ret = c->info;
        return 0;
}
