/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <stdbool.h>

#include "client/libtracectl/session.h"

/* Whether the program that filled in options was compiled with this field. */
#define OPTIONS_HAVE(options, field)                                                                                   \
        ((options)->size >= offsetof(__typeof__(*(options)), field) + sizeof((options)->field))

static int append_channel_options(sd_bus_message *m, const struct tracectl_channel_options *options) {
        int r;

        r = sd_bus_message_open_container(m, 'a', "{sv}");
        if (r < 0)
                return r;
        if (options && OPTIONS_HAVE(options, mode)) {
                bool overwrite = options->mode == TRACECTL_CHANNEL_OVERWRITE;

                r = sd_bus_message_append(m, "{sv}", "mode", "s", overwrite ? "overwrite" : "discard");
                if (r < 0)
                        return r;
        }
        if (options && OPTIONS_HAVE(options, subbuf_count) && options->subbuf_count > 0) {
                r = sd_bus_message_append(m, "{sv}", "subbuf-count", "u", options->subbuf_count);
                if (r < 0)
                        return r;
        }
        if (options && OPTIONS_HAVE(options, subbuf_size) && options->subbuf_size > 0) {
                r = sd_bus_message_append(m, "{sv}", "subbuf-size", "t", options->subbuf_size);
                if (r < 0)
                        return r;
        }
        return sd_bus_message_close_container(m);
}

static int append_channel(sd_bus_message *m, const char *domain, const char *name,
                          const struct tracectl_channel_options *options) {
        int r;

        r = sd_bus_message_append(m, "ss", domain, name);
        if (r < 0)
                return r;
        return append_channel_options(m, options);
}

int tracectl_session_enable_channel(tracectl_session *session, const char *domain, const char *name,
                                    const struct tracectl_channel_options *options) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;
        int r;

        r = connection_new_call(session->connection, session->path, SESSION_INTERFACE, "EnableChannel", &call);
        if (r < 0)
                return r;
        return connection_call(session->connection, append_channel(call, domain, name, options), call, NULL);
}

static int append_event(sd_bus_message *m, const char *domain, const char *channel, const char *pattern) {
        int r;

        r = sd_bus_message_append(m, "sss", domain, channel, pattern);
        if (r < 0)
                return r;
        return message_append_no_options(m);
}

int tracectl_session_enable_event(tracectl_session *session, const char *domain, const char *channel,
                                  const char *pattern, uint32_t *ret_pending) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL, *reply = NULL;
        uint32_t pending;
        int r;

        r = connection_new_call(session->connection, session->path, SESSION_INTERFACE, "EnableEvent", &call);
        if (r < 0)
                return r;
        r = connection_call(session->connection, append_event(call, domain, channel, pattern), call, &reply);
        if (r < 0)
                return r;
        r = sd_bus_message_read(reply, "otu", NULL, NULL, &pending);
        if (r < 0)
                return connection_bad_reply(session->connection, r);
        if (ret_pending)
                *ret_pending = pending;
        return 0;
}
