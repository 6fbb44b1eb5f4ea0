/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A session of the service as its clients see it: the connection and the object's path. */

#include "client/libtracectl/connection.h"

#define SESSION_INTERFACE TRACECTL_INTERFACE "Session"

struct tracectl_session {
        tracectl_connection *connection; /* referenced */
        char *path;
};
