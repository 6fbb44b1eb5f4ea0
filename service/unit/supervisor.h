/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Keeps a consumer that is a unit alive: connects to it, which starts it, and
 * again when it has died, with growing pauses, until that is in vain. Main loop
 * only.
 */

#include "service/unit/pair.h"

struct supervisor;

struct supervisor_handlers {
        /* There is a connection, which is taken over on success. -errno: it is as if the consumer had died. */
        int (*connected)(int fd, void *userdata);
        /* It is given up. Called once; reason: a sentence's predicate. */
        void (*failed)(const char *reason, void *userdata);
        /* After supervisor_stop(): its units are gone, and the supervisor is freed. */
        void (*stopped)(void *userdata);
        void *userdata;
};

int supervisor_new(struct unit_starter *u, const struct consumer_spec *spec, const struct supervisor_handlers *handlers,
                   struct supervisor **ret);

/* With units that exist already, and a consumer that was started again so often; it does nothing of its own at first. */
int supervisor_restore(struct unit_starter *u, const struct consumer_spec *spec, const char *unit, uint32_t restarts,
                       const struct supervisor_handlers *handlers, struct supervisor **ret);

/* Its units are stopped in the background. */
struct supervisor *supervisor_free(struct supervisor *s);

/* The connection has ended. */
void supervisor_lost(struct supervisor *s);

/* It does not answer: it is killed, and the connection will end. */
void supervisor_kill(struct supervisor *s);

/* It has taken the session: its next death is the first of a row. */
void supervisor_lives(struct supervisor *s);

/* Does nothing of its own any more; the units stay. */
void supervisor_rest(struct supervisor *s);

/* Stops its units; stopped() follows, and nothing else. */
void supervisor_stop(struct supervisor *s);

bool supervisor_stops(const struct supervisor *s);
const char *supervisor_unit(const struct supervisor *s);
uint32_t supervisor_restarts(const struct supervisor *s);
