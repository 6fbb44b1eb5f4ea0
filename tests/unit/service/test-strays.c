/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Applications that tracingd hangs up on, while they go on recording: who waits for them, and until when. */

#include "bare-registry.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define SESSION "org.tracectl.Tracing1.Session"

static const char *const shop[] = { "shop:order_paid", "store:opened", NULL };

/* What no application may say. */
static void be_thrown_out(struct fake_application *a) {
        fake_application_send(a, &(struct handshake) { .keys = HANDSHAKE_READY }, NULL, 0);
        fake_application_assert_closed(a);
}

static uint32_t enable(struct fixture *f, const char *session, const char *pattern) {
        sd_bus_message *reply;
        uint32_t pending;
        const char *path;
        uint64_t t;

        reply = fixture_call(f, session, SESSION, "EnableEvent", NULL, "sssa{sv}", "user", "", pattern, 0);
        g_assert_cmpint(sd_bus_message_read(reply, "otu", &path, &t, &pending), >, 0);
        sd_bus_message_unref(reply);
        return pending;
}

static char *begin(struct fixture *f) {
        char *session = fixture_session(f, "s");

        g_assert_cmpuint(enable(f, session, "shop:*"), ==, 0);
        fixture_ok(f, session, SESSION, "Start", "a{sv}", 0);
        return session;
}

/* This process records, is hung up on, and is waited for until it has come back and acknowledged. */
static void test_comes_back(void) {
        struct fixture *f = fixture_new();
        g_autofree char *session = begin(f);
        struct fake_application *a = fake_application_register(f, shop, 0), *again;

        g_assert_cmpuint(fake_application_class(a, 0, NULL), ==, 1);
        be_thrown_out(a);
        g_assert_cmpuint(enable(f, session, "store:*"), ==, 1);
        again = fake_application_register(f, shop, 0);
        g_assert_cmpuint(fake_application_class(again, 1, NULL), ==, 2);
        g_assert_cmpuint(enable(f, session, "none:*"), ==, 0);
        fake_application_free(a);
        fake_application_free(again);
        fixture_free(f);
}

/* One that was told to record nothing, and said that it does not, records nothing, wherever it is. */
static void test_records_nothing(void) {
        struct fixture *f = fixture_new();
        g_autofree char *session = fixture_session(f, "s");
        struct fake_application *a = fake_application_register(f, shop, 0);

        g_assert_cmpuint(enable(f, session, "shop:*"), ==, 0);
        be_thrown_out(a);
        g_assert_cmpuint(enable(f, session, "store:*"), ==, 0);
        fake_application_free(a);
        fixture_free(f);
}

/* Who hangs up himself has ended, or runs another program, or will be back. */
static void test_hangs_up(void) {
        struct fixture *f = fixture_new();
        g_autofree char *session = begin(f);

        fake_application_free(fake_application_register(f, shop, 0));
        g_assert_cmpuint(enable(f, session, "store:*"), ==, 0);
        fixture_free(f);
}

/* A process that registers, is thrown out, says so and stays. */
static pid_t start_stray(struct fixture *f) {
        pid_t parent = getpid(), pid;
        int there[2];
        char byte;

        g_assert_no_errno(pipe(there));
        g_assert_no_errno(pid = fork());
        if (pid == 0) {
                (void) prctl(PR_SET_PDEATHSIG, SIGKILL);
                if (getppid() != parent)
                        _exit(1);
                be_thrown_out(fake_application_register(f, shop, 0));
                (void) !write(there[1], "", 1);
                for (;;)
                        pause();
        }
        close(there[1]);
        g_assert_cmpint(read(there[0], &byte, 1), ==, 1);
        close(there[0]);
        return pid;
}

static void test_ends(void) {
        struct fixture *f = fixture_new();
        g_autofree char *session = begin(f);
        pid_t one = start_stray(f), other = start_stray(f);

        g_assert_cmpuint(enable(f, session, "store:*"), ==, 2);
        g_assert_no_errno(kill(one, SIGKILL));
        g_assert_no_errno(waitpid(one, NULL, 0));
        g_assert_cmpuint(enable(f, session, "none:*"), ==, 1);
        /* Another process that comes is not the one that is missing. */
        fake_application_free(fake_application_register(f, shop, 0));
        g_assert_cmpuint(enable(f, session, "none:a*"), ==, 1);
        g_assert_no_errno(kill(other, SIGKILL));
        g_assert_no_errno(waitpid(other, NULL, 0));
        g_assert_cmpuint(enable(f, session, "none:b*"), ==, 0);
        fixture_free(f);
}

/* Rings of a process alone are its own until it has ended, or has come back and got others. */
static void test_keeps_its_rings(void) {
        struct fixture *f = fixture_new();
        g_autofree char *session = begin(f);
        struct fake_application *a = fake_application_register(f, shop, HANDSHAKE_FORM_LOCKED), *again;
        struct fake_consumer *c = fake_consumer_next(f);
        struct fake_message *release;

        be_thrown_out(a);
        g_assert_cmpuint(enable(f, session, "store:*"), ==, 1);
        g_assert_null(fake_consumer_peek(c, CONSUMER_RELEASE));
        again = fake_application_register(f, shop, HANDSHAKE_FORM_LOCKED);
        release = fake_consumer_wait(c, CONSUMER_RELEASE);
        fake_message_free(release);
        fake_application_free(a);
        fake_application_free(again);
        fixture_free(f);
}

/* The library gives its rings up after a while, so nobody waits longer. */
static void test_is_given_up(void) {
        const struct registry_config config = { .sweep_usec = 10000, .stray_usec = 200000 };
        int64_t begin = g_get_monotonic_time();
        struct bare_registry w;
        struct fake_application *a;

        bare_registry_init(&w, &config);
        a = fake_application_register_only(&w.f, shop, 0);
        be_thrown_out(a);
        bare_registry_wait(&w, &w.removed, 1);
        /* The sweep takes it, and its place is free, but not earlier. */
        while (quota_used(&w.domain->quota, getuid(), QUOTA_APPLICATIONS) > 0)
                bare_registry_next(&w);
        g_assert_cmpint(g_get_monotonic_time() - begin, >=, (int64_t) config.stray_usec);
        g_assert_cmpuint(registry_count_pending(w.registry, getuid(), 1), ==, 0);
        fake_application_free(a);
        bare_registry_done(&w);
}

int main(int argc, char *argv[]) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/strays/comes-back", test_comes_back);
        g_test_add_func("/strays/records-nothing", test_records_nothing);
        g_test_add_func("/strays/hangs-up", test_hangs_up);
        g_test_add_func("/strays/ends", test_ends);
        g_test_add_func("/strays/keeps-its-rings", test_keeps_its_rings);
        g_test_add_func("/strays/is-given-up", test_is_given_up);
        return g_test_run();
}
