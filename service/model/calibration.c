/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>

#include "common/cleanup.h"
#include "service/model/calibration.h"
#include "service/model/clock-bound.h"

struct calibration {
        pthread_t thread, bound_thread;
        bool joined;
        enum trace_clock clock;
        struct trace_clock_info info;
        int result;
        struct clock_bound bound;
        bool known; /* from an earlier tracingd */
        struct trace_clock_info earlier;
};

static void *measure(void *userdata) {
        struct calibration *c = userdata;

        c->result = trace_clock_calibrate(c->clock, &c->info);
        return NULL;
}

/* While the other one sleeps. */
static void *measure_bound(void *userdata) {
        struct calibration *c = userdata;

        if (clock_bound_measure(c->clock, &c->bound) < 0)
                c->bound = (struct clock_bound) {};
        return NULL;
}

int calibration_new(enum trace_clock clock, struct calibration **ret) {
        struct calibration *c;
        int r;

        c = malloc(sizeof(*c));
        if (!c)
                return -ENOMEM;
        *c = (struct calibration) { .clock = clock };
        r = pthread_create(&c->thread, NULL, measure, c);
        if (r > 0) {
                free(c);
                return -r;
        }
        r = pthread_create(&c->bound_thread, NULL, measure_bound, c);
        if (r > 0) {
                pthread_join(c->thread, NULL);
                free(c);
                return -r;
        }
        *ret = c;
        return 0;
}

static void join(struct calibration *c) {
        if (c->joined)
                return;
        pthread_join(c->thread, NULL);
        pthread_join(c->bound_thread, NULL);
        c->info.precision = c->bound.ticks;
        c->joined = true;
}

struct calibration *calibration_free(struct calibration *c) {
        if (c)
                join(c);
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
        join(c);
        if (c->result < 0)
                return c->result;
        *ret = c->info;
        return 0;
}
