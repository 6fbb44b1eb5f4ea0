/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <time.h>

#include "common/cleanup.h"
#include "service/model/calibration.h"

/* That a machine which does nothing else needs a twentieth of. */
#define BOUND_NSEC (20 * 1000 * 1000)
#define NSEC_PER_SEC (1000 * 1000 * 1000)

/* A bound that is wider is measured again, after a pause, so often, and no more after so long. */
#define WANTED_NSEC 100
#define RETRIES 8
#define RETRY_NSEC (200 * 1000)
#define RETRIES_NSEC (10 * 1000 * 1000)

struct calibration {
        pthread_t thread, bound_thread;
        bool done, bound_joined;
        enum trace_clock clock;
        struct trace_clock_sample first; /* with it there is no thread */
        bool begun;
        struct trace_clock_info info;
        int result;
        clock_bound_measure_t measure_bound;
        _Atomic uint64_t bound, difference; /* what has been found until now; 0: nothing */
        bool known; /* from an earlier tracingd */
        struct trace_clock_info earlier;
};

static void *measure(void *userdata) {
        struct calibration *c = userdata;

        c->result = trace_clock_calibrate(c->clock, c->begun ? &c->first : NULL, &c->info);
        return NULL;
}

/* How much the clock goes on in the time that is wanted, roughly. */
static uint64_t wanted_ticks(const struct calibration *c, uint64_t ticks_before, uint64_t nsec_before) {
        uint64_t nsec = trace_clock_read_monotonic(0) - nsec_before;

        return nsec > 0 ? (trace_clock_read(c->clock, 0) - ticks_before) * WANTED_NSEC / nsec : 0;
}

/* Of all bounds the narrowest counts, and every difference that was found. */
static int measure_bound_once(struct calibration *c) {
        struct clock_bound found;
        int r = c->measure_bound(c->clock, &found);

        if (r < 0)
                return r;
        if (c->bound == 0 || found.ticks < c->bound)
                c->bound = found.ticks;
        if (found.certain > c->difference)
                c->difference = found.certain;
        if (c->bound < c->difference)
                c->bound = c->difference;
        return 0;
}

/*
 * While the other one sleeps. How far two processors of a virtual machine are from each other depends on where its host
 * runs them, and that changes within milliseconds.
 */
static void *run_bound(void *userdata) {
        const struct timespec pause = { .tv_nsec = RETRY_NSEC };
        struct calibration *c = userdata;
        uint64_t ticks = trace_clock_read(c->clock, 0), begun = trace_clock_read_monotonic(0);

        for (int i = 0; measure_bound_once(c) >= 0 && i < RETRIES && c->bound > wanted_ticks(c, ticks, begun); i++) {
                if (trace_clock_read_monotonic(0) > begun + RETRIES_NSEC)
                        break;
                (void) nanosleep(&pause, NULL);
        }
        return NULL;
}

static int start(struct calibration *c) {
        int r;

        r = pthread_create(&c->bound_thread, NULL, run_bound, c);
        if (r > 0 || c->begun)
                return -r;
        r = pthread_create(&c->thread, NULL, measure, c);
        if (r > 0)
                pthread_join(c->bound_thread, NULL);
        return -r;
}

int calibration_new(enum trace_clock clock, const struct trace_clock_sample *first, clock_bound_measure_t measure_bound,
                    struct calibration **ret) {
        struct calibration *c;
        int r;

        c = malloc(sizeof(*c));
        if (!c)
                return -ENOMEM;
        *c = (struct calibration) { .clock = clock, .begun = first, .measure_bound = measure_bound ?: clock_bound_measure };
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
        c->info.precision = c->bound;
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

uint64_t calibration_difference(const struct calibration *c) {
        return c->difference;
}
