/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "client/tracectl/recording.h"
#include "client/tracectl/say.h"
#include "common/cleanup.h"

/* What somebody wants to see who has said nothing: not each of the kernel's 2000 events. */
static const char *const usual[] = { "sched_switch", "sched_wakeup", "sched_wakeup_new", "sched_process_*",
                                     "page_fault_user", "signal_*" };

/* Strings of calls that are not recorded would be nobody's. */
static bool wants_all(const struct record_arguments *a) {
        for (size_t i = 0; i < a->n_syscalls; i++)
                if (strcmp(a->syscalls[i], "*") == 0)
                        return true;
        return false;
}

/* Paths, where we may have them; without them it is a recording as well. */
static void begin_strings(struct recording *r) {
        int k;

        if (!wants_all(r->arguments))
                return;
        k = syscall_strings_begin(&r->strings);
        if (k < 0)
                r->no_strings = strerror(-k);
}

/* It exists before its events are wanted, and does nothing before they are there. */
static int hold_command(struct recording *r) {
        const struct record_command command = {
                .path = r->path,
                .argv = r->arguments->command,
                .bound = geteuid() != 0,
                .strings = r->strings.cookie != 0 ? &r->strings : NULL,
                .signals = &r->signals,
        };
        int k;

        k = record_command_hold(&command, &r->held);
        if (k < 0)
                say("Failed to start the command: %s.", strerror(-k));
        return k;
}

static int enable(struct recording *r, const char *kind, pid_t pid, const char *pattern, const char *filter) {
        struct tracectl_event_options options = r->arguments->selection.options;

        options.kind = kind;
        options.target_pid = (uint32_t) pid;
        options.target_children = 1;
        return recording_enable(r, "kernel", pattern, filter, &options);
}

int recording_enable_kernel(struct recording *r, pid_t pid) {
        const struct record_arguments *a = r->arguments;
        int k = 0;

        if (a->n_patterns == 0 && a->n_syscalls == 0) {
                k = enable(r, "syscall", pid, "*", NULL);
                for (size_t i = 0; i < ARRAY_SIZE(usual) && k >= 0; i++)
                        k = enable(r, NULL, pid, usual[i], NULL);
                return k;
        }
        for (size_t i = 0; i < a->n_patterns && k >= 0; i++)
                k = enable(r, NULL, pid, a->patterns[i], a->filters[i]);
        for (size_t i = 0; i < a->n_syscalls && k >= 0; i++)
                k = enable(r, "syscall", pid, a->syscalls[i], NULL);
        return k >= 0 && r->strings.cookie != 0 ? enable(r, NULL, pid, "bpf_trace_printk", NULL) : k;
}

int recording_set_up_kernel(struct recording *r) {
        const struct record_arguments *a = r->arguments;
        int k;

        k = record_output_create(a->output, a->command[0], time(NULL), &r->output);
        if (k >= 0)
                k = recording_connect(r, "--kernel");
        if (k >= 0) {
                begin_strings(r);
                k = hold_command(r);
        }
        if (k >= 0)
                k = recording_make_session(r, "kernel", a->command[0], r->held.pid);
        if (k >= 0)
                k = recording_enable_kernel(r, r->held.pid);
        return k < 0 ? k : recording_start(r);
}
