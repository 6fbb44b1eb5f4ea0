/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What polkit was asked for one message, and what it has answered.
 *
 *   1. A method asks; there is no answer yet: polkit is asked, the message is kept,
 *      and the method returns without having done anything.          INQUIRY_WAITING
 *   2. The answer comes: the message goes to the end of what the connection has
 *      received, with nothing kept of where it was.                  INQUIRY_QUEUED
 *   3. It is dispatched anew: its object is looked up again, the method asks again
 *      and finds the answer. It may ask more, which leads to 1.      INQUIRY_RUNNING
 *   4. The dispatch is over, and with it the answers.
 *
 * Owned by the system authorizer; main loop only.
 */

#include "common/cleanup.h"
#include "service/bus/authorizer.h"
#include "service/bus/caller.h"
#include "service/bus/polkit.h"

enum inquiry_state {
        INQUIRY_WAITING,
        INQUIRY_QUEUED,
        INQUIRY_RUNNING,
};

/* A question with its answer. The strings are its own. */
struct answer {
        struct answer *next;
        struct question question;
        enum polkit_answer polkit;
        char *strings[4];
};

struct inquiry {
        struct inquiry *next;
        void *userdata; /* the authorizer */
        sd_bus_message *message;
        uid_t caller;
        struct caller_process process;
        enum inquiry_state state;
        uint64_t asked_usec; /* when polkit was asked the last time; CLOCK_MONOTONIC */
        struct polkit_check *check; /* of the first answer, while it is waited for */
        struct answer *answers;     /* the newest first */
};

int inquiry_new(sd_bus_message *m, uid_t caller, const struct caller_process *process, void *userdata,
                struct inquiry **ret);
struct inquiry *inquiry_free(struct inquiry *i);
DEFINE_CLEANUP(struct inquiry *, inquiry_free)

/* An answer to come. */
int inquiry_add(struct inquiry *i, const struct question *question);

/* What was answered to this question, or to one that told polkit more of the same message. */
const struct answer *inquiry_find(const struct inquiry *i, const struct question *question);
