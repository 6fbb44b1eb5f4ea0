/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * An application of the stress test. It never waits: what it has received, it
 * applies and acknowledges in a step of its own, so that anything can come in
 * between.
 */

#include "fixture.h"

#define PLAYER_EVENTS_MAX 5
#define PLAYER_SETS 3

enum player_state {
        PLAYER_OFF,
        PLAYER_ASKED, /* has sent REGISTER */
        PLAYER_READY, /* has a view */
};

struct player {
        enum player_state state;
        int fd;
        bool frozen; /* does not look at its socket */
        unsigned set; /* of definitions, by number */
        uint64_t id;
        /* the newest view, and how many sessions record each event by it */
        uint64_t generation;
        unsigned recorded[PLAYER_EVENTS_MAX];
        bool owes; /* has not acknowledged it */
};

/* Names of a set, NULL at the end. */
const char *const *player_events(unsigned set);

void player_init(struct player *p);
void player_register(struct player *p, struct fixture *f, unsigned set);
void player_hang_up(struct player *p);
/* Says that its definitions are others now; its view is that of the old ones until the answer has come. */
void player_change(struct player *p, unsigned set);
/* Acknowledges, or takes one message: whether there was something to do. */
bool player_step(struct player *p);
