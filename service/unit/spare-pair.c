/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>

#include "service/log.h"
#include "service/unit/spare-pair.h"

struct spare_pair {
        struct unit_starter *starter;
        struct pair *pair;
        uid_t owner;
        int fd; /* -1: not ready yet */
        sd_event_source *timer;
};

/* What the units are made of says nothing of one session then. */
static bool is_suitable(const struct consumer_spec *spec) {
        return spec->brief && spec->kind == CONSUMER_OUTPUT_FD;
}

static struct spare_pair *spare_pair_free(struct spare_pair *s) {
        if (!s)
                return NULL;
        sd_event_source_disable_unref(s->timer);
        /* Its consumer ends when it finds that nobody speaks to it. */
        closep(&s->fd);
        if (s->pair)
                pair_abandon(s->pair);
        free(s);
        return NULL;
}

void spare_pair_drop(struct unit_starter *u) {
        u->spare = spare_pair_free(u->spare);
}

static int on_unused(sd_event_source *source, uint64_t usec, void *userdata) {
        struct spare_pair *s = userdata;

        spare_pair_drop(s->starter);
        return 0;
}

static void on_ready(const char *reason, void *userdata) {
        struct spare_pair *s = userdata;
        int r = reason ? -ENOENT : pair_connect(s->pair, &s->fd);

        if (r >= 0)
                return;
        log_debug("no consumer could be made ready: %s", reason ?: "its socket cannot be reached");
        spare_pair_drop(s->starter);
}

void spare_pair_order(struct unit_starter *u, const struct consumer_spec *spec) {
        const struct consumer_spec none = { .owner = spec->owner, .session = "", .kind = spec->kind };
        struct spare_pair *s;
        int r;

        if (u->ending || u->leaving || !is_suitable(spec))
                return;
        spare_pair_drop(u);
        s = malloc(sizeof(*s));
        if (!s)
                return;
        *s = (struct spare_pair) { .starter = u, .owner = spec->owner, .fd = -1 };
        r = pair_new(u, &none, on_ready, NULL, s, &s->pair);
        if (r >= 0)
                r = sd_event_add_time_relative(u->event, &s->timer, CLOCK_MONOTONIC, u->spare_usec, 0, on_unused, s);
        if (r >= 0)
                u->spare = TAKE_PTR(s);
        spare_pair_free(s);
}

int spare_pair_take(struct unit_starter *u, const struct consumer_spec *spec, pair_stopped_t stopped, void *userdata,
                    struct pair **ret, int *ret_fd) {
        struct spare_pair *s = u->spare;

        if (!s || s->fd < 0 || s->owner != spec->owner || !is_suitable(spec))
                return -ENOENT;
        pair_hand_over(s->pair, stopped, userdata);
        *ret = TAKE_PTR(s->pair);
        *ret_fd = TAKE_FD(s->fd);
        spare_pair_drop(u);
        return 0;
}
