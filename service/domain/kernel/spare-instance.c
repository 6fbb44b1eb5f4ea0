/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <string.h>

#include "common/cleanup.h"
#include "service/domain/kernel/spare-instance.h"
#include "service/log.h"

struct spare_instance {
        sd_event *event;
        struct worker *worker;
        int tracefs;
        uint64_t usec;
        sd_event_source *timer; /* main loop */
        bool ended;

        /* the worker's thread */
        struct instance *instance; /* NULL: there is none */
        struct instance_config config;
        char name[INSTANCE_NAME_MAX];
};

struct order {
        struct worker_job job;
        struct spare_instance *spare;
        struct instance_config config;
        char name[INSTANCE_NAME_MAX]; /* "": none is wanted any more */
        struct spare_events events;
};

static void drop(struct spare_instance *s) {
        if (!s->instance)
                return;
        s->instance = instance_free(s->instance);
        (void) instance_remove(s->tracefs, s->name);
}

static int make(struct spare_instance *s, const struct order *o) {
        int r, k;

        s->config = o->config;
        s->config.off = true;
        memcpy(s->name, o->name, sizeof(s->name));
        s->config.name = s->name;
        r = instance_new(s->tracefs, &s->config, &s->instance);
        if (r < 0)
                return r;
        r = instance_configure(s->instance);
        if (r >= 0 && o->events.calls)
                r = instance_try_calls(s->instance);
        k = instance_wait(s->instance);
        if (r >= 0 && k >= 0 && o->events.prints)
                r = instance_try_prints(s->instance);
        if (r < 0 || k < 0)
                drop(s);
        return r < 0 ? r : k;
}

static bool run_order(struct worker_job *job) {
        struct order *o = CONTAINER_OF(job, struct order, job);
        int r = 0;

        drop(o->spare);
        if (*o->name)
                r = make(o->spare, o);
        if (r < 0)
                log_debug("no instance of the kernel's could be made ready: %s", strerror(-r));
        return false;
}

static void end_order(struct worker_job *job) {
        free(CONTAINER_OF(job, struct order, job));
}

static int submit(struct spare_instance *s, const struct instance_config *config, struct spare_events events) {
        struct order *o = calloc(1, sizeof(*o));

        if (!o)
                return -ENOMEM;
        *o = (struct order) { .job = { .run = run_order, .done = end_order }, .spare = s, .events = events };
        if (config) {
                o->config = *config;
                snprintf(o->name, sizeof(o->name), "%s", config->name);
        }
        worker_submit(s->worker, &o->job);
        return 0;
}

static int on_unused(sd_event_source *source, uint64_t usec, void *userdata) {
        struct spare_instance *s = userdata;

        s->timer = sd_event_source_disable_unref(s->timer);
        (void) submit(s, NULL, (struct spare_events) { 0 });
        return 0;
}

void spare_instance_order(struct spare_instance *s, const struct instance_config *config, struct spare_events events) {
        if (s->ended)
                return;
        s->timer = sd_event_source_disable_unref(s->timer);
        if (sd_event_add_time_relative(s->event, &s->timer, CLOCK_MONOTONIC, s->usec, 0, on_unused, s) >= 0)
                (void) submit(s, config, events);
}

static bool is_such(const struct instance_config *a, const struct instance_config *b) {
        return a->subbuf_size == b->subbuf_size && a->buffer_size == b->buffer_size && a->overwrite == b->overwrite &&
               a->clock == b->clock;
}

int spare_instance_take(struct spare_instance *s, const struct instance_config *config, struct instance **ret) {
        if (!s->instance || strcmp(s->name, config->name) != 0)
                return -ENOENT;
        if (!is_such(&s->config, config)) {
                drop(s);
                return -ENOENT;
        }
        *ret = TAKE_PTR(s->instance);
        return 0;
}

int spare_instance_new(sd_event *event, struct worker *worker, int tracefs, uint64_t usec,
                       struct spare_instance **ret) {
        struct spare_instance *s = calloc(1, sizeof(*s));

        if (!s)
                return -ENOMEM;
        *s = (struct spare_instance) {
                .event = sd_event_ref(event),
                .worker = worker,
                .tracefs = tracefs,
                .usec = usec,
        };
        *ret = s;
        return 0;
}

void spare_instance_end(struct spare_instance *s) {
        s->ended = true;
        s->timer = sd_event_source_disable_unref(s->timer);
}

struct spare_instance *spare_instance_free(struct spare_instance *s) {
        if (!s)
                return NULL;
        spare_instance_end(s);
        drop(s);
        sd_event_unref(s->event);
        free(s);
        return NULL;
}
