/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Runs a command under a tracing service of its own, with the session that a
 * profile describes, which `tracectl record` could not make: several channels,
 * contexts, filters.
 *
 *     bench-session [--snapshots] PROFILE COMMAND [ARGUMENT...]
 *
 * With --snapshots, one snapshot after the other is written as long as the
 * command runs. The last line on stderr is `EVENTS LOST BYTES` of the session.
 */

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/tracectl/record-command.h"
#include "client/tracectl/record-service.h"
#include "common/cleanup.h"

struct bench_session {
        struct signals signals;
        struct record_service service;
        tracectl_session *session;
        struct process command;
};

static int fail(const struct bench_session *b, const char *what, int error) {
        fprintf(stderr, "bench-session: cannot %s: %s\n", what,
                b->service.connection ? tracectl_connection_get_error(b->service.connection) : strerror(-error));
        return error;
}

static int read_text(const char *path, char *text, size_t size) {
        FILE *f = fopen(path, "re");
        size_t n;

        if (!f)
                return -errno;
        n = fread(text, 1, size - 1, f);
        fclose(f);
        text[n] = '\0';
        return 0;
}

static int begin(struct bench_session *b, const char *profile) {
        struct tracectl_profile_options options = TRACECTL_PROFILE_OPTIONS_INIT;
        tracectl_value *difference = NULL;
        char text[8192];
        int r;

        r = read_text(profile, text, sizeof(text));
        if (r < 0)
                return fail(b, "read the profile", r);
        r = signals_take(&b->signals);
        if (r < 0)
                return fail(b, "take the signals", r);
        r = record_service_start(&b->signals, NULL, &b->service);
        if (r < 0)
                return r;
        options.name = "bench";
        options.start = 1;
        r = tracectl_apply_profile(b->service.connection, text, &options, &difference);
        tracectl_value_free(difference);
        if (r >= 0)
                r = tracectl_session_open(b->service.connection, "bench", &b->session);
        return r < 0 ? fail(b, "make the session", r) : 0;
}

static int run(struct bench_session *b, char **argv, bool snapshots, siginfo_t *ret_how) {
        struct record_command command = {
                .path = argv[0],
                .argv = argv,
                .socket_path = b->service.socket_path,
                .signals = &b->signals,
        };
        bool lost;
        int r;

        r = record_command_start(&command, &b->command);
        if (r < 0)
                return fail(b, "start the command", r);
        while (snapshots) {
                r = tracectl_session_snapshot(b->session, "", NULL, NULL);
                if (r < 0)
                        return fail(b, "write a snapshot", r);
                r = process_wait(&b->command, 0, ret_how);
                if (r != -ETIMEDOUT)
                        return r;
        }
        return record_command_wait(&b->command, &b->signals, b->service.connection, &(struct record_live) {}, 0,
                                   ret_how, &lost);
}

static int end(struct bench_session *b) {
        tracectl_counts *counts = NULL;
        siginfo_t how;
        int r;

        r = tracectl_session_stop(b->session, &counts);
        if (r < 0)
                return fail(b, "stop recording", r);
        fprintf(stderr, "%" PRIu64 " %" PRIu64 " %" PRIu64 "\n", tracectl_counts_get(counts, TRACECTL_COUNT_EVENTS),
                tracectl_counts_get(counts, TRACECTL_COUNT_DISCARDED),
                tracectl_counts_get(counts, TRACECTL_COUNT_BYTES));
        tracectl_counts_free(counts);
        tracectl_session_free(b->session);
        return record_service_end(&b->service, &how);
}

int main(int argc, char *argv[]) {
        struct bench_session b = { .signals = SIGNALS_NULL, .service = RECORD_SERVICE_NULL, .command = PROCESS_NULL };
        bool snapshots = argc > 1 && strcmp(argv[1], "--snapshots") == 0;
        siginfo_t how = { 0 };

        argv += snapshots;
        argc -= snapshots;
        if (argc < 3) {
                fprintf(stderr, "Usage: bench-session [--snapshots] PROFILE COMMAND [ARGUMENT...]\n");
                return EXIT_FAILURE;
        }
        if (begin(&b, argv[1]) < 0 || run(&b, argv + 2, snapshots, &how) < 0 || end(&b) < 0)
                return EXIT_FAILURE;
        return how.si_code == CLD_EXITED ? how.si_status : EXIT_FAILURE;
}
