/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>

#include "client/libtracectl/value.h"

#define PROPERTIES "org.freedesktop.DBus.Properties"

int connection_get_properties(tracectl_connection *connection, const char *path, const char *interface,
                              tracectl_value **ret) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL, *reply = NULL;
        _cleanup_(tracectl_value_freep) tracectl_value *value = NULL;
        int r;

        r = connection_new_call(connection, path, PROPERTIES, "GetAll", &call);
        if (r < 0)
                return r;
        r = connection_call(connection, sd_bus_message_append(call, "s", interface), call, &reply);
        if (r < 0)
                return r;
        r = value_read_signature(reply, "a{sv}", &value);
        if (r >= 0)
                r = value_rename_keys(value);
        if (r < 0)
                return r == -ENOMEM ? r : connection_bad_reply(connection, r);
        *ret = TAKE_PTR(value);
        return 0;
}
