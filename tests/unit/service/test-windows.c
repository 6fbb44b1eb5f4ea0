/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* How many applications are sent their views at once, and how many views one is sent. */

#include "fixture.h"

#include <sys/socket.h>

#include "service/registry/window.h"

#define SESSION "org.tracectl.Tracing1.Session"

static const char *const shop[] = { "shop:order_paid", "store:opened", NULL };

static void enable(struct fixture *f, const char *session, const char *channel, const char *pattern) {
        fixture_ok(f, session, SESSION, "EnableEvent", "sssa{sv}", "user", channel, pattern, 0);
}

/* One that does not read has one view on its way, however often rules change. What it gets then is the newest. */
static void test_one_view_at_a_time(void) {
        struct fixture *f = fixture_new();
        g_autofree char *session = fixture_session(f, "s");
        struct fake_application *a = fake_application_register(f, shop, 0);
        struct handshake first, newest;
        char byte;

        fixture_ok(f, session, SESSION, "Start", "a{sv}", 0);
        enable(f, session, "", "store:*");
        enable(f, session, "", "*");
        first = fake_application_recv(a);
        g_assert_cmpint(recv(a->fd, &byte, 1, MSG_DONTWAIT | MSG_PEEK), <, 0);
        fake_application_send(a, &(struct handshake) { .keys = HANDSHAKE_APPLIED, .applied = first.generation }, NULL, 0);
        newest = fake_application_recv(a);
        g_assert_cmpuint(newest.generation, >, first.generation);
        fake_application_free(a);
        fixture_free(f);
}

/* More than have a place, none of whom answers at first: all get their view in the end, and are waited for. */
static void test_more_than_a_window(void) {
        enum { N = 2 * WINDOW_PLACES + 3 };
        struct fixture *f = fixture_new();
        g_autofree char *session = fixture_session(f, "s");
        struct fake_application *list[N];
        sd_bus_message *reply;
        uint32_t pending;
        const char *path;
        uint64_t t;

        for (size_t i = 0; i < N; i++)
                list[i] = fake_application_register(f, shop, 0);
        fixture_ok(f, session, SESSION, "Start", "a{sv}", 0);
        reply = fixture_call(f, session, SESSION, "EnableEvent", NULL, "sssa{sv}", "user", "", "*", 0);
        g_assert_cmpint(sd_bus_message_read(reply, "otu", &path, &t, &pending), >, 0);
        g_assert_cmpuint(pending, ==, N);
        sd_bus_message_unref(reply);
        for (size_t i = N; i-- > 0;)
                fake_application_apply(list[i]);
        reply = fixture_call(f, session, SESSION, "EnableEvent", NULL, "sssa{sv}", "user", "", "none:*", 0);
        g_assert_cmpint(sd_bus_message_read(reply, "otu", &path, &t, &pending), >, 0);
        g_assert_cmpuint(pending, ==, 0);
        sd_bus_message_unref(reply);
        for (size_t i = 0; i < N; i++)
                fake_application_free(list[i]);
        fixture_free(f);
}

int main(int argc, char *argv[]) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/windows/one-view-at-a-time", test_one_view_at_a_time);
        g_test_add_func("/windows/more-than-a-window", test_more_than_a_window);
        return g_test_run();
}
