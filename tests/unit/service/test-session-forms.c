/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a session can be changed to: channels that are off, contexts, chunks, another one in its place. */

#include "fixture.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "protocol/context.h"
#include "protocol/ring.h"

#define MANAGER "/org/tracectl/Tracing1", "org.tracectl.Tracing1.Manager"
#define SESSION "org.tracectl.Tracing1.Session"
#define CHANNEL "org.tracectl.Tracing1.Channel"
#define ERROR "org.tracectl.Tracing1.Error."

static const char *const shop[] = { "shop:order_paid", NULL };

static bool is_enabled(struct fixture *f, const char *session, const char *channel) {
        g_autofree char *path = g_strdup_printf("%s/channel/user/%s", session, channel);
        sd_bus_error error = SD_BUS_ERROR_NULL;
        int enabled = -1;

        g_assert_cmpint(sd_bus_get_property_trivial(f->bus, NULL, path, CHANNEL, "Enabled", &error, 'b', &enabled), >=,
                        0);
        return enabled;
}

static void test_disable_channel(void) {
        struct fixture *f = fixture_new();
        g_autofree char *session = fixture_session(f, "s");
        struct fake_application *a = fake_application_register(f, shop, 0);

        fixture_fails(f, ERROR "NoSuchChannel", "'c'", session, SESSION, "DisableChannel", "ssa{sv}", "user", "c", 0);
        fixture_fails(f, ERROR "UnknownDomain", "'moon'", session, SESSION, "DisableChannel", "ssa{sv}", "moon",
                      "c", 0);
        fixture_ok(f, session, SESSION, "EnableChannel", "ssa{sv}", "user", "c", 0);
        fixture_ok(f, session, SESSION, "EnableEvent", "sssa{sv}", "user", "c", "*", 0);
        fixture_ok(f, session, SESSION, "Start", "a{sv}", 0);
        fake_application_apply(a);
        g_assert_cmpuint(a->view.n_actions, ==, 1);
        fixture_ok(f, session, SESSION, "DisableChannel", "ssa{sv}", "user", "c", 0);
        fake_application_apply(a);
        g_assert_cmpuint(a->view.n_actions, ==, 0);
        g_assert_false(is_enabled(f, session, "c"));
        fixture_ok(f, session, SESSION, "DisableChannel", "ssa{sv}", "user", "c", 0);
        fixture_fails(f, ERROR "ChannelExists", "without options", session, SESSION, "EnableChannel", "ssa{sv}", "user",
                      "c", 1, "subbuf-count", "u", 4);
        fixture_ok(f, session, SESSION, "EnableChannel", "ssa{sv}", "user", "c", 0);
        fake_application_apply(a);
        g_assert_cmpuint(a->view.n_actions, ==, 1);
        g_assert_true(is_enabled(f, session, "c"));
        fixture_fails(f, ERROR "ChannelExists", "'c'", session, SESSION, "EnableChannel", "ssa{sv}", "user", "c", 0);
        fake_application_free(a);
        fixture_free(f);
}

static void test_contexts(void) {
        struct fixture *f = fixture_new();
        g_autofree char *session = fixture_session(f, "s");
        struct fake_application *a = fake_application_register(f, shop, 0);
        struct fake_message *rings;
        struct fake_consumer *c;
        bool random = false;

        fixture_fails(f, ERROR "InvalidOption", "known are: " CONTEXT_NAMES ".",
                      session, SESSION, "AddContext", "sssa{sv}", "user", "", "mood", 0);
        fixture_fails(f, ERROR "NoSuchChannel", "'c'", session, SESSION, "AddContext", "sssa{sv}", "user", "c", "vpid",
                      0);
        fixture_fails(f, ERROR "UnknownDomain", "'moon'", session, SESSION, "AddContext", "sssa{sv}", "moon", "",
                      "vpid", 0);
        fixture_fails(f, ERROR "InvalidOption", "no contexts", session, SESSION, "AddContext", "sssa{sv}", "kernel",
                      "", "vpid", 0);
        /* Without any channel the default one is made; then it is every channel. */
        fixture_ok(f, session, SESSION, "AddContext", "sssa{sv}", "user", "", "vpid", 0);
        fixture_ok(f, session, SESSION, "EnableChannel", "ssa{sv}", "user", "c", 0);
        fixture_ok(f, session, SESSION, "AddContext", "sssa{sv}", "user", "", "ip", 0);
        fixture_ok(f, session, SESSION, "AddContext", "sssa{sv}", "user", "channel0", "procname", 0);
        fixture_ok(f, session, SESSION, "AddContext", "sssa{sv}", "user", "channel0", "procname", 0);
        fixture_ok(f, session, SESSION, "EnableEvent", "sssa{sv}", "user", "", "*", 0);
        fixture_ok(f, session, SESSION, "AddContext", "sssa{sv}", "user", "channel0", "cgroup", 0);
        fixture_ok(f, session, SESSION, "Start", "a{sv}", 0);
        fake_application_apply(a);
        g_assert_cmpuint(view_ring_at(&a->view, 0)->contexts, ==,
                         CONTEXT_VPID | CONTEXT_IP | CONTEXT_PROCNAME | CONTEXT_CGROUP);
        c = fake_consumer_next(f);
        rings = fake_consumer_wait(c, CONSUMER_RINGS);
        g_assert_cmpuint(rings->rings.contexts, ==, CONTEXT_VPID | CONTEXT_IP | CONTEXT_PROCNAME | CONTEXT_CGROUP);
        for (size_t i = 0; i < sizeof(rings->rings.uuid); i++)
                random |= rings->rings.uuid[i];
        g_assert_true(random);
        g_assert_cmpuint(rings->rings.uuid[6] >> 4, ==, 4);
        fake_message_free(rings);
        fixture_fails(f, ERROR "CannotChange", "before the first start", session, SESSION, "AddContext", "sssa{sv}",
                      "user", "", "vtid", 0);
        fixture_ok(f, session, SESSION, "Stop", "a{sv}", 0);
        fixture_fails(f, ERROR "CannotChange", "before the first start", session, SESSION, "AddContext", "sssa{sv}",
                      "user", "", "vtid", 0);
        fake_application_free(a);
        fixture_free(f);
}

static void assert_rotates(struct fixture *f, const char *session, struct fake_consumer *c, const char *name) {
        g_autofree char *wanted = g_build_filename(f->output, name, NULL);
        struct fake_message *m;
        sd_bus_message *reply;
        const char *path;

        reply = fixture_call(f, session, SESSION, "Rotate", NULL, "a{sv}", 0);
        g_assert_cmpint(sd_bus_message_read(reply, "s", &path), >, 0);
        g_assert_cmpstr(path, ==, wanted);
        m = fake_consumer_wait(c, CONSUMER_ROTATE);
        g_assert_cmpstr(m->rotate.name, ==, name);
        g_assert_cmpuint(m->rotate.flags, ==, 0);
        fake_message_free(m);
        sd_bus_message_unref(reply);
}

static void test_chunks(void) {
        struct fixture *f = fixture_new();
        g_autofree char *session = fixture_session(f, "s");
        struct fake_consumer *c;

        fixture_fails(f, ERROR "NotActive", "start it first", session, SESSION, "Rotate", "a{sv}", 0);
        fixture_fails(f, ERROR "NotActive", "start it first", session, SESSION, "Clear", "a{sv}", 0);
        fixture_ok(f, session, SESSION, "Start", "a{sv}", 0);
        c = fake_consumer_next(f);
        assert_rotates(f, session, c, "chunk-1");
        fixture_ok(f, session, SESSION, "Clear", "a{sv}", 0);
        fake_message_free(fake_consumer_wait(c, CONSUMER_CLEAR));
        assert_rotates(f, session, c, "chunk-2");
        fixture_ok(f, session, SESSION, "Stop", "a{sv}", 0);
        assert_rotates(f, session, c, "chunk-3");
        fixture_ok(f, session, SESSION, "Clear", "a{sv}", 0);
        f->answer_error = ENOSPC;
        g_atomic_int_set(&f->answer_type, CONSUMER_ROTATE);
        fixture_fails(f, ERROR "Output", "No space left", session, SESSION, "Rotate", "a{sv}", 0);
        g_atomic_int_set(&f->answer_type, CONSUMER_CLEAR);
        fixture_fails(f, ERROR "Output", "cannot be cleared", session, SESSION, "Clear", "a{sv}", 0);
        fixture_fails(f, ERROR "UnknownOption", "no options", session, SESSION, "Clear", "a{sv}", 1, "x", "s", "");
        fake_consumer_die(c);
        fixture_wait_string(f, session, SESSION, "State", "failed");
        fixture_fails(f, ERROR "ConsumerFailed", "has failed", session, SESSION, "Rotate", "a{sv}", 0);
        fixture_fails(f, ERROR "ConsumerFailed", "has failed", session, SESSION, "Clear", "a{sv}", 0);
        fixture_free(f);
}

/* The consumer's notice of a failing output is people's, as long as it lasts. */
static void test_output_fails(void) {
        struct fixture *f = fixture_new();
        g_autofree char *session = fixture_session(f, "s");
        struct consumer_status *status;
        struct fake_consumer *c;

        fixture_ok(f, session, SESSION, "Start", "a{sv}", 0);
        c = fake_consumer_next(f);
        status = fake_consumer_status(c);
        g_assert_cmpuint(status->notice_at, ==, UINT64_MAX);
        status->output_error = ENOSPC;
        fake_consumer_notice(c);
        fixture_wait_string(f, session, SESSION, "OutputError", "No space left on device");
        status->output_error = EIO;
        fake_consumer_notice(c);
        fixture_wait_string(f, session, SESSION, "OutputError", "Input/output error");
        status->output_error = 0;
        fake_consumer_notice(c);
        fixture_wait_string(f, session, SESSION, "OutputError", "");
        fixture_wait_string(f, session, SESSION, "State", "active");
        fixture_free(f);
}

/* A chunk ends when it has its size; a client that asks meanwhile waits for that, and finds nothing busy. */
static void test_rotates_itself(void) {
        struct fixture *f = fixture_new();
        struct consumer_status *status;
        struct fake_message *rotate;
        struct fake_consumer *c;
        g_autofree char *session = NULL;
        sd_bus_message *reply;
        const char *path;

        reply = fixture_call(f, MANAGER, "CreateSession", NULL, "sa{sv}", "s", 2, "directory", "s", f->output,
                             "max-size", "t", (uint64_t) (8 << 20));
        g_assert_cmpint(sd_bus_message_read(reply, "o", &path), >, 0);
        session = g_strdup(path);
        sd_bus_message_unref(reply);
        fixture_ok(f, session, SESSION, "Start", "a{sv}", 0);
        c = fake_consumer_next(f);
        status = fake_consumer_status(c);
        g_assert_cmpuint(status->notice_at, ==, 1 << 20);
        f->answer_error = -1;
        g_atomic_int_set(&f->answer_type, CONSUMER_ROTATE);
        status->bytes = 1 << 20;
        status->packets = 1;
        fake_consumer_notice(c);
        rotate = fake_consumer_wait(c, CONSUMER_ROTATE);
        g_assert_cmpstr(rotate->rotate.name, ==, "chunk-1");
        g_assert_cmpuint(rotate->rotate.keep_kib, ==, 6 << 10);
        g_atomic_int_set(&f->answer_type, 0);
        fake_consumer_answer(c, rotate, 0);
        fake_message_free(rotate);
        assert_rotates(f, session, c, "chunk-2");
        fixture_ok(f, session, SESSION, "Stop", "a{sv}", 0);
        fixture_free(f);
}

/* More than any bound that was measured when tracingd began. */
#define DIFFERENCE 1000000000

static int find_difference(enum trace_clock clock, struct clock_bound *ret) {
        *ret = (struct clock_bound) { .ticks = 2 * DIFFERENCE, .certain = DIFFERENCE };
        return 0;
}

/* Two processors' clocks that differ by more than the trace says: what follows says what they differ by. */
static void test_clocks_differ(void) {
        struct fake_message *m, *rotate;
        struct fake_consumer *c;
        g_autofree char *session = NULL;
        struct fixture *f;

        if (trace_clock_choose() != TRACE_CLOCK_TSC) {
                g_test_skip("the kernel does not run on the time stamp counter");
                return;
        }
        f = fixture_new_clock(1000, find_difference);
        session = fixture_session(f, "s");
        fixture_ok(f, session, SESSION, "Start", "a{sv}", 0);
        c = fake_consumer_next(f);
        m = fake_consumer_wait(c, CONSUMER_SESSION);
        g_assert_cmpuint(m->session.clock_precision, <, DIFFERENCE);
        rotate = fake_consumer_wait(c, CONSUMER_ROTATE);
        g_assert_cmpstr(rotate->rotate.name, ==, "chunk-1");
        g_assert_cmpuint(rotate->rotate.clock_precision, ==, 2 * DIFFERENCE);
        /* Nothing else is known to be wrong. */
        g_assert_cmpuint(rotate->rotate.clock_frequency, ==, m->session.clock_frequency);
        g_assert_cmpint(rotate->rotate.clock_offset_seconds, ==, m->session.clock_offset_seconds);
        g_assert_cmpuint(rotate->rotate.clock_offset_ticks, ==, m->session.clock_offset_ticks);
        fake_message_free(rotate);
        fake_message_free(m);
        /* It is found again and again, and said by now. */
        fixture_ok(f, session, SESSION, "Stop", "a{sv}", 0);
        g_assert_null(fake_consumer_peek(c, CONSUMER_ROTATE));
        fixture_free(f);
}

static void test_chunk_takes_long(void) {
        struct fixture *f = fixture_new_usec(1000000);
        g_autofree char *session = fixture_session(f, "s");
        struct fake_message *rotate;
        struct fake_consumer *c;

        fixture_ok(f, session, SESSION, "Start", "a{sv}", 0);
        c = fake_consumer_next(f);
        f->answer_error = -1;
        g_atomic_int_set(&f->answer_type, CONSUMER_ROTATE);
        fixture_fails(f, "org.freedesktop.DBus.Error.Timeout", "goes on", session, SESSION, "Rotate", "a{sv}", 0);
        fixture_fails(f, ERROR "Busy", "still writing", session, SESSION, "Clear", "a{sv}", 0);
        fixture_fails(f, ERROR "Busy", "still writing", session, SESSION, "Snapshot", "a{sv}", 0);
        g_atomic_int_set(&f->answer_type, 0);
        rotate = fake_consumer_wait(c, CONSUMER_ROTATE);
        fake_consumer_answer(c, rotate, 0);
        fake_message_free(rotate);
        /* Answers come in order: this one is after it. */
        fixture_ok(f, session, SESSION, "Stop", "a{sv}", 0);
        assert_rotates(f, session, c, "chunk-2");
        fixture_free(f);
}

/* Its death before it has taken the session is a failure that people can look at. */
static void test_consumer_dies_at_start(void) {
        struct fixture *f = fixture_new();
        g_autofree char *session = fixture_session(f, "s");
        sd_bus_message *m = NULL, *reply = NULL;
        struct fake_consumer *c;
        uint64_t cookie;

        f->answer_error = -1;
        g_atomic_int_set(&f->answer_type, CONSUMER_SESSION);
        g_assert_cmpint(sd_bus_message_new_method_call(f->bus, &m, NULL, session, SESSION, "Start"), >=, 0);
        g_assert_cmpint(sd_bus_message_append(m, "a{sv}", 0), >=, 0);
        g_assert_cmpint(sd_bus_send(f->bus, m, &cookie), >=, 0);
        g_assert_cmpint(sd_bus_flush(f->bus), >=, 0);
        c = fake_consumer_next(f);
        fake_message_free(fake_consumer_wait(c, CONSUMER_SESSION));
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
        fixture_wait_string(f, session, SESSION, "State", "failed");
        fixture_ok(f, session, SESSION, "Destroy", "a{sv}", 0);
        fixture_free(f);
}

static void test_replace(void) {
        struct fixture *f = fixture_new();
        g_autofree char *session = fixture_session(f, "s"), *origin = NULL, *mode = NULL;
        struct fake_consumer *c;
        sd_bus_message *reply;
        const char *path;

        fixture_ok(f, session, SESSION, "Start", "a{sv}", 0);
        c = fake_consumer_next(f);
        /* What is wrong with the new one leaves the old one alone. */
        fixture_fails(f, ERROR "InvalidOption", "'fast'", MANAGER, "CreateSession", "sa{sv}", "s", 3, "if-exists", "s",
                      "replace", "mode", "s", "fast", "directory", "s", f->output);
        fixture_fails(f, ERROR "Output", "absolute", MANAGER, "CreateSession", "sa{sv}", "s", 2, "if-exists", "s",
                      "replace", "directory", "s", "x");
        fixture_wait_string(f, session, SESSION, "State", "active");
        reply = fixture_call(f, MANAGER, "CreateSession", NULL, "sa{sv}", "s", 3, "if-exists", "s", "replace", "mode",
                             "s", "flight-recorder", "directory", "s", f->output);
        g_assert_cmpint(sd_bus_message_read(reply, "o", &path), >, 0);
        g_assert_cmpstr(path, ==, session);
        sd_bus_message_unref(reply);
        fake_consumer_wait_hang_up(c);
        fixture_wait_string(f, session, SESSION, "State", "configured");
        mode = fixture_get_string(f, session, SESSION, "Mode");
        g_assert_cmpstr(mode, ==, "flight-recorder");
        origin = fixture_get_string(f, session, SESSION, "Origin");
        g_assert_cmpstr(origin, ==, "hand");
        /* One that is not there is just made. */
        fixture_ok(f, MANAGER, "CreateSession", "sa{sv}", "t", 2, "if-exists", "s", "replace", "directory", "s",
                   f->output);
        fixture_free(f);
}

/* The library is told, and the trace. */
static void test_ordered_clock(void) {
        static const char *const both[] = { "shop:order_paid", "shop:order_sent", NULL };
        struct fixture *f = fixture_new();
        g_autofree char *session = fixture_session(f, "s");
        struct fake_message *rings;
        struct fake_application *a;
        struct fake_consumer *c;
        struct ring_geometry g;
        char header[4096];

        fixture_ok(f, session, SESSION, "EnableChannel", "ssa{sv}", "user", "ordered", 1, "ordered-clock", "b", 1);
        fixture_ok(f, session, SESSION, "EnableChannel", "ssa{sv}", "user", "plain", 1, "ordered-clock", "b", 0);
        fixture_ok(f, session, SESSION, "EnableEvent", "sssa{sv}", "user", "ordered", "shop:order_paid", 0);
        fixture_ok(f, session, SESSION, "EnableEvent", "sssa{sv}", "user", "plain", "shop:order_sent", 0);
        fixture_ok(f, session, SESSION, "Start", "a{sv}", 0);
        c = fake_consumer_next(f);
        a = fake_application_register(f, both, 0);
        g_assert_cmpuint(a->view.n_rings, ==, 2);
        g_assert_cmpuint(view_ring_at(&a->view, 0)->flags, ==, VIEW_RING_SHARED | VIEW_RING_ORDERED);
        g_assert_cmpuint(view_ring_at(&a->view, 1)->flags, ==, VIEW_RING_SHARED | fixture_ordered_anyway());
        rings = fake_consumer_wait(c, CONSUMER_RINGS);
        g_assert_cmpint(pread(rings->fds[0], header, sizeof(header), 0), ==, sizeof(header));
        g_assert_cmpint(ring_geometry_load(header, UINT64_MAX, UINT64_MAX, &g), ==, 0);
        g_assert_cmpuint(g.flags, ==, RING_ORDERED);
        fake_message_free(rings);
        fake_application_free(a);
        fixture_free(f);
}

int main(int argc, char *argv[]) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/session-forms/disable-channel", test_disable_channel);
        g_test_add_func("/session-forms/contexts", test_contexts);
        g_test_add_func("/session-forms/ordered-clock", test_ordered_clock);
        g_test_add_func("/session-forms/chunks", test_chunks);
        g_test_add_func("/session-forms/chunk-takes-long", test_chunk_takes_long);
        g_test_add_func("/session-forms/output-fails", test_output_fails);
        g_test_add_func("/session-forms/rotates-itself", test_rotates_itself);
        g_test_add_func("/session-forms/clocks-differ", test_clocks_differ);
        g_test_add_func("/session-forms/consumer-dies-at-start", test_consumer_dies_at_start);
        g_test_add_func("/session-forms/replace", test_replace);
        return g_test_run();
}
