/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Plays a service manager on a message bus of its own, in the test's thread:
 * it and the code under test go on in fake_systemd_turn() alone. It makes the
 * sockets of the units that it is asked for; the test accepts on them.
 */

#undef NDEBUG

#include <gio/gio.h>
#include <stdbool.h>
#include <systemd/sd-event.h>

#include "service/unit/unit-starter.h"

enum fake_behaviour {
        FAKE_DONE,      /* replies, then the job is done */
        FAKE_EARLY,     /* the job is done before the reply */
        FAKE_FAILED,    /* the job fails */
        FAKE_EXISTS,    /* the first unit exists already */
        FAKE_REFUSED,   /* an error */
        FAKE_SILENT,    /* no reply */
        FAKE_NO_SIGNAL, /* the job never ends */
};

struct fake_systemd {
        GTestDBus *bus;
        GDBusConnection *connection;
        unsigned name;
        bool has_name;
        sd_event *event;
        struct unit_starter *starter;
        char *run;
        enum fake_behaviour behaviour;
        unsigned starts;
        GString *calls; /* "stop NAME.socket\n" and so on; random parts of names are "*" */
        char *arguments; /* of the last StartTransientUnit(), as text */
        char *stem;      /* of the last pair */
        char *path;
        int listen_fd;
        GVariant *units;     /* a(ssssssouso), for who lists them; NULL: none */
        const char *result;  /* of a service */
        int code, status;
        unsigned n_restarts, looks; /* looks: how often it was read */
};

struct fake_systemd *fake_systemd_new(bool user, uint64_t usec);
void fake_systemd_free(struct fake_systemd *f);

/* Waits for something to happen, a moment. */
void fake_systemd_turn(struct fake_systemd *f);

/* Goes on until condition holds. */
#define FAKE_WAIT(f, condition)                                                                      \
        do {                                                                                         \
                gint64 _end = g_get_monotonic_time() + 30 * G_USEC_PER_SEC;                          \
                while (!(condition)) {                                                               \
                        g_assert_cmpint(g_get_monotonic_time(), <, _end);                            \
                        fake_systemd_turn(f);                                                        \
                }                                                                                    \
        } while (0)

/* A consumer's side of a new connection; waits for it. */
int fake_systemd_accept(struct fake_systemd *f);
