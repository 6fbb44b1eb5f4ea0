/* SPDX-License-Identifier: LGPL-2.1-or-later */
#undef NDEBUG

#include <errno.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/tracectl/current.h"

static void assert_current(bool is_user, const char *expected) {
        char *session = NULL;
        int r;

        r = current_read(is_user, &session);
        g_assert_cmpint(r, ==, expected ? 0 : -ENOENT);
        g_assert_cmpstr(session, ==, expected);
        free(session);
}

static void remove_folders(const char *top, const char *below) {
        g_autofree char *path = g_strdup(below);

        for (char *slash = path + strlen(path); slash; slash = strrchr(path, '/')) {
                g_autofree char *folder = NULL;

                *slash = '\0';
                folder = g_build_filename(top, path, NULL);
                g_assert_cmpint(g_rmdir(folder), ==, 0);
        }
        g_assert_cmpint(g_rmdir(top), ==, 0);
}

static void write_and_forget(void) {
        assert_current(false, NULL);
        g_assert_cmpint(current_write(false, "shop"), ==, 0);
        assert_current(false, "shop");
        assert_current(true, NULL);
        g_assert_cmpint(current_write(false, "alice/shop"), ==, 0);
        g_assert_cmpint(current_write(true, "mine"), ==, 0);
        assert_current(false, "alice/shop");
        current_forget(false, "shop");
        assert_current(false, "alice/shop");
        current_forget(false, "alice/shop");
        assert_current(false, NULL);
        assert_current(true, "mine");
        current_forget(true, "mine");
}

static void test_state_home(void) {
        g_autofree char *top = g_dir_make_tmp("test-current-XXXXXX", NULL);

        g_setenv("XDG_STATE_HOME", top, TRUE);
        write_and_forget();
        remove_folders(top, "tracectl");
}

static void test_home(void) {
        g_autofree char *top = g_dir_make_tmp("test-current-XXXXXX", NULL);

        g_setenv("XDG_STATE_HOME", "relative", TRUE);
        g_setenv("HOME", top, TRUE);
        write_and_forget();
        remove_folders(top, ".local/state/tracectl");
}

static void test_nowhere(void) {
        g_unsetenv("XDG_STATE_HOME");
        g_unsetenv("HOME");
        assert_current(false, NULL);
        g_assert_cmpint(current_write(false, "shop"), ==, -ENOENT);
        current_forget(false, "shop");
        g_setenv("XDG_STATE_HOME", "/proc/self/status", TRUE);
        g_assert_cmpint(current_write(false, "shop"), ==, -ENOTDIR);
}

static void test_empty(void) {
        g_autofree char *top = g_dir_make_tmp("test-current-XXXXXX", NULL);
        g_autofree char *path = g_build_filename(top, "tracectl", "session", NULL);

        g_setenv("XDG_STATE_HOME", top, TRUE);
        g_assert_cmpint(current_write(false, "shop"), ==, 0);
        g_assert_true(g_file_set_contents(path, "\nshop\n", -1, NULL));
        assert_current(false, NULL);
        g_assert_cmpint(g_unlink(path), ==, 0);
        remove_folders(top, "tracectl");
}

int main(int argc, char *argv[]) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/current/state-home", test_state_home);
        g_test_add_func("/current/home", test_home);
        g_test_add_func("/current/nowhere", test_nowhere);
        g_test_add_func("/current/empty", test_empty);
        return g_test_run();
}
