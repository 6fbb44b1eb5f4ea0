/* SPDX-License-Identifier: LGPL-2.1-or-later */
#undef NDEBUG

#include <glib.h>
#include <stdlib.h>
#include <unistd.h>

#include "client/tracectl/session-argument.h"

static void test_own(void) {
        struct session_argument session;

        g_assert_cmpint(session_argument_parse("shop", &session), ==, 0);
        g_assert_cmpuint(session.uid, ==, geteuid());
        g_assert_cmpstr(session.name, ==, "shop");
}

static void test_of_user(void) {
        struct session_argument session;

        g_assert_cmpint(session_argument_parse("root/shop", &session), ==, 0);
        g_assert_cmpuint(session.uid, ==, 0);
        g_assert_cmpstr(session.name, ==, "shop");
        g_assert_cmpint(session_argument_parse("4294967294/shop", &session), ==, 0);
        g_assert_cmpuint(session.uid, ==, 4294967294U);
}

static void test_refused(void) {
        static const char *const bad[] = {
                "", "/", "/shop", "a b", "-x", ".x", "root/", "root/a/b", "no such user/shop", "4294967295/shop",
                "99999999999999999999/shop", "\x1b[m",
        };
        struct session_argument session = { .name = "untouched" };

        for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
                g_assert_cmpint(session_argument_parse(bad[i], &session), ==, 2);
                g_assert_cmpstr(session.name, ==, "untouched");
        }
}

static void test_user_name(void) {
        char *name;

        g_assert_cmpint(user_name(0, &name), ==, 0);
        g_assert_cmpstr(name, ==, "root");
        free(name);
        g_assert_cmpint(user_name(4294967294U, &name), ==, 0);
        g_assert_cmpstr(name, ==, "4294967294");
        free(name);
}

int main(int argc, char *argv[]) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/session-argument/own", test_own);
        g_test_add_func("/session-argument/of-user", test_of_user);
        g_test_add_func("/session-argument/refused", test_refused);
        g_test_add_func("/session-argument/user-name", test_user_name);
        return g_test_run();
}
