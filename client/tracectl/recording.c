/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "client/tracectl/record-cost.h"
#include "client/tracectl/record-summary.h"
#include "client/tracectl/recording.h"
#include "client/tracectl/say.h"
#include "client/tracectl/summary.h"
#include "common/cleanup.h"

#define CHANNEL "channel0"

int recording_fail(struct recording *r, const char *what, int error) {
        const char *sentence = tracectl_connection_get_error(r->service.connection);

        say("Failed to %s: %s", what, *sentence ? sentence : strerror(-error));
        return error;
}

int recording_create_session(struct recording *r, const char *name) {
        struct tracectl_session_options session = TRACECTL_SESSION_OPTIONS_INIT;
        int k;

        session.output_fd = r->output.fd;
        session.rings = r->arguments->persistent ? "files" : NULL;
        session.sync_msec = r->arguments->sync_msec;
        /* Killed, we leave nothing behind that records on. */
        session.bind = r->is_shared ? "client" : NULL;
        k = tracectl_session_create(r->service.connection, name, &session, &r->session);
        return k < 0 ? recording_fail(r, "create the session", k) : 0;
}

static int configure(struct recording *r) {
        const struct record_arguments *a = r->arguments;
        struct tracectl_channel_options channel = TRACECTL_CHANNEL_OPTIONS_INIT;
        _cleanup_free_ char *name = NULL;
        int k;

        k = record_name_from_command(a->command[0], &name);
        if (k < 0)
                return k;
        k = recording_create_session(r, name);
        if (k < 0)
                return k;

        channel.mode = a->overwrite ? TRACECTL_CHANNEL_OVERWRITE : TRACECTL_CHANNEL_DISCARD;
        channel.subbuf_count = a->subbuf_count;
        channel.subbuf_size = a->subbuf_size;
        k = tracectl_session_enable_channel(r->session, "user", CHANNEL, &channel, NULL);
        if (k < 0)
                return recording_fail(r, "set up the rings", k);
        for (size_t i = 0; i < a->n_patterns; i++) {
                k = recording_enable(r, "user", a->patterns[i], a->filters[i], &a->selection.options);
                if (k < 0)
                        return k;
        }
        return recording_start(r);
}

int recording_set_up(struct recording *r) {
        const struct record_arguments *a = r->arguments;
        int k;

        if (a->n_pids > 0 || a->kernel) {
                k = a->n_pids > 0 ? recording_set_up_running(r) : recording_set_up_kernel(r);
                recording_end_asking(r);
                return k;
        }
        if (a->libc) {
                k = record_preload_find(&r->preload);
                if (k < 0)
                        return k;
        }
        k = record_output_create(a->output, a->command[0], time(NULL), &r->output);
        if (k < 0)
                return k;
        k = record_service_start(&r->signals, &r->begin_sample, &r->service);
        if (k < 0)
                return k;
        return configure(r);
}

static int keep_failure(struct recording *r, const char *what, int error) {
        const char *sentence = tracectl_connection_get_error(r->service.connection);

        if (asprintf(&r->failure, "Failed to %s: %s", what, *sentence ? sentence : strerror(-error)) < 0)
                r->failure = NULL;
        return error;
}

static int stop(struct recording *r) {
        int k;

        k = tracectl_session_stop(r->session, r->arguments->overwrite ? NULL : &r->counts);
        if (k < 0)
                return keep_failure(r, "stop recording", k);
        if (r->arguments->overwrite) {
                k = tracectl_session_snapshot(r->session, "", NULL, &r->counts);
                if (k < 0)
                        return keep_failure(r, "write the rings", k);
        }
        record_live_finish(&r->live);
        recording_find_hints(r);
        /* What there is, is written. That the units of a session end takes 0.2 s; they do when we hang up (bind). */
        if (r->is_shared)
                return 0;
        k = tracectl_session_destroy(r->session);
        return k < 0 ? keep_failure(r, "end the session", k) : 0;
}

static void explain_loss(struct recording *r, const siginfo_t *how) {
        const char *verb = how->si_code == CLD_EXITED ? "ended with status" : "was killed by signal";

        free(r->failure);
        if (asprintf(&r->failure, "The tracing service %s %i while the command ran.", verb, how->si_status) < 0)
                r->failure = NULL;
}

void recording_stop(struct recording *r) {
        if (r->service_lost || r->is_stopped)
                return;
        r->is_stopped = true;
        r->nsec = record_now() - r->begin;
        (void) stop(r);
}

/* Of children that were waited for, and of theirs: between the command's end and the service's that is the service. */
static uint64_t children_cpu_time(void) {
        struct rusage usage;

        if (getrusage(RUSAGE_CHILDREN, &usage) < 0)
                return 0;
        return (uint64_t) (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000000 +
                (uint64_t) (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1000;
}

void recording_finish(struct recording *r) {
        uint64_t cpu_before = children_cpu_time();
        siginfo_t how;
        int k;

        recording_stop(r);
        /* What is written is written: what the service does afterwards is of no interest. */
        if (r->is_stopped)
                r->service_lost = false;
        k = record_service_end(&r->service, &how);
        r->cpu_nsec = k >= 0 ? children_cpu_time() - cpu_before : 0;
        if (r->service_lost && k >= 0)
                explain_loss(r, &how);
        else if (r->service_lost)
                r->failure = strdup("The tracing service has gone away while the command ran.");
        else if (k == -ETIMEDOUT && !r->failure)
                r->failure = strdup("The tracing service did not end in time.");
}

/* On stderr, where everything of tracectl's is: the command's output may go to another program. */
static void show_summary(const char *directory) {
        fflush(stdout);
        if (dup2(STDERR_FILENO, STDOUT_FILENO) < 0 || summary_show(directory) < 0 || fflush(stdout) != 0)
                say("Failed to show the summary. Try: %s summary %s", program_invocation_name, directory);
}

static bool is_filtered(const struct record_arguments *a) {
        for (size_t i = 0; i < a->n_patterns; i++)
                if (a->filters[i])
                        return true;
        return selection_is_used(&a->selection);
}

/* Of the kernel's events it depends on which they are. */
static uint64_t cost_within(const struct recording *r) {
        const struct record_arguments *a = r->arguments;

        if (a->kernel || !r->counts)
                return 0;
        return record_cost_estimate(&(struct record_cost) {
                .events = tracectl_counts_get(r->counts, TRACECTL_COUNT_EVENTS),
                .bytes = tracectl_counts_get(r->counts, TRACECTL_COUNT_BYTES),
                .discarded = tracectl_counts_get(r->counts, TRACECTL_COUNT_LOST_RING),
                .overwritten = tracectl_counts_get(r->counts, TRACECTL_COUNT_LOST_OVERWRITE),
                .starts = a->n_pids > 0 ? 0 : tracectl_counts_get(r->counts, TRACECTL_COUNT_APPLICATIONS),
                .libc = a->libc,
        });
}

void recording_summarize(struct recording *r) {
        const struct record_arguments *a = r->arguments;
        bool gone = record_output_remove_empty(&r->output);
        struct record_summary summary = {
                .counts = r->counts,
                .failure = r->failure,
                .directory = gone ? NULL : r->output.path,
                .program = program_invocation_name,
                .libc = a->libc,
                .kernel = a->kernel,
                .calls = a->n_syscalls > 0,
                .no_strings = r->no_strings,
                .all_events = a->n_patterns > 0 && strcmp(a->patterns[0], "*") == 0 && a->n_patterns == 1,
                .filtered = is_filtered(a),
                .is_running = a->n_pids > 0,
                .nsec = r->nsec,
                .cpu_nsec = r->cpu_nsec,
                .within_nsec = cost_within(r),
        };
        _cleanup_free_ char *line = NULL;

        recording_say_hints(r);
        if (record_summary_format(&summary, &line) >= 0)
                say("%s", line);
        if (a->with_summary && !gone)
                show_summary(r->output.path);
}

int recording_start_command(struct recording *r) {
        struct record_command command = {
                .path = r->path,
                .argv = r->arguments->command,
                .socket_path = r->service.socket_path,
                .preload = r->preload,
                .signals = &r->signals,
        };

        if (r->held.pid > 0)
                return process_let_go(&r->held, &r->command);
        return record_command_start(&command, &r->command);
}

void recording_abandon(struct recording *r) {
        siginfo_t how;

        held_process_done(&r->held);
        /* That service goes on without us. */
        if (r->is_shared && r->session)
                (void) tracectl_session_destroy(r->session);
        (void) record_service_end(&r->service, &how);
        (void) record_output_remove_empty(&r->output);
}

static void close_processes(struct recording *r) {
        for (size_t i = 0; r->pidfds && i < r->arguments->n_pids; i++)
                if (r->pidfds[i] >= 0)
                        close(r->pidfds[i]);
        free(TAKE_PTR(r->pidfds));
}

void recording_done(struct recording *r) {
        close_processes(r);
        record_live_done(&r->live);
        syscall_strings_done(&r->strings);
        free(r->hints);
        free(r->failure);
        tracectl_counts_free(r->counts);
        held_process_done(&r->held);
        process_done(&r->command);
        tracectl_session_free(r->session);
        record_service_done(&r->service);
        record_output_done(&r->output);
        signals_done(&r->signals);
        free(r->preload);
        free(r->path);
}
