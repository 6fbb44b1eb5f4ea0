/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A private bus on which the test is polkit, several clients and the service.
 * Everybody on it has the test's own uid; so the test says whose a name is.
 * One thread runs service and clients; polkit's messages come by a queue.
 */

#undef NDEBUG

#include <gio/gio.h>
#include <glib.h>
#include <libglib-testing/dbus-queue.h>
#include <stdbool.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

#include "service/bus/authorizer.h"

#define POLKIT_ACTION "org.tracectl.tracing1."

struct fake_polkit {
        GtDBusQueue *queue;
        guint name;
        sd_event *event;
        struct authorizer_config config; /* for authorizer_new_system() */
        GHashTable *uids;                /* whose unique names are; others are 1000's */
        unsigned asked_uids;
};

/* With polkit on the bus, or a bus without it. */
void fake_polkit_init(struct fake_polkit *p, bool present);
void fake_polkit_done(struct fake_polkit *p);

/* A new connection, part of the event loop. */
sd_bus *fake_polkit_connect(struct fake_polkit *p);
/* Closes it, and forgets it. */
void fake_polkit_disconnect(sd_bus **bus);
/* From now on the connection is that uid's. */
void fake_polkit_set_uid(struct fake_polkit *p, sd_bus *bus, uid_t uid);

/* A call under way. */
struct fake_call {
        sd_bus_message *reply; /* NULL: has not come */
        sd_bus_slot *slot;
};

/* Takes m over. */
struct fake_call *fake_call_new(sd_bus *bus, sd_bus_message *m);
/* Runs the loop until the reply is there, or not at all. */
sd_bus_message *fake_call_wait(struct fake_polkit *p, struct fake_call *call);
/* The reply must be this error with this text in it. Frees the call. */
void fake_call_fails(struct fake_polkit *p, struct fake_call *call, const char *error, const char *text);
void fake_call_ok(struct fake_polkit *p, struct fake_call *call);
void fake_call_free(struct fake_call *call);

/* The next message to polkit, which must be that method's; the caller answers it. */
GDBusMethodInvocation *fake_polkit_wait(struct fake_polkit *p, const char *method);
/* The next question, which must be about this action of this connection. */
GDBusMethodInvocation *fake_polkit_question(struct fake_polkit *p, sd_bus *client, const char *action);
/* "key=value ..." of a question's details, sorted. */
char *fake_polkit_details(GDBusMethodInvocation *question);
guint32 fake_polkit_flags(GDBusMethodInvocation *question);
char *fake_polkit_cancellation(GDBusMethodInvocation *question);
void fake_polkit_answer(GDBusMethodInvocation *question, bool authorized, bool challenge);
void fake_polkit_assert_idle(struct fake_polkit *p);
