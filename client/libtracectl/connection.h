/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A D-Bus connection to a tracing service and the last error on it. It lives
 * until its user and all sessions made from it are gone; the bus is closed as
 * soon as its user frees it.
 */

#include <stdbool.h>
#include <systemd/sd-bus.h>

#include "client/libtracectl/tracectl.h"
#include "common/cleanup.h"

#define TRACECTL_ROOT "/org/tracectl/Tracing1"
#define TRACECTL_NAME "org.tracectl.Tracing1"
#define TRACECTL_INTERFACE "org.tracectl.Tracing1."

/* Whether the program that filled in options was compiled with this field. */
#define OPTIONS_HAVE(options, field)                                                                                   \
        ((options)->size >= offsetof(__typeof__(*(options)), field) + sizeof((options)->field))

struct tracectl_connection {
        unsigned n_ref;
        sd_bus *bus;
        const char *destination; /* NULL: peer to peer */
        bool is_remote;          /* numbers of users are another machine's */
        void (*prepare_password)(void *userdata); /* before anybody is asked for one; or NULL */
        void *password_userdata;
        sd_bus_error error;
};

tracectl_connection *connection_ref(tracectl_connection *connection);
void connection_unref(tracectl_connection *connection);

/* A call of a method of one of the service's objects, to be filled with arguments. */
int connection_new_call(tracectl_connection *connection, const char *path, const char *interface, const char *method,
                        sd_bus_message **ret);

/*
 * Sends the call and waits for the reply. r is what filling it has returned: a
 * failure there becomes the connection's error as one of the call does. ret may
 * be NULL.
 */
int connection_call(tracectl_connection *connection, int r, sd_bus_message *call, sd_bus_message **ret);

/* 0, or the error that a reply is, which becomes the connection's. */
int connection_check_reply(tracectl_connection *connection, sd_bus_message *reply);

/* An error that the service did not send becomes the connection's. Returns r. */
int connection_set_error(tracectl_connection *connection, int r);

/* The reply made no sense: r, and the connection's error says so. */
int connection_bad_reply(tracectl_connection *connection, int r);

/* The same of what reading a reply has returned, unless that was 0 or that there was no memory. */
int connection_check_read(tracectl_connection *connection, int r);

/* Makes an error of this library's own the connection's, and returns r. */
__attribute__((format(printf, 4, 5))) int connection_refuse(tracectl_connection *connection, int r, const char *name,
                                                            const char *format, ...);

/* Appends an empty a{sv}. */
int message_append_no_options(sd_bus_message *m);

DEFINE_CLEANUP(tracectl_connection *, connection_unref)
