/* SPDX-License-Identifier: LGPL-2.1-or-later */
#undef NDEBUG

#include <glib.h>
#include <stdlib.h>

#include "client/tracectl/record-summary.h"
#include "tests/unit/client/libtracectl/fake-service.h"

/* The counts as Stop brings them. */
static tracectl_counts *make_counts(const struct fake_count *list, const char *output_error) {
        tracectl_connection *connection;
        tracectl_session *session;
        tracectl_counts *counts;
        struct fake_service *service;
        int fd;

        service = fake_service_start(&(struct fake_script) { .counts = list, .output_error = output_error }, &fd);
        g_assert_cmpint(tracectl_connection_new_fd(fd, &connection), ==, 0);
        g_assert_cmpint(tracectl_session_create(connection, "shop", NULL, &session), ==, 0);
        g_assert_cmpint(tracectl_session_stop(session, &counts), ==, 0);
        tracectl_session_free(session);
        tracectl_connection_free(connection);
        g_free(fake_service_end(service));
        return counts;
}

static void assert_line(struct record_summary summary, const struct fake_count *list, const char *output_error,
                        const char *expected) {
        tracectl_counts *counts = list ? make_counts(list, output_error) : NULL;
        char *line = NULL;

        summary.counts = counts;
        summary.program = "tracectl";
        g_assert_cmpint(record_summary_format(&summary, &line), ==, 0);
        g_assert_cmpstr(line, ==, expected);
        free(line);
        tracectl_counts_free(counts);
}

static void test_complete(void) {
        assert_line((struct record_summary) { .directory = "shop-1" },
                    (struct fake_count[]) { { "events", 1234567 }, { "bytes", 12345678 }, {} }, NULL,
                    "1,234,567 events, 0 lost, 12.3 MB in shop-1/; look at them with: tracectl view shop-1");
        assert_line((struct record_summary) { .directory = "-x", .kernel = true, .calls = true },
                    (struct fake_count[]) { { "events", 2 }, { "bytes", 2 }, {} }, NULL,
                    "2 events, 0 lost, 2 bytes in -x/; look at them with: tracectl view --calls -- -x");
        assert_line((struct record_summary) { .directory = "a b" },
                    (struct fake_count[]) { { "events", 1 }, { "bytes", 1 }, {} }, NULL,
                    "1 event, 0 lost, 1 byte in a b/; look at it with: tracectl view 'a b'");
        assert_line((struct record_summary) { .directory = "-x" },
                    (struct fake_count[]) { { "events", 2 }, { "bytes", 2 }, {} }, NULL,
                    "2 events, 0 lost, 2 bytes in -x/; look at them with: tracectl view -- -x");
        assert_line((struct record_summary) { .directory = "d", .nsec = 1234567890, .cpu_nsec = 12000001 },
                    (struct fake_count[]) { { "events", 2 }, { "bytes", 2 }, {} }, NULL,
                    "2 events, 0 lost, 2 bytes in d/ (1.23 s, and 13 ms of CPU time beside the program); "
                    "look at them with: tracectl view d");
        assert_line((struct record_summary) { .directory = "d", .nsec = 1234567890, .cpu_nsec = 12000001,
                                              .within_nsec = 400000 },
                    (struct fake_count[]) { { "events", 2 }, { "bytes", 2 }, {} }, NULL,
                    "2 events, 0 lost, 2 bytes in d/ (1.23 s, and 13 ms of CPU time beside the program, about 1 ms "
                    "within it); look at them with: tracectl view d");
        assert_line((struct record_summary) { .directory = "d", .nsec = 1234567890, .within_nsec = 2000001 },
                    (struct fake_count[]) { { "events", 2 }, { "bytes", 2 }, {} }, NULL,
                    "2 events, 0 lost, 2 bytes in d/ (1.23 s, and about 3 ms of CPU time within the program); "
                    "look at them with: tracectl view d");
        assert_line((struct record_summary) { .directory = "d", .nsec = 10000000 },
                    (struct fake_count[]) { { "events", 2 }, { "bytes", 2 }, {} }, NULL,
                    "2 events, 0 lost, 2 bytes in d/ (0.01 s); look at them with: tracectl view d");
}

static void test_lost(void) {
        struct record_summary s = { .directory = "d" };

        assert_line(s, (struct fake_count[]) { { "events", 5 }, { "discarded", 3 }, { "lost-ring", 3 }, {} }, NULL,
                    "5 events, 3 lost (ring full, a larger --size helps), 0 bytes in d/; "
                    "look at them with: tracectl view d");
        assert_line(s, (struct fake_count[]) { { "events", 5 }, { "discarded", 3 }, { "lost-output", 3 }, {} },
                    "No space left on device",
                    "5 events, 3 lost (could not be written: No space left on device), 0 bytes in d/; "
                    "look at them with: tracectl view d");
        assert_line(s, (struct fake_count[]) { { "events", 5 }, { "lost-ring", 1 }, { "lost-output", 2 }, {} }, NULL,
                    "5 events, 3 lost (1: ring full, a larger --size helps; 2: could not be written: the output failed), 0 bytes in d/; "
                    "look at them with: tracectl view d");
        assert_line(s, (struct fake_count[]) { { "events", 5 }, { "lost-overwrite", 4000 }, { "lost-garbage", 7 },
                                               { "pending", 1 }, {} }, NULL,
                    "5 events, 0 lost, 0 bytes (older ones, 4.0 kB, were overwritten) "
                    "(7 bytes in the rings were no records and were left out) "
                    "(1 process did not confirm the end in time) in d/; look at them with: tracectl view d");
}

static void test_output_fails(void) {
        assert_line((struct record_summary) { .directory = "d" }, (struct fake_count[]) { { "events", 5 }, {} },
                    "Input/output error",
                    "5 events, 0 lost (but the output fails: Input/output error), 0 bytes in d/; "
                    "look at them with: tracectl view d");
}

static void test_nothing(void) {
        struct fake_count none[] = { {} }, two[] = { { "applications", 2 }, {} };

        assert_line((struct record_summary) {}, none, NULL,
                    "Nothing was recorded: the command has no tracepoints. "
                    "To record its calls of the C library, add --libc.");
        assert_line((struct record_summary) { .libc = true }, none, NULL,
                    "Nothing was recorded: libtracectl-libc.so was not loaded. Programs that are linked statically "
                    "or run with other privileges (setuid) do not load it.");
        assert_line((struct record_summary) { .kernel = true, .is_running = true }, none, NULL,
                    "Nothing was recorded: nothing that was asked for has happened in the kernel. "
                    "See tracectl list --kernel.");
        assert_line((struct record_summary) { .all_events = true }, two, NULL,
                    "Nothing was recorded: 2 processes registered, but no event was hit.");
        assert_line((struct record_summary) { .filtered = true }, two, NULL,
                    "Nothing was recorded: 2 processes registered, but no event was hit that --filter and the options "
                    "like it let pass. Without them, all are recorded.");
        assert_line((struct record_summary) { .directory = "d" }, two, NULL,
                    "Nothing was recorded: 2 processes registered, but no event was hit that -e names. "
                    "Without -e, all events are recorded. The trace in d/ is empty.");
}

/* The same of a session, which has other options. */
static void test_session(void) {
        struct record_summary s = { .directory = "/d", .session = "shop" };
        struct fake_count two[] = { { "applications", 2 }, {} };

        assert_line(s, (struct fake_count[]) { { "events", 5 }, { "lost-ring", 1 }, {} }, NULL,
                    "5 events, 1 lost (ring full, a larger --subbuf-size of its channel helps), 0 bytes in /d/; "
                    "look at them with: tracectl view /d");
        assert_line(s, (struct fake_count[]) { {} }, NULL,
                    "Nothing was recorded: no program with tracepoints has run. See tracectl list --applications. "
                    "The trace in /d/ is empty.");
        assert_line(s, two, NULL, "Nothing was recorded: no event was hit that is enabled. See tracectl list shop. "
                                  "The trace in /d/ is empty.");
}

/* Nothing was written because nothing could be: that is not "nothing was recorded". */
static void test_all_lost(void) {
        assert_line((struct record_summary) {},
                    (struct fake_count[]) { { "discarded", 9 }, { "lost-output", 9 }, {} }, "Disk quota exceeded",
                    "0 events, 9 lost (could not be written: Disk quota exceeded); nothing was written.");
}

static void test_failure(void) {
        assert_line((struct record_summary) { .failure = "It died.", .directory = "d" }, NULL, NULL,
                    "The recording is not complete: It died. What was written before is in d/; "
                    "look at it with: tracectl view d");
        assert_line((struct record_summary) { .failure = "It died." }, NULL, NULL,
                    "The recording is not complete: It died. Nothing was written.");
}

int main(int argc, char *argv[]) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/record-summary/complete", test_complete);
        g_test_add_func("/record-summary/lost", test_lost);
        g_test_add_func("/record-summary/output-fails", test_output_fails);
        g_test_add_func("/record-summary/nothing", test_nothing);
        g_test_add_func("/record-summary/session", test_session);
        g_test_add_func("/record-summary/all-lost", test_all_lost);
        g_test_add_func("/record-summary/failure", test_failure);
        return g_test_run();
}
