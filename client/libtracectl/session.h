/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A session of the service as its clients see it: the connection and the object's path. */

#include "client/libtracectl/operation.h"

#define SESSION_INTERFACE TRACECTL_INTERFACE "Session"

struct tracectl_session {
        tracectl_connection *connection; /* referenced */
        char *path;
};

int session_new(tracectl_connection *connection, const char *path, tracectl_session **ret);

/* Calls a method that takes nothing but options, and has none here. */
int session_call_plain(tracectl_session *session, const char *method, struct operation *operation,
                       operation_read read);

/* Asks for all objects. operation->path is that of the session, also afterwards. */
int session_get_objects(tracectl_session *session, struct operation *operation, operation_read read);

/* To be used with it: the rules of the session. */
int session_read_events(struct operation *operation, sd_bus_message *reply);

/* How many applications have not applied a change: the most of all replies of the operation. */
int session_read_pending(struct operation *operation, sd_bus_message *reply);
