/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A recording by a service that is there for others as well. */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "client/tracectl/recording.h"
#include "client/tracectl/say.h"
#include "common/cleanup.h"

int recording_connect(struct recording *r, const char *option) {
        bool is_user = r->arguments->is_user;
        int k;

        k = is_user ? tracectl_connection_new_user(&r->service.connection)
                    : tracectl_connection_new_system(&r->service.connection);
        if (k < 0) {
                say("Failed to reach the %s tracing service, which %s needs: %s. Is it installed? See: "
                    "systemctl %sstatus tracingd.service", is_user ? "user's" : "system's", option, strerror(-k),
                    is_user ? "--user " : "");
                return k;
        }
        r->is_shared = true;
        return r->arguments->without_password ? tracectl_connection_set_interactive(r->service.connection, 0)
                                              : password_agent_offer(&r->agent, r->service.connection);
}

void recording_end_asking(struct recording *r) {
        if (r->service.connection)
                (void) tracectl_connection_set_password(r->service.connection, NULL, NULL);
        password_agent_close(&r->agent);
}

int recording_make_session(struct recording *r, const char *domain, const char *command, pid_t pid) {
        const struct record_arguments *a = r->arguments;
        struct tracectl_channel_options channel = TRACECTL_CHANNEL_OPTIONS_INIT;
        _cleanup_free_ char *base = NULL;
        char name[64];
        int k;

        k = record_name_from_command(command, &base);
        if (k < 0)
                return k;
        snprintf(name, sizeof(name), "%.40s-%i", base, (int) pid);
        k = recording_create_session(r, name);
        if (k < 0)
                return k;
        channel.mode = a->overwrite ? TRACECTL_CHANNEL_OVERWRITE : TRACECTL_CHANNEL_DEFAULT;
        channel.subbuf_count = a->subbuf_count;
        channel.subbuf_size = a->subbuf_size;
        k = tracectl_session_enable_channel(r->session, domain, "channel0", &channel, NULL);
        return k < 0 ? recording_fail(r, "set up the rings", k) : 0;
}

int recording_start(struct recording *r) {
        int k;

        k = tracectl_session_start(r->session, NULL);
        if (k < 0)
                return recording_fail(r, "start recording", k);
        r->begin = record_now();
        k = r->arguments->live ? record_live_begin(&r->live, r->session, r->arguments->kernel) : 0;
        return k < 0 ? recording_fail(r, "follow the recording", k) : 0;
}
