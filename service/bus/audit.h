/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What the journal is told of who was let at what, and who was not: a record for
 * every answer of polkit's, and for everything that root does to what is others'.
 * Main loop only; nothing waits for journald.
 *
 * Of one uid and kind of record (own, others', refused) so many are written in a
 * window of time; what is beyond is counted, and the count written at its end.
 * A record that journald does not take is counted as well.
 */

#include <systemd/sd-event.h>

#include "common/cleanup.h"
#include "service/bus/authorizer.h"

struct audit;

enum audit_result {
        AUDIT_ALLOWED,      /* polkit says so, or the caller is root */
        AUDIT_REFUSED,      /* polkit says so */
        AUDIT_PASSWORD,     /* a password is needed, and was not given */
        AUDIT_NO_POLKIT,    /* it is not installed */
        AUDIT_POLKIT_FAILED,
        AUDIT_TOO_MANY,     /* too many of that user's questions are open, or one is too long */
        AUDIT_GONE,         /* the caller, before there was an answer */
};

struct audit_record {
        const struct question *question;
        const char *verb;   /* the method */
        const char *action; /* polkit's, which root is not asked about */
        uid_t caller;
        pid_t pid; /* as the bus said when the connection was made; 0: not known */
        enum audit_result result;
};

/* For tests: in production all is zero. */
struct audit_config {
        const char *socket; /* NULL: journald's */
        uint64_t window_usec;
        unsigned burst; /* records of a uid and kind in a window */
};

int audit_new(sd_event *event, const struct audit_config *config, struct audit **ret);
struct audit *audit_free(struct audit *a);
DEFINE_CLEANUP(struct audit *, audit_free)

/* a NULL: nothing is written. */
void audit_write(struct audit *a, const struct audit_record *record);
