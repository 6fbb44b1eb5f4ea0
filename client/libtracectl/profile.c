/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>

#include "client/libtracectl/value.h"

static int append_options(sd_bus_message *m, const struct tracectl_profile_options *options) {
        int r;

        r = sd_bus_message_open_container(m, 'a', "{sv}");
        if (r >= 0 && options && OPTIONS_HAVE(options, name) && options->name)
                r = sd_bus_message_append(m, "{sv}", "name", "s", options->name);
        if (r >= 0 && options && OPTIONS_HAVE(options, dry_run) && options->dry_run)
                r = sd_bus_message_append(m, "{sv}", "dry-run", "b", 1);
        if (r >= 0 && options && OPTIONS_HAVE(options, start) && options->start)
                r = sd_bus_message_append(m, "{sv}", "start", "b", 1);
        return r < 0 ? r : sd_bus_message_close_container(m);
}

static int read_result(sd_bus_message *reply, tracectl_value **ret) {
        static const char *const names[] = { "changed", "before", "after" };
        _cleanup_(tracectl_value_freep) tracectl_value *result = NULL;
        int r;

        if (sd_bus_message_has_signature(reply, "ba{sv}a{sv}") <= 0)
                return -EBADMSG;
        r = value_new(TRACECTL_ARRAY, &result);
        for (size_t i = 0; i < ARRAY_SIZE(names) && r >= 0; i++) {
                tracectl_value *item = NULL;

                r = value_read(reply, &item);
                if (r >= 0)
                        r = value_add(result, NULL, item);
        }
        if (r >= 0)
                r = value_name_items(result, names, ARRAY_SIZE(names));
        if (r < 0)
                return r;
        *ret = TAKE_PTR(result);
        return 0;
}

int tracectl_apply_profile(tracectl_connection *connection, const char *text,
                           const struct tracectl_profile_options *options, tracectl_value **ret) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL, *reply = NULL;
        int r;

        r = connection_new_call(connection, TRACECTL_ROOT, TRACECTL_INTERFACE "Manager", "ApplyProfile", &call);
        if (r < 0)
                return r;
        r = sd_bus_message_append(call, "s", text);
        if (r >= 0)
                r = append_options(call, options);
        r = connection_call(connection, r, call, &reply);
        if (r < 0 || !ret)
                return r;
        r = read_result(reply, ret);
        return r < 0 && r != -ENOMEM ? connection_bad_reply(connection, r) : r;
}
