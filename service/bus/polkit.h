/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * One question to polkit, about the sender of a message. Nobody waits: the
 * answer comes by the main loop, or the question is freed and polkit told so.
 *
 * The subject is the process that made the connection, with the time of its
 * start and the uid that the bus gives the connection: of a name alone polkit
 * asks the bus for both, five times over, one after the other, and a bus that
 * is busy answers late. The uid is what polkit judges, not what the process has
 * by now, and a later process of the same number it finds out. The process
 * matters for its login session alone, which polkit finds by its number in
 * either form. Where polkit cannot see the process (it has ended, and others
 * have its connection), it is asked about the name.
 */

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-bus.h>

#include "common/cleanup.h"
#include "service/bus/caller.h"

enum polkit_answer {
        POLKIT_FAILED, /* anything that is none of the others: a denial */
        POLKIT_YES,
        POLKIT_NO,
        POLKIT_CHALLENGE, /* a password would be needed */
        POLKIT_ABSENT,    /* the bus knows no polkit, nor how to start it */
};

struct polkit_question {
        const char *sender, *action;
        uid_t uid;                     /* the sender's, as the bus says it */
        struct caller_process process; /* that polkit is asked about, where all of it is known */
        const char *const *details; /* key, value, ..., NULL */
        bool interactive;           /* polkit may ask somebody for a password */
        uint64_t usec;              /* to answer */
        uint64_t id;                /* no other question of this connection has it */
};

struct polkit_check;
typedef void (*polkit_answered_t)(enum polkit_answer answer, void *userdata);

/* answered is called once and may free the check. */
int polkit_ask(sd_bus *bus, const struct polkit_question *question, polkit_answered_t answered, void *userdata,
               struct polkit_check **ret);
struct polkit_check *polkit_check_free(struct polkit_check *c);
DEFINE_CLEANUP(struct polkit_check *, polkit_check_free)
