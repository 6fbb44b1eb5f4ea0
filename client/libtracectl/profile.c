/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>

#include "client/libtracectl/operation.h"

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

static int read_result(struct operation *operation, sd_bus_message *reply) {
        static const char *const names[] = { "changed", "before", "after" };
        _cleanup_(tracectl_value_freep) tracectl_value *result = NULL;
        int r;

        r = sd_bus_message_has_signature(reply, "ba{sv}a{sv}") > 0 ? value_new(TRACECTL_ARRAY, &result) : -EBADMSG;
        for (size_t i = 0; i < ARRAY_SIZE(names) && r >= 0; i++) {
                tracectl_value *item = NULL;

                r = value_read(reply, &item);
                if (r >= 0)
                        r = value_add(result, NULL, item);
        }
        if (r >= 0)
                r = value_name_items(result, names, ARRAY_SIZE(names));
        if (r < 0)
                return connection_check_read(operation->connection, r);
        operation->result.value = TAKE_PTR(result);
        return 0;
}

static int apply(tracectl_connection *connection, const char *text, const struct tracectl_profile_options *options,
                 struct operation *operation, operation_read read) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;
        int r;

        r = connection_new_call(connection, TRACECTL_ROOT, TRACECTL_INTERFACE "Manager", "ApplyProfile", &call);
        if (r < 0)
                return r;
        r = sd_bus_message_append(call, "s", text);
        if (r >= 0)
                r = append_options(call, options);
        return operation_begin(operation, connection, r, call, read);
}

int tracectl_apply_profile(tracectl_connection *connection, const char *text,
                           const struct tracectl_profile_options *options, tracectl_value **ret) {
        OPERATION_WAIT_FOR(operation, apply(connection, text, options, &operation, ret ? read_result : NULL));

        if (ret)
                *ret = TAKE_PTR(operation.result.value);
        return 0;
}

int tracectl_apply_profile_async(tracectl_connection *connection, const char *text,
                                 const struct tracectl_profile_options *options, tracectl_callback callback,
                                 void *userdata) {
        return apply(connection, text, options, &(struct operation) OPERATION_LATER(callback, userdata), read_result);
}
