/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a session does over time, with consumers that answer, refuse, hang and die. */

#include "fixture.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"

#define MANAGER "/org/tracectl/Tracing1", "org.tracectl.Tracing1.Manager"
#define SESSION "org.tracectl.Tracing1.Session"
#define ERROR "org.tracectl.Tracing1.Error."

static const char *const shop[] = { "shop:order_paid", NULL };

static void assert_state(struct fixture *f, const char *session, const char *wanted) {
        g_autofree char *state = fixture_get_string(f, session, SESSION, "State");

        g_assert_cmpstr(state, ==, wanted);
}

static void test_start(void) {
        struct fixture *f = fixture_new();
        g_autofree char *session = fixture_session(f, "s");
        struct fake_message *output, *m;
        struct fake_consumer *c;

        fixture_fails(f, ERROR "NotActive", "start it first", session, SESSION, "Stop", "a{sv}", 0);
        fixture_fails(f, ERROR "NotActive", "start it first", session, SESSION, "Snapshot", "a{sv}", 0);
        fixture_fails(f, ERROR "UnknownOption", "no options", session, SESSION, "Start", "a{sv}", 1, "fast", "s", "");
        assert_state(f, session, "configured");
        fixture_ok(f, session, SESSION, "Start", "a{sv}", 0);
        assert_state(f, session, "active");
        c = fake_consumer_next(f);
        output = fake_consumer_wait(c, CONSUMER_OUTPUT);
        m = fake_consumer_wait(c, CONSUMER_SESSION);
        g_assert_cmpuint(output->header.serial, ==, 1);
        g_assert_cmpuint(output->n_fds, ==, 0);
        g_assert_cmpuint(output->output.kind, ==, CONSUMER_OUTPUT_DIRECTORY);
        g_assert_cmpstr(output->output.path, ==, f->output);
        g_assert_cmpuint(m->header.serial, ==, 2);
        g_assert_cmpstr(m->session.name, ==, "s");
        g_assert_cmpuint(m->session.clock, ==, trace_clock_choose());
        g_assert_cmpuint(m->session.clock_frequency, >, 1000000);
        g_assert_cmpuint(m->session.clock_offset_ticks, <, m->session.clock_frequency);
        g_assert_cmpuint(m->session.created, >, 0);
        g_assert_cmpuint(m->session.clock_uuid[0] | m->session.clock_uuid[1] | m->session.clock_uuid[15], !=, 0);
        g_assert_cmpuint(fake_consumer_status(c)->magic, ==, CONSUMER_STATUS_MAGIC);
        g_assert_cmpuint(fake_consumer_status(c)->wake, ==, 2);
        fake_message_free(output);
        fake_message_free(m);
        fixture_fails(f, ERROR "AlreadyActive", "'s'", session, SESSION, "Start", "a{sv}", 0);
        fixture_free(f);
}

static void assert_not_started(struct fixture *f, const char *error, const char *text) {
        g_autofree char *session = fixture_session(f, "s");

        fixture_fails(f, error, text, session, SESSION, "Start", "a{sv}", 0);
        assert_state(f, session, "configured");
        /* Nothing is left of it: it works when the reason is gone. */
        f->refuse_start = false;
        g_atomic_int_set(&f->answer_type, 0);
        fixture_ok(f, session, SESSION, "Start", "a{sv}", 0);
        fixture_free(f);
}

static void test_start_refused(void) {
        struct fixture *f = fixture_new();

        f->refuse_start = true;
        assert_not_started(f, ERROR "ConsumerFailed", "cannot be started: No such file");
}

static void test_output_refused(void) {
        struct fixture *f = fixture_new();

        f->answer_type = CONSUMER_OUTPUT;
        f->answer_error = EROFS;
        assert_not_started(f, ERROR "Output", "Read-only");
}

static void test_session_refused(void) {
        struct fixture *f = fixture_new();

        f->answer_type = CONSUMER_SESSION;
        f->answer_error = EBADMSG;
        assert_not_started(f, ERROR "ConsumerFailed", "refused");
}

static void test_start_unanswered(void) {
        struct fixture *f = fixture_new_usec(1000000);

        f->answer_type = CONSUMER_SESSION;
        f->answer_error = -1;
        assert_not_started(f, ERROR "ConsumerFailed", "does not answer");
}

static uint64_t read_counts(sd_bus_message *reply, const char *wanted) {
        uint64_t value = UINT64_MAX, v;
        const char *key;

        g_assert_cmpint(sd_bus_message_rewind(reply, 1), >=, 0);
        g_assert_cmpint(sd_bus_message_enter_container(reply, 'a', "{sv}"), >, 0);
        while (sd_bus_message_enter_container(reply, 'e', "sv") > 0) {
                g_assert_cmpint(sd_bus_message_read(reply, "s", &key), >, 0);
                if (strcmp(key, "output-error") == 0)
                        g_assert_cmpint(sd_bus_message_skip(reply, "v"), >, 0);
                else
                        g_assert_cmpint(sd_bus_message_read(reply, "v", "t", &v), >, 0);
                if (strcmp(key, wanted) == 0)
                        value = v;
                g_assert_cmpint(sd_bus_message_exit_container(reply), >=, 0);
        }
        return value;
}

static void test_stop(void) {
        struct fixture *f = fixture_new();
        g_autofree char *session = fixture_session(f, "s");
        struct fake_application *a = fake_application_register(f, shop, 0);
        struct consumer_status *status;
        sd_bus_message *reply;

        fixture_ok(f, session, SESSION, "Start", "a{sv}", 0);
        status = fake_consumer_status(fake_consumer_next(f));
        status->events = 10;
        status->lost_ring = 3;
        status->lost_output = 4;
        status->bytes = 1000;
        g_assert_cmpuint(fixture_get_u64(f, session, SESSION, "EventsRecorded"), ==, 10);
        g_assert_cmpuint(fixture_get_u64(f, session, SESSION, "EventsDiscarded"), ==, 7);
        g_assert_cmpuint(fixture_get_u64(f, session, SESSION, "Bytes"), ==, 1000);
        reply = fixture_call(f, session, SESSION, "Stop", NULL, "a{sv}", 0);
        g_assert_cmpuint(read_counts(reply, "events"), ==, 10);
        g_assert_cmpuint(read_counts(reply, "discarded"), ==, 7);
        g_assert_cmpuint(read_counts(reply, "lost-ring"), ==, 3);
        g_assert_cmpuint(read_counts(reply, "bytes"), ==, 1000);
        g_assert_cmpuint(read_counts(reply, "applications"), ==, 1);
        g_assert_cmpuint(read_counts(reply, "pending"), ==, 0);
        sd_bus_message_unref(reply);
        assert_state(f, session, "stopped");
        fake_application_free(a);
        /* And once more: the same consumer goes on. */
        fixture_ok(f, session, SESSION, "Start", "a{sv}", 0);
        assert_state(f, session, "active");
        g_assert_null(g_async_queue_try_pop(f->consumers));
        fixture_free(f);
}

/* The consumer hears of STOP only when no application records any more. */
static void test_stop_waits(void) {
        struct fixture *f = fixture_new();
        g_autofree char *session = fixture_session(f, "s");
        struct fake_application *a = fake_application_register(f, shop, 0);
        struct fake_consumer *c;
        sd_bus_message *reply;

        fixture_ok(f, session, SESSION, "Start", "a{sv}", 0);
        c = fake_consumer_next(f);
        fixture_ok(f, session, SESSION, "EnableEvent", "sssa{sv}", "user", "", "*", 0);
        g_assert_true(fake_application_recv(a).keys & HANDSHAKE_CONFIG);
        /* It does not acknowledge: two seconds, then it is counted. */
        reply = fixture_call(f, session, SESSION, "Stop", NULL, "a{sv}", 0);
        g_assert_cmpuint(read_counts(reply, "pending"), ==, 1);
        fake_message_free(fake_consumer_wait(c, CONSUMER_STOP));
        sd_bus_message_unref(reply);
        fake_application_free(a);
        fixture_free(f);
}

static int on_stopped(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        if (sd_bus_message_is_signal(m, SESSION, "Stopped")) {
                g_assert_true(sd_bus_message_has_signature(m, "a{sv}"));
                ++*(unsigned *) userdata;
        }
        return 0;
}

static void test_stop_takes_long(void) {
        struct fixture *f = fixture_new_usec(1000000);
        g_autofree char *session = fixture_session(f, "s");
        struct fake_consumer *c;
        struct fake_message *stop;
        unsigned n_stopped = 0;

        g_assert_cmpint(sd_bus_add_filter(f->bus, NULL, on_stopped, &n_stopped), >=, 0);
        fixture_ok(f, session, SESSION, "Start", "a{sv}", 0);
        c = fake_consumer_next(f);
        f->answer_error = -1;
        g_atomic_int_set(&f->answer_type, CONSUMER_STOP);
        fixture_ok(f, session, SESSION, "Stop", "a{sv}", 0);
        assert_state(f, session, "stopping");
        fixture_fails(f, ERROR "Busy", "still being written", session, SESSION, "Start", "a{sv}", 0);
        fixture_fails(f, ERROR "Busy", "still being written", session, SESSION, "Stop", "a{sv}", 0);
        stop = fake_consumer_wait(c, CONSUMER_STOP);
        fake_consumer_answer(c, stop, 0);
        fixture_wait_string(f, session, SESSION, "State", "stopped");
        while (n_stopped == 0)
                if (sd_bus_process(f->bus, NULL) == 0)
                        g_assert_cmpint(sd_bus_wait(f->bus, WAIT_SECONDS * G_USEC_PER_SEC), >, 0);
        g_assert_cmpuint(n_stopped, ==, 1);
        fake_message_free(stop);
        fixture_free(f);
}

/* One that writes slowly is waited for; one that does not write at all is not, for ever. */
static void test_stop_is_given_up(void) {
        struct fixture *f = fixture_new_usec(400000);
        g_autofree char *session = fixture_session(f, "s"), *reason = NULL, *state = NULL;
        struct fake_consumer *c;
        struct fake_message *stop;

        fixture_ok(f, session, SESSION, "Start", "a{sv}", 0);
        c = fake_consumer_next(f);
        f->answer_error = -1;
        g_atomic_int_set(&f->answer_type, CONSUMER_STOP);
        fixture_ok(f, session, SESSION, "Stop", "a{sv}", 0);
        stop = fake_consumer_wait(c, CONSUMER_STOP);
        fixture_wait_string(f, session, SESSION, "State", "failed");
        reason = fixture_get_string(f, session, SESSION, "Reason");
        g_assert_nonnull(strstr(reason, "has written nothing for 2 s"));
        /* Too late. */
        fake_consumer_wait_hang_up(c);
        state = fixture_get_string(f, session, SESSION, "State");
        g_assert_cmpstr(state, ==, "failed");
        fixture_ok(f, session, SESSION, "Destroy", "a{sv}", 0);
        fake_message_free(stop);
        fixture_free(f);
}

static void test_consumer_dies(void) {
        struct fixture *f = fixture_new();
        g_autofree char *session = fixture_session(f, "s"), *reason = NULL;
        struct fake_application *a = fake_application_register(f, shop, 0);

        fixture_ok(f, session, SESSION, "EnableEvent", "sssa{sv}", "user", "", "*", 0);
        fixture_ok(f, session, SESSION, "Start", "a{sv}", 0);
        fake_application_apply(a);
        g_assert_cmpuint(a->view.n_actions, ==, 1);
        fake_consumer_die(fake_consumer_next(f));
        /* The application is told to stop, and people why. */
        fake_application_apply(a);
        g_assert_cmpuint(a->view.n_actions, ==, 0);
        assert_state(f, session, "failed");
        reason = fixture_get_string(f, session, SESSION, "Reason");
        g_assert_cmpstr(reason, ==, "its consumer closed the connection");
        fixture_fails(f, ERROR "ConsumerFailed", reason, session, SESSION, "Stop", "a{sv}", 0);
        fixture_fails(f, ERROR "ConsumerFailed", reason, session, SESSION, "Start", "a{sv}", 0);
        fixture_fails(f, ERROR "ConsumerFailed", reason, session, SESSION, "Snapshot", "a{sv}", 0);
        fixture_ok(f, session, SESSION, "Destroy", "a{sv}", 0);
        fake_application_free(a);
        fixture_free(f);
}

static void test_consumer_dies_at_stop(void) {
        struct fixture *f = fixture_new();
        g_autofree char *session = fixture_session(f, "s");
        sd_bus_message *m = NULL, *reply = NULL;
        struct fake_consumer *c;
        uint64_t cookie;

        fixture_ok(f, session, SESSION, "Start", "a{sv}", 0);
        c = fake_consumer_next(f);
        f->answer_error = -1;
        g_atomic_int_set(&f->answer_type, CONSUMER_STOP);
        g_assert_cmpint(sd_bus_message_new_method_call(f->bus, &m, NULL, session, SESSION, "Stop"), >=, 0);
        g_assert_cmpint(sd_bus_message_append(m, "a{sv}", 0), >=, 0);
        g_assert_cmpint(sd_bus_send(f->bus, m, &cookie), >=, 0);
        g_assert_cmpint(sd_bus_flush(f->bus), >=, 0);
        fake_message_free(fake_consumer_wait(c, CONSUMER_STOP));
        fake_consumer_die(c);
        while (!reply || !sd_bus_message_is_method_error(reply, NULL)) {
                reply = sd_bus_message_unref(reply);
                g_assert_cmpint(sd_bus_process(f->bus, &reply), >=, 0);
                if (!reply)
                        g_assert_cmpint(sd_bus_wait(f->bus, WAIT_SECONDS * G_USEC_PER_SEC), >=, 0);
        }
        g_assert_true(sd_bus_message_is_method_error(reply, ERROR "ConsumerFailed"));
        sd_bus_message_unref(reply);
        sd_bus_message_unref(m);
        fixture_free(f);
}

static void assert_rings_answer(int error) {
        struct fixture *f = fixture_new();
        g_autofree char *session = fixture_session(f, "s");
        struct fake_application *a;
        struct fake_consumer *c;

        f->answer_type = CONSUMER_RINGS;
        f->answer_error = error;
        fixture_ok(f, session, SESSION, "EnableEvent", "sssa{sv}", "user", "", "*", 0);
        fixture_ok(f, session, SESSION, "Start", "a{sv}", 0);
        c = fake_consumer_next(f);
        a = fake_application_register(f, shop, 0);
        fake_message_free(fake_consumer_wait(c, CONSUMER_RINGS));
        if (error == ENOMEM)
                fixture_wait_string(f, session, SESSION, "State", "failed");
        else
                /* Answers come in order: this is after that of RINGS. */
                fixture_ok(f, session, SESSION, "Stop", "a{sv}", 0);
        fake_application_free(a);
        fixture_free(f);
}

static void test_rings_refused(void) {
        assert_rings_answer(ENOMEM);
        /* A full disk is no reason to give up: what is lost is counted. */
        assert_rings_answer(ENOSPC);
}

/* Only what overwrite channels hold is not in the trace already. */
static void make_flight_recorder(struct fixture *f, const char *session) {
        fixture_ok(f, session, SESSION, "EnableChannel", "ssa{sv}", "user", "flight", 1, "mode", "s", "overwrite");
}

static void test_snapshot(void) {
        struct fixture *f = fixture_new();
        g_autofree char *session = fixture_session(f, "s"), *below = g_build_filename(f->output, "first", NULL);
        struct fake_message *m;
        struct fake_consumer *c;
        sd_bus_message *reply;
        const char *path;

        fixture_ok(f, session, SESSION, "Start", "a{sv}", 0);
        c = fake_consumer_next(f);
        fixture_fails(f, ERROR "NoSuchChannel", "overwrite", session, SESSION, "Snapshot", "a{sv}", 0);
        make_flight_recorder(f, session);
        fixture_fails(f, ERROR "InvalidName", "'../x'", session, SESSION, "Snapshot", "a{sv}", 1, "name", "s", "../x");
        reply = fixture_call(f, session, SESSION, "Snapshot", NULL, "a{sv}", 1, "name", "s", "first");
        g_assert_cmpint(sd_bus_message_read(reply, "s", &path), >, 0);
        g_assert_cmpstr(path, ==, below);
        sd_bus_message_unref(reply);
        m = fake_consumer_wait(c, CONSUMER_SNAPSHOT);
        g_assert_cmpstr(m->snapshot.name, ==, "first");
        fake_message_free(m);
        fixture_ok(f, session, SESSION, "Stop", "a{sv}", 0);
        reply = fixture_call(f, session, SESSION, "Snapshot", NULL, "a{sv}", 0);
        g_assert_cmpint(sd_bus_message_read(reply, "s", &path), >, 0);
        g_assert_cmpstr(path, ==, f->output);
        sd_bus_message_unref(reply);
        f->answer_error = ENOSPC;
        g_atomic_int_set(&f->answer_type, CONSUMER_SNAPSHOT);
        fixture_fails(f, ERROR "Output", "No space left", session, SESSION, "Snapshot", "a{sv}", 0);
        fixture_free(f);
}

static void test_snapshot_takes_long(void) {
        struct fixture *f = fixture_new_usec(1000000);
        g_autofree char *session = fixture_session(f, "s");

        make_flight_recorder(f, session);
        fixture_ok(f, session, SESSION, "Start", "a{sv}", 0);
        f->answer_error = -1;
        g_atomic_int_set(&f->answer_type, CONSUMER_SNAPSHOT);
        fixture_fails(f, "org.freedesktop.DBus.Error.Timeout", "goes on", session, SESSION, "Snapshot", "a{sv}", 0);
        fixture_fails(f, ERROR "Busy", "snapshot", session, SESSION, "Snapshot", "a{sv}", 0);
        fixture_free(f);
}

static void test_destroy(void) {
        struct fixture *f = fixture_new();
        g_autofree char *session = fixture_session(f, "s"), *again = NULL;
        struct fake_consumer *c;

        fixture_ok(f, session, SESSION, "Start", "a{sv}", 0);
        c = fake_consumer_next(f);
        fixture_ok(f, session, SESSION, "Destroy", "a{sv}", 0);
        fake_consumer_wait_hang_up(c);
        g_assert_null(fake_consumer_peek(c, CONSUMER_STOP));
        fixture_fails(f, "org.freedesktop.DBus.Error.UnknownObject", "", session, SESSION, "Start", "a{sv}", 0);
        /* One that was never started, and the name is free again. */
        again = fixture_session(f, "s");
        fixture_ok(f, again, SESSION, "Destroy", "a{sv}", 0);
        fixture_free(f);
}

/* The client hangs up while an application records: consumers are told, and tracingd ends. */
static void test_hang_up(void) {
        struct fixture *f = fixture_new();
        g_autofree char *session = fixture_session(f, "s");
        struct fake_application *a;

        fixture_ok(f, session, SESSION, "EnableEvent", "sssa{sv}", "user", "", "*", 0);
        fixture_ok(f, session, SESSION, "Start", "a{sv}", 0);
        a = fake_application_register(f, shop, 0);
        g_assert_cmpuint(a->view.n_actions, ==, 1);
        sd_bus_close(f->bus);
        fake_application_apply(a);
        g_assert_cmpuint(a->view.n_actions, ==, 0);
        fake_consumer_wait_hang_up(fake_consumer_next(f));
        fixture_free(f);
        fake_application_assert_closed(a);
        fake_application_free(a);
}

static void test_limit(void) {
        struct fixture *f = fixture_new();
        g_autofree char *one = fixture_session(f, "one"), *two = fixture_session(f, "two");

        for (int i = 0; i < VIEW_RINGS_MAX; i++) {
                g_autofree char *name = g_strdup_printf("c%i", i);

                fixture_ok(f, one, SESSION, "EnableChannel", "ssa{sv}", "user", name, 0);
        }
        fixture_fails(f, "org.freedesktop.DBus.Error.LimitsExceeded", "most that it can have", one, SESSION,
                      "EnableChannel", "ssa{sv}", "user", "more", 0);
        fixture_ok(f, two, SESSION, "EnableChannel", "ssa{sv}", "user", "c", 0);
        fixture_ok(f, one, SESSION, "Start", "a{sv}", 0);
        fixture_fails(f, "org.freedesktop.DBus.Error.LimitsExceeded", "stop another", two, SESSION, "Start", "a{sv}",
                      0);
        fixture_free(f);
}

/* Two sessions record the same event: two actions, two rings. */
static void test_two_sessions(void) {
        struct fixture *f = fixture_new();
        g_autofree char *one = fixture_session(f, "one"), *two = fixture_session(f, "two");
        struct fake_application *a;

        fixture_ok(f, one, SESSION, "EnableEvent", "sssa{sv}", "user", "", "*", 0);
        fixture_ok(f, two, SESSION, "EnableEvent", "sssa{sv}", "user", "", "shop:*", 0);
        fixture_ok(f, one, SESSION, "Start", "a{sv}", 0);
        fixture_ok(f, two, SESSION, "Start", "a{sv}", 0);
        a = fake_application_register(f, shop, 0);
        g_assert_cmpuint(a->view.n_rings, ==, 2);
        g_assert_cmpuint(a->view.n_actions, ==, 2);
        g_assert_cmpuint(view_action_at(&a->view, 0)->ring, !=, view_action_at(&a->view, 1)->ring);
        g_assert_cmpuint(view_ring_at(&a->view, 0)->shared_id, !=, view_ring_at(&a->view, 1)->shared_id);
        fake_application_free(a);
        fixture_free(f);
}

int main(int argc, char *argv[]) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/session/start", test_start);
        g_test_add_func("/session/start-refused", test_start_refused);
        g_test_add_func("/session/output-refused", test_output_refused);
        g_test_add_func("/session/session-refused", test_session_refused);
        g_test_add_func("/session/start-unanswered", test_start_unanswered);
        g_test_add_func("/session/stop", test_stop);
        g_test_add_func("/session/stop-waits", test_stop_waits);
        g_test_add_func("/session/stop-takes-long", test_stop_takes_long);
        g_test_add_func("/session/stop-is-given-up", test_stop_is_given_up);
        g_test_add_func("/session/consumer-dies", test_consumer_dies);
        g_test_add_func("/session/consumer-dies-at-stop", test_consumer_dies_at_stop);
        g_test_add_func("/session/rings-refused", test_rings_refused);
        g_test_add_func("/session/snapshot", test_snapshot);
        g_test_add_func("/session/snapshot-takes-long", test_snapshot_takes_long);
        g_test_add_func("/session/destroy", test_destroy);
        g_test_add_func("/session/hang-up", test_hang_up);
        g_test_add_func("/session/limit", test_limit);
        g_test_add_func("/session/two-sessions", test_two_sessions);
        return g_test_run();
}
