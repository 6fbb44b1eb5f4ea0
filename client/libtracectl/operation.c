/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <unistd.h>

#include "client/libtracectl/operation.h"

void operation_done(struct operation *operation) {
        struct tracectl_result *result = &operation->result;

        tracectl_value_free(result->value);
        tracectl_counts_free(result->counts);
        tracectl_session_free(result->session);
        free(result->text);
        if (result->fd >= 0)
                close(result->fd);
        free(operation->domain);
        free(operation->channel);
        free(operation->pattern);
        tracectl_value_free(operation->rules);
        free(operation->path);
        sd_bus_message_unref(operation->next);
        *operation = (struct operation) OPERATION_WAIT;
}

static void operation_free(void *userdata) {
        struct operation *operation = userdata;

        operation_done(operation);
        free(operation);
}

static int wait_for(struct operation *operation, int r, sd_bus_message *call) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *this_call = sd_bus_message_ref(call);

        for (;;) {
                _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;

                r = connection_call(operation->connection, r, this_call, &reply);
                if (r >= 0 && operation->read)
                        r = operation->read(operation, reply);
                if (r < 0 || !operation->next)
                        return r < 0 ? r : 0;
                sd_bus_message_unref(this_call);
                this_call = TAKE_PTR(operation->next);
                r = 0;
        }
}

static int send_later(struct operation *operation, sd_bus_message *call);

static int on_reply(sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        struct operation *operation = userdata;
        tracectl_connection *connection = connection_ref(operation->connection);
        int r;

        r = connection_check_reply(connection, reply);
        if (r >= 0 && operation->read)
                r = operation->read(operation, reply);
        if (r >= 0 && operation->next) {
                _cleanup_(sd_bus_message_unrefp) sd_bus_message *next = TAKE_PTR(operation->next);

                r = send_later(operation, next);
                if (r >= 0) {
                        connection_unref(connection);
                        return 1;
                }
        }
        if (operation->callback)
                operation->callback(connection, r < 0 ? r : 0, &operation->result, operation->userdata);
        connection_unref(connection);
        return 1;
}

/* What is in *operation moves to where it lives as long as sd-bus waits for the reply. */
static int send_later(struct operation *operation, sd_bus_message *call) {
        _cleanup_(sd_bus_slot_unrefp) sd_bus_slot *slot = NULL;
        struct operation *later = malloc(sizeof(*later));
        int r;

        if (!later)
                return -ENOMEM;
        r = sd_bus_call_async(operation->connection->bus, &slot, call, on_reply, later, 0);
        if (r >= 0) {
                *later = *operation;
                r = sd_bus_slot_set_destroy_callback(slot, operation_free);
        }
        if (r < 0) {
                free(later);
                return connection_set_error(operation->connection, r);
        }
        *operation = (struct operation) { .connection = later->connection, .result = { .fd = -1 } };
        (void) sd_bus_slot_set_floating(slot, 1);
        return 0;
}

int operation_begin(struct operation *operation, tracectl_connection *connection, int r, sd_bus_message *call,
                    operation_read read) {
        operation->connection = connection;
        operation->read = read;
        if (!operation->is_async)
                return wait_for(operation, r, call);
        return r < 0 ? connection_set_error(connection, r) : send_later(operation, call);
}
