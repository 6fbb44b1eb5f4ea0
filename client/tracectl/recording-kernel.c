/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "client/tracectl/password-agent.h"
#include "client/tracectl/recording.h"
#include "client/tracectl/say.h"
#include "common/cleanup.h"

#define CHANNEL "channel0"

/* What somebody wants to see who has said nothing: not each of the kernel's 2000 events. */
static const char *const usual[] = { "sched_switch", "sched_wakeup", "sched_wakeup_new", "sched_process_*",
                                     "page_fault_user", "signal_*" };

static int connect_service(struct recording *r, struct password_agent *agent) {
        int k;

        k = tracectl_connection_new_system(&r->service.connection);
        if (k < 0) {
                say("Failed to reach the system's tracing service, which --kernel needs: %s. Is it installed? See: "
                    "systemctl status tracingd.service", strerror(-k));
                return k;
        }
        return r->arguments->without_password ? tracectl_connection_set_interactive(r->service.connection, 0)
                                              : password_agent_offer(agent, r->service.connection);
}

/* It exists before its events are wanted, and does nothing before they are there. */
static int hold_command(struct recording *r) {
        const struct record_command command = {
                .path = r->path,
                .argv = r->arguments->command,
                .bound = geteuid() != 0,
                .signals = &r->signals,
        };
        int k;

        k = record_command_hold(&command, &r->held);
        if (k < 0)
                say("Failed to start the command: %s.", strerror(-k));
        return k;
}

static int make_session(struct recording *r) {
        const struct record_arguments *a = r->arguments;
        struct tracectl_session_options session = TRACECTL_SESSION_OPTIONS_INIT;
        struct tracectl_channel_options channel = TRACECTL_CHANNEL_OPTIONS_INIT;
        _cleanup_free_ char *command = NULL;
        char name[64];
        int k;

        k = record_name_from_command(a->command[0], &command);
        if (k < 0)
                return k;
        snprintf(name, sizeof(name), "%.40s-%i", command, (int) r->held.pid);
        session.output_fd = r->output.fd;
        k = tracectl_session_create(r->service.connection, name, &session, &r->session);
        if (k < 0)
                return recording_fail(r, "create the session", k);
        channel.subbuf_count = a->subbuf_count;
        channel.subbuf_size = a->subbuf_size;
        k = tracectl_session_enable_channel(r->session, "kernel", CHANNEL, &channel);
        return k < 0 ? recording_fail(r, "set up the rings", k) : 0;
}

static int enable(struct recording *r, const char *kind, const char *const *patterns, size_t n) {
        struct tracectl_event_options options = r->arguments->selection.options;
        int k = 0;

        options.kind = kind;
        options.target_pid = (uint32_t) r->held.pid;
        options.target_children = 1;
        for (size_t i = 0; i < n && k >= 0; i++)
                k = tracectl_session_enable_event(r->session, "kernel", CHANNEL, patterns[i], &options, NULL);
        return k < 0 ? recording_fail(r, "enable the events", k) : 0;
}

static int enable_all(struct recording *r) {
        static const char *const every[] = { "*" };
        const struct record_arguments *a = r->arguments;
        int k;

        if (a->n_patterns == 0 && a->n_syscalls == 0) {
                k = enable(r, "syscall", every, 1);
                return k < 0 ? k : enable(r, NULL, usual, ARRAY_SIZE(usual));
        }
        k = enable(r, NULL, a->patterns, a->n_patterns);
        return k < 0 ? k : enable(r, "syscall", a->syscalls, a->n_syscalls);
}

static int set_up(struct recording *r, struct password_agent *agent) {
        const struct record_arguments *a = r->arguments;
        int k;

        k = record_output_create(a->output, a->command[0], time(NULL), &r->output);
        if (k >= 0)
                k = connect_service(r, agent);
        if (k >= 0)
                k = hold_command(r);
        if (k >= 0)
                k = make_session(r);
        if (k >= 0)
                k = enable_all(r);
        if (k < 0)
                return k;
        k = tracectl_session_start(r->session);
        if (k < 0)
                return recording_fail(r, "start recording", k);
        k = a->live ? follow_open(&r->live.follow, r->session) : 0;
        return k < 0 ? recording_fail(r, "follow the recording", k) : 0;
}

/* Everything that needs a password is done here: the terminal is the command's then. */
int recording_set_up_kernel(struct recording *r) {
        struct password_agent agent = { 0 };
        int k;

        k = set_up(r, &agent);
        if (r->service.connection)
                (void) tracectl_connection_set_password(r->service.connection, NULL, NULL);
        password_agent_close(&agent);
        return k;
}
