/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Applications that break the form: each loses its own connection, and nobody else anything. */

#include "fixture.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/fd.h"

#define MANAGER "/org/tracectl/Tracing1", "org.tracectl.Tracing1.Manager"
#define SESSION "org.tracectl.Tracing1.Session"

static const char *const shop[] = { "shop:order_paid", "shop:order_sent", "store:opened", NULL };

static void assert_refused(struct fixture *f, const char *message, bool registered, size_t n_fds) {
        struct fake_application *a = registered ? fake_application_register(f, shop, 0) : fake_application_connect(f);
        const int fds[2] = { STDERR_FILENO, STDERR_FILENO };

        g_assert_cmpint(datagram_send(a->fd, message, strlen(message), fds, n_fds, 0), ==, 0);
        fake_application_assert_closed(a);
        fake_application_free(a);
}

static void test_hostile(void) {
        struct fixture *f = fixture_new();
        struct fake_application *good = fake_application_register(f, shop, 0);
        static const char valid[] = "REGISTER=1\nABI=1.0\nNAME=x\nEVENTS=1\n";
        g_autofree char *session = fixture_session(f, "s");

        assert_refused(f, "garbage", false, 0);
        assert_refused(f, "APPLIED=1\n", false, 0);
        assert_refused(f, "EVENTS=1\n", false, 0);
        assert_refused(f, "REGISTER=1\nABI=1.0\nNAME=x\n", false, 0);
        assert_refused(f, "REGISTER=1\nABI=2.0\nNAME=x\nEVENTS=1\n", false, 0);
        assert_refused(f, "REGISTER=1\nABI=1.0\nNAME=x\nEVENTS=1\nWORD=16\n", false, 0);
        assert_refused(f, valid, false, 1);
        assert_refused(f, valid, true, 0);
        assert_refused(f, "READY=1\n", true, 0);
        assert_refused(f, "APPLIED=1000000\n", true, 0);
        assert_refused(f, "APPLIED=-1\n", true, 0);
        assert_refused(f, "GET=1\n", true, 1);
        /* A descriptor that is no sealed memory file, and two. */
        assert_refused(f, "EVENTS=1\n", true, 1);
        assert_refused(f, "EVENTS=1\n", true, 2);
        /* None of that was the good one's business. */
        fixture_ok(f, session, SESSION, "EnableEvent", "sssa{sv}", "user", "", "shop:*", 0);
        fixture_ok(f, session, SESSION, "Start", "a{sv}", 0);
        fake_application_apply(good);
        g_assert_cmpuint(good->view.n_actions, ==, 2);
        fake_application_free(good);
        fixture_free(f);
}

static void test_wrong_definitions(void) {
        struct fixture *f = fixture_new();
        static const char broken[64] = "no definitions";
        struct fake_application *a;
        struct handshake h;
        int fd, unsealed = memfd_create("unsealed", MFD_CLOEXEC | MFD_ALLOW_SEALING);
        uint64_t hash;

        g_assert_cmpint(memfd_new_constant("broken", broken, sizeof(broken), &fd), ==, 0);
        g_assert_cmpint(write(unsealed, broken, sizeof(broken)), ==, sizeof(broken));
        close(make_definitions(shop, &hash));
        for (int i = 0; i < 2; i++) {
                a = fake_application_connect(f);
                h = (struct handshake) { .keys = HANDSHAKE_REGISTER | HANDSHAKE_ABI | HANDSHAKE_NAME | HANDSHAKE_EVENTS,
                                         .abi_major = 1, .events = hash };
                fake_application_send(a, &h, NULL, 0);
                g_assert_true(fake_application_recv(a).keys & HANDSHAKE_NEED);
                h.keys = HANDSHAKE_EVENTS;
                fake_application_send(a, &h, i == 0 ? &fd : &unsealed, 1);
                fake_application_assert_closed(a);
                fake_application_free(a);
        }
        fixture_ok(f, MANAGER, "ListSessions", "a{sv}", 0);
        close(fd);
        close(unsealed);
        fixture_free(f);
}

int main(int argc, char *argv[]) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/hostile/messages", test_hostile);
        g_test_add_func("/hostile/definitions", test_wrong_definitions);
        return g_test_run();
}
