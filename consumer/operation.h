/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * SNAPSHOT and ROTATE with a name: requests that make a directory, and that must
 * be done once although the consumer can die before their answer arrives. The
 * session's record says what the last one was and how far it came. The drainer's
 * thread.
 */

#include <stdbool.h>

#include "consumer/session.h"

struct operation {
        uint32_t kind;    /* CONSUMER_SNAPSHOT or CONSUMER_ROTATE */
        const char *name; /* of the directory */
        bool resume;      /* the request was sent before */
};

/*
 * Whether our predecessor finished this very operation: then *ret_result is its
 * answer.
 */
bool operation_was_done(const struct session *session, const struct operation *o, int *ret_result);

/*
 * Makes the directory, without a trace in it: what an unfinished operation left
 * there is removed, and -EEXIST answers the name of anything else.
 */
int operation_prepare(struct session *session, const struct operation *o);

/* These change the session's record; the caller saves or commits it. */
void operation_set_running(struct session *session, const struct operation *o);
void operation_set_done(struct session *session, int result);
