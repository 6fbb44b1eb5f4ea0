/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A tracing service of the test's own at the other end of a connection, in a
 * thread: it writes down every call with its arguments and answers as the
 * script says. The test owns it; calls may be read once fake_service_end() has
 * joined the thread.
 */

#include <glib.h>
#include <systemd/sd-bus.h>

struct fake_count {
        const char *name;
        guint64 value;
};

struct fake_script {
        const char *fail;           /* the member that fails, with: */
        const char *error, *message;
        const char *bad_reply;      /* the member that answers with a lone boolean */
        const char *hang_up;        /* the member that ends the service instead of an answer */
        const struct fake_count *counts; /* until one without a name; NULL: some */
        const char *output_error;   /* in the counts */
        gboolean odd_counts;        /* one of another type */
        gboolean announce;          /* SessionNew before the first answer */
        gboolean unchanged;         /* by ApplyProfile */
        gboolean unsettled;         /* applications */
        gboolean unseen;            /* the number of the first of them */
        gboolean no_output;         /* of the session */
        gboolean is_flight_recorder;
        guint n_sessions;           /* of the caller */
        gboolean only_own;          /* else there is one of another user, too */
};

#define FAKE_SESSION "/org/tracectl/Tracing1/session/1000/shop"

struct fake_service;

/* fd is the client's end, which the test takes. */
struct fake_service *fake_service_start(const struct fake_script *script, int *ret_fd);

/* For one client that comes to a socket at path as to a bus; also where none does. */
struct fake_service *fake_service_listen(const struct fake_script *script, const char *path);

/* Ends its side of the connection without having been asked. */
void fake_service_hang_up(struct fake_service *service);

/* Waits until the client has hung up. The calls, one a line; g_free() them. */
char *fake_service_end(struct fake_service *service);
