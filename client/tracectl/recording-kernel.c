/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
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

/* The kernel takes as long to look at the programs that find them as the service to make a session. */
struct strings_thread {
        pthread_t thread;
        struct recording *recording;
        sem_t begun;
        int error; /* until begun */
};

static void *run_strings(void *userdata) {
        struct strings_thread *t = userdata;

        t->error = syscall_strings_begin(&t->recording->strings);
        sem_post(&t->begun);
        syscall_strings_settle(&t->recording->strings);
        return NULL;
}

static int start_strings(struct recording *r) {
        struct strings_thread *t = calloc(1, sizeof(*t));
        int k;

        if (!t)
                return -ENOMEM;
        t->recording = r;
        sem_init(&t->begun, 0, 0);
        k = -pthread_create(&t->thread, NULL, run_strings, t);
        if (k < 0) {
                sem_destroy(&t->begun);
                free(t);
                return k;
        }
        r->strings_thread = t;
        return 0;
}

/* Paths, where we may have them; without them it is a recording as well. */
static void no_strings(struct recording *r, int error) {
        r->no_strings = strerror(-error);
        syscall_strings_done(&r->strings);
}

/* Whether they are there, and the command is followed. */
static bool await_strings(struct recording *r) {
        struct strings_thread *t = r->strings_thread;

        if (!t)
                return false;
        while (sem_wait(&t->begun) < 0 && errno == EINTR)
                ;
        if (t->error >= 0)
                process_prepare_again(&r->held);
        return t->error >= 0;
}

/* Before the command goes on: what is its own is recorded in the session alone. */
static void end_strings(struct recording *r) {
        struct strings_thread *t = TAKE_PTR(r->strings_thread);

        if (!t)
                return;
        pthread_join(t->thread, NULL);
        if (t->error < 0)
                no_strings(r, t->error);
        sem_destroy(&t->begun);
        free(t);
}

/* It exists before its events are wanted, and does nothing before they are there. */
static int hold_command(struct recording *r) {
        bool with_strings = wants_all(r->arguments);
        const struct record_command command = {
                .path = r->path,
                .argv = r->arguments->command,
                .bound = geteuid() != 0,
                .strings = with_strings ? &r->strings : NULL,
                .signals = &r->signals,
        };
        int k;

        k = with_strings ? syscall_strings_prepare(&r->strings) : 0;
        if (k >= 0)
                k = record_command_hold(&command, &r->held);
        if (k < 0)
                say("Failed to start the command: %s.", strerror(-k));
        else if (with_strings) {
                int error = start_strings(r);

                if (error < 0)
                        no_strings(r, error);
        }
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
        return k >= 0 && await_strings(r) ? enable(r, NULL, pid, "bpf_trace:bpf_trace_printk", NULL) : k;
}

int recording_set_up_kernel(struct recording *r) {
        const struct record_arguments *a = r->arguments;
        int k;

        k = record_output_create(a->output, a->command[0], time(NULL), &r->output);
        if (k >= 0)
                k = recording_connect(r, "--kernel");
        if (k >= 0)
                k = hold_command(r);
        if (k >= 0)
                k = recording_make_session(r, "kernel", a->command[0], r->held.pid);
        if (k >= 0)
                k = recording_enable_kernel(r, r->held.pid);
        if (k >= 0)
                k = recording_start(r);
        end_strings(r);
        return k;
}
