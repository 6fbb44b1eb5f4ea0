/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "client/libtracectl/operation.h"

/*
 * The properties of an object, as a dictionary with the names that tracectl.h has for them; read may be NULL, or
 * something that does more with the reply.
 */
int properties_get(struct operation *operation, tracectl_connection *connection, const char *path,
                   const char *interface, operation_read read);
