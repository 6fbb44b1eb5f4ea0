/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>

#include "client/libtracectl/operation.h"
#include "client/libtracectl/properties.h"

#define PROPERTIES "org.freedesktop.DBus.Properties"

static int read_properties(struct operation *operation, sd_bus_message *reply) {
        _cleanup_(tracectl_value_freep) tracectl_value *value = NULL;
        int r;

        r = value_read_signature(reply, "a{sv}", &value);
        if (r >= 0)
                r = value_rename_keys(value);
        if (r < 0)
                return connection_check_read(operation->connection, r);
        operation->result.value = TAKE_PTR(value);
        return 0;
}

int properties_get(struct operation *operation, tracectl_connection *connection, const char *path,
                   const char *interface, operation_read read) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;
        int r;

        r = connection_new_call(connection, path, PROPERTIES, "GetAll", &call);
        if (r < 0)
                return r;
        return operation_begin(operation, connection, sd_bus_message_append(call, "s", interface), call,
                               read ?: read_properties);
}
