/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A tracing service of its own, as that of tracectl record, records this very
 * process into rings that nobody writes to a file.
 */

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/tracectl/calibrate-measure.h"
#include "client/tracectl/command.h"
#include "client/tracectl/format.h"
#include "client/tracectl/record-service.h"
#include "client/tracectl/say.h"
#include "client/tracectl/verbs.h"
#include "common/cleanup.h"

static void print_help(void) {
        puts("Usage: tracectl calibrate [OPTION...]\n"
             "\n"
             "Measure what tracing costs on this machine: reading the clock, an event that\n"
             "nobody records, and events that are recorded, one after another in one thread.\n"
             "Takes about a second and leaves nothing behind. Medians; other programs that\n"
             "run meanwhile disturb it.\n"
             "\n"
             "      --json[=MODE]      Print JSON: pretty, short or off\n"
             "  -h, --help             Show this text\n"
             "\n"
             "Example: tracectl calibrate --json | jq .recorded_number_ns");
}

struct place {
        char *path; /* NULL: there is none */
        int fd;
};

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw) {
        return remove(path);
}

static void place_done(struct place *place) {
        if (place->fd >= 0)
                close(place->fd);
        if (place->path)
                (void) nftw(place->path, remove_one, 8, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
        free(place->path);
}

static int place_make(struct place *place) {
        const char *folder = secure_getenv("TMPDIR");
        _cleanup_free_ char *path = NULL;

        if (asprintf(&path, "%s/tracectl-calibrate-XXXXXX", folder ?: "/tmp") < 0)
                return -ENOMEM;
        if (!mkdtemp(path))
                return -errno;
        place->path = TAKE_PTR(path);
        place->fd = open(place->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
        return place->fd < 0 ? -errno : 0;
}

static int start_session(tracectl_connection *connection, int directory_fd, tracectl_session **ret) {
        struct tracectl_session_options options = TRACECTL_SESSION_OPTIONS_INIT;
        int r;

        options.output_fd = directory_fd;
        options.mode = "flight-recorder";
        r = tracectl_session_create(connection, "calibrate", &options, ret);
        if (r >= 0)
                r = tracectl_session_enable_event(*ret, "user", "", "calibrate:*", NULL, NULL);
        if (r >= 0)
                r = tracectl_session_start(*ret, NULL);
        if (r < 0)
                say("Failed to begin a recording: %s", tracectl_connection_get_error(connection));
        return r;
}

/* The library finds the service by the variable, as a recorded command does. */
static int measure_recorded(struct calibration *calibration, const char *socket_path) {
        struct tracepoints tracepoints;
        int r;

        if (setenv("TRACECTL_SOCKET", socket_path, 1) < 0)
                return -errno;
        if (tracepoints_load(&tracepoints) != 0)
                return -ENOENT;
        tracepoints.object_register(calibration_object());
        r = calibration_measure_on(calibration, &tracepoints);
        if (r == -ENODATA)
                say("The tracing service did not answer in time: this machine is too busy to measure on. Try again.");
        return r;
}

DEFINE_CLEANUP(tracectl_session *, tracectl_session_free)

/* Has said what is wrong when it fails. */
static int measure(struct calibration *calibration, struct signals *signals, struct record_service *service) {
        _cleanup_(tracectl_session_freep) tracectl_session *session = NULL;
        _cleanup_(place_done) struct place place = { .fd = -1 };
        int r;

        r = calibration_measure_off(calibration);
        if (r < 0) {
                say("Failed to measure the clock: %s", strerror(-r));
                return r;
        }
        r = place_make(&place);
        if (r < 0) {
                say("Failed to make a directory in $TMPDIR, or /tmp: %s", strerror(-r));
                return r;
        }
        r = record_service_start(signals, NULL, service);
        if (r >= 0)
                r = start_session(service->connection, place.fd, &session);
        if (r >= 0)
                r = measure_recorded(calibration, service->socket_path);
        if (session)
                (void) tracectl_session_destroy(session);
        /* Its consumer has written the last, before the directory goes. */
        record_service_done(service);
        return r;
}

static int print(const struct calibration *c, enum json_mode json) {
        const char *clock = c->clock == TRACE_CLOCK_TSC ? "time stamp counter" : "CLOCK_MONOTONIC";

        if (json != JSON_MODE_OFF)
                return json_print(json, json_pack("{s:s,s:o,s:f,s:f,s:f,s:f}", "clock", clock, "frequency",
                                                  json_from_number(c->info.frequency), "clock_ns", c->clock_ns,
                                                  "off_ns", c->off_ns, "recorded_number_ns", c->number_ns,
                                                  "recorded_string_ns", c->string_ns));
        printf("Clock: the %s, ", clock);
        format_number(stdout, c->info.frequency);
        printf(" ticks a second; to read it takes %.1f ns\n", c->clock_ns);
        printf("An event that nobody records:            %.1f ns\n", c->off_ns);
        printf("One that is recorded, with a number:     %.1f ns\n", c->number_ns);
        printf("One with a string of 32 bytes:           %.1f ns\n", c->string_ns);
        return EXIT_SUCCESS;
}

static int run(enum json_mode json) {
        _cleanup_(record_service_done) struct record_service service = RECORD_SERVICE_NULL;
        struct calibration calibration = {};
        struct signals signals = SIGNALS_NULL;
        int signal, r;

        r = signals_take(&signals);
        if (r < 0) {
                say("Failed to set up signals: %s.", strerror(-r));
                return EXIT_FAILURE;
        }
        r = measure(&calibration, &signals, &service);
        signal = signals_take_end(&signals);
        signals_done(&signals);
        if (signal > 0)
                signals_die(signal);
        return r < 0 ? EXIT_FAILURE : print(&calibration, json);
}

int verb_calibrate(int argc, char *argv[]) {
        static const struct option options[] = {
                { "json", optional_argument, NULL, COMMAND_JSON },
                { "help", no_argument, NULL, 'h' },
                {},
        };
        struct command command = COMMAND_INIT("calibrate");
        int status;

        status = command_options(&command, argc, argv, ":h", options);
        if (status >= 0)
                return status;
        status = command_check_arguments(&command, argc, argv, 0, 0, "nothing");
        return status != 0 ? status : run(command.json);
}
