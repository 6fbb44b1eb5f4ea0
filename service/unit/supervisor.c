/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <string.h>

#include "service/log.h"
#include "service/unit/spare-pair.h"
#include "service/unit/supervisor.h"

#define PAUSE_MIN_USEC (50 * 1000)
#define PAUSE_MAX_USEC (2 * 1000 * 1000)
#define DEATHS_MAX 8
#define ROW_USEC (30 * 1000 * 1000)
#define LOOK_USEC (1000 * 1000)

struct supervisor {
        struct unit_starter *starter;
        struct supervisor_handlers handlers;
        struct pair *pair;
        struct consumer_spec spec; /* no strings */
        int ready_fd; /* the first connection, where there is one before there is a session; or -1 */
        bool given_up;   /* why is being asked, or failed() was called */
        bool stopping;
        unsigned deaths; /* in a row */
        uint32_t restarts;
        char problem[96]; /* why there was no connection; "" when there was one */
        bool counts;              /* restarts by systemd, of one that has not taken the session */
        uint32_t restarts_before;
        sd_event_source *pause, *row, *look;
};

static void unwatch(struct supervisor *s) {
        s->pause = sd_event_source_disable_unref(s->pause);
        s->row = sd_event_source_disable_unref(s->row);
        s->look = sd_event_source_disable_unref(s->look);
}

static void give_up_now(struct supervisor *s, const char *reason) {
        unwatch(s);
        s->given_up = true;
        s->handlers.failed(reason, s->handlers.userdata);
}

static void on_result(const char *result, uint32_t n_restarts, void *userdata) {
        struct supervisor *s = userdata;
        char reason[384];

        if (*s->problem)
                snprintf(reason, sizeof(reason), "its consumer cannot be reached (%s), and %s", s->problem, result);
        else
                snprintf(reason, sizeof(reason), "its consumer died %u times in a row; it %s", s->deaths, result);
        give_up_now(s, reason);
}

static void give_up(struct supervisor *s) {
        if (s->given_up)
                return;
        unwatch(s);
        s->given_up = true;
        pair_ask_result(s->pair, on_result);
}

static int on_row_too_long(sd_event_source *source, uint64_t usec, void *userdata) {
        give_up(userdata);
        return 0;
}

static int on_look(sd_event_source *source, uint64_t usec, void *userdata);

static void look_later(struct supervisor *s) {
        s->look = sd_event_source_disable_unref(s->look);
        (void) sd_event_add_time_relative(s->starter->event, &s->look, CLOCK_MONOTONIC, LOOK_USEC, 0, on_look, s);
}

static void on_looked(const char *result, uint32_t n_restarts, void *userdata) {
        struct supervisor *s = userdata;
        char reason[384];

        if (!s->counts) {
                s->counts = true;
                s->restarts_before = n_restarts;
        }
        if (n_restarts - s->restarts_before < DEATHS_MAX || n_restarts < s->restarts_before) {
                look_later(s);
                return;
        }
        snprintf(reason, sizeof(reason), "its consumer cannot be started; it %s", result);
        give_up_now(s, reason);
}

/*
 * One that dies before it accepts the connection leaves it to its successor,
 * and we do not hear of that.
 */
static int on_look(sd_event_source *source, uint64_t usec, void *userdata) {
        struct supervisor *s = userdata;

        s->look = sd_event_source_disable_unref(s->look);
        pair_ask_result(s->pair, on_looked);
        return 0;
}

static void try(struct supervisor *s);

static int on_pause_over(sd_event_source *source, uint64_t usec, void *userdata) {
        struct supervisor *s = userdata;

        s->pause = sd_event_source_disable_unref(s->pause);
        try(s);
        return 0;
}

static uint64_t pause_usec(const struct supervisor *s) {
        uint64_t usec = PAUSE_MIN_USEC;

        for (unsigned i = 1; i < s->deaths && usec < PAUSE_MAX_USEC; i++)
                usec *= 2;
        return usec < PAUSE_MAX_USEC ? usec : PAUSE_MAX_USEC;
}

void supervisor_lost(struct supervisor *s) {
        int r = 0;

        if (s->given_up || s->stopping)
                return;
        if (++s->deaths >= DEATHS_MAX) {
                give_up(s);
                return;
        }
        if (!s->row)
                r = sd_event_add_time_relative(s->starter->event, &s->row, CLOCK_MONOTONIC, ROW_USEC, 0,
                                               on_row_too_long, s);
        if (r >= 0)
                r = sd_event_add_time_relative(s->starter->event, &s->pause, CLOCK_MONOTONIC, pause_usec(s), 0,
                                               on_pause_over, s);
        if (r < 0)
                give_up(s);
}

static void try(struct supervisor *s) {
        int fd = TAKE_FD(s->ready_fd), r;

        r = fd < 0 ? pair_connect(s->pair, &fd) : 0;
        if (r < 0) {
                snprintf(s->problem, sizeof(s->problem), "%s", strerror(-r));
                supervisor_lost(s);
                return;
        }
        *s->problem = '\0';
        if (s->deaths > 0)
                s->restarts++;
        look_later(s);
        r = s->handlers.connected(fd, s->handlers.userdata);
        if (r < 0) {
                close(fd);
                supervisor_lost(s);
        }
}

void supervisor_kill(struct supervisor *s) {
        if (!s->given_up && !s->stopping)
                pair_kill(s->pair);
}

void supervisor_lives(struct supervisor *s) {
        s->deaths = 0;
        s->counts = false;
        s->row = sd_event_source_disable_unref(s->row);
        s->look = sd_event_source_disable_unref(s->look);
        pair_forget_question(s->pair);
}

static void on_ready(const char *reason, void *userdata) {
        struct supervisor *s = userdata;

        if (s->given_up)
                return;
        if (reason)
                give_up_now(s, reason);
        else
                try(s);
}

struct supervisor *supervisor_free(struct supervisor *s) {
        if (!s)
                return NULL;
        unwatch(s);
        closep(&s->ready_fd);
        if (s->pair)
                pair_abandon(s->pair);
        free(s);
        return NULL;
}

static void on_stopped(void *userdata) {
        struct supervisor *s = userdata;
        const struct supervisor_handlers handlers = s->handlers;

        s->pair = NULL;
        spare_pair_order(s->starter, &s->spec);
        supervisor_free(s);
        handlers.stopped(handlers.userdata);
}

/* Nobody is told of a connection at once. */
static int make_pair(struct supervisor *s, const struct consumer_spec *spec) {
        int r;

        r = spare_pair_take(s->starter, spec, on_stopped, s, &s->pair, &s->ready_fd);
        if (r < 0)
                return pair_new(s->starter, spec, on_ready, on_stopped, s, &s->pair);
        r = sd_event_add_time_relative(s->starter->event, &s->pause, CLOCK_MONOTONIC, 0, 1, on_pause_over, s);
        if (r < 0) {
                closep(&s->ready_fd);
                pair_abandon(TAKE_PTR(s->pair));
        }
        return r;
}

int supervisor_new(struct unit_starter *u, const struct consumer_spec *spec, const struct supervisor_handlers *handlers,
                   struct supervisor **ret) {
        struct supervisor *s;
        int r;

        s = malloc(sizeof(*s));
        if (!s)
                return -ENOMEM;
        *s = (struct supervisor) { .starter = u, .handlers = *handlers, .counts = true, .ready_fd = -1 };
        s->spec = (struct consumer_spec) { .owner = spec->owner, .kind = spec->kind, .brief = spec->brief };
        r = make_pair(s, spec);
        if (r < 0) {
                free(s);
                return r;
        }
        *ret = s;
        return 0;
}

int supervisor_restore(struct unit_starter *u, const struct consumer_spec *spec, const char *unit, uint32_t restarts,
                       const struct supervisor_handlers *handlers, struct supervisor **ret) {
        struct supervisor *s;
        int r;

        s = malloc(sizeof(*s));
        if (!s)
                return -ENOMEM;
        *s = (struct supervisor) { .starter = u, .handlers = *handlers, .counts = true, .restarts = restarts,
                                   .ready_fd = -1 };
        r = pair_restore(u, spec, unit, on_stopped, s, &s->pair);
        if (r < 0) {
                free(s);
                return r;
        }
        *ret = s;
        return 0;
}

void supervisor_stop(struct supervisor *s) {
        if (s->stopping)
                return;
        unwatch(s);
        s->stopping = true;
        pair_stop(s->pair);
}

bool supervisor_stops(const struct supervisor *s) {
        return s->stopping;
}

const char *supervisor_unit(const struct supervisor *s) {
        return pair_stem(s->pair);
}

void supervisor_rest(struct supervisor *s) {
        unwatch(s);
        pair_forget_question(s->pair);
        s->given_up = true;
}

uint32_t supervisor_restarts(const struct supervisor *s) {
        return s->restarts;
}
