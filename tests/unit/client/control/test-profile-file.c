/* SPDX-License-Identifier: LGPL-2.1-or-later */
#undef NDEBUG

#include <glib.h>
#include <glib/gstdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/tracectl/profile-file.h"

static void assert_read(const char *file, const char *text, size_t size, int status, const char *name) {
        g_autofree char *top = g_dir_make_tmp("test-profile-XXXXXX", NULL);
        g_autofree char *path = g_build_filename(top, file, NULL);
        char *read_text = NULL, *read_name = NULL;

        g_assert_true(g_file_set_contents(path, text, (gssize) size, NULL));
        g_assert_cmpint(profile_file_read(path, &read_text, &read_name), ==, status);
        g_assert_cmpstr(read_text, ==, status == 0 ? text : NULL);
        g_assert_cmpstr(read_name, ==, name);
        free(read_text);
        free(read_name);
        g_assert_cmpint(g_unlink(path), ==, 0);
        g_assert_cmpint(g_rmdir(top), ==, 0);
}

static void test_names(void) {
        assert_read("shop.conf", "[Session]\n", 10, 0, "shop");
        assert_read("shop", "x", 1, 0, "shop");
        assert_read("my shop.conf", "x", 1, 0, NULL);
        assert_read(".conf", "x", 1, 0, NULL);
}

static void test_refused(void) {
        g_autofree char *large = g_strnfill(256 * 1024 + 1, 'x');
        char *text = NULL, *name = NULL;

        assert_read("shop.conf", "", 0, 1, NULL);
        assert_read("shop.conf", "a\0b", 3, 1, NULL);
        assert_read("shop.conf", large, strlen(large), 1, NULL);
        g_assert_cmpint(profile_file_read("/nonexistent/shop.conf", &text, &name), ==, 1);
        g_assert_cmpint(profile_file_read("/", &text, &name), ==, 1);
        g_assert_null(text);
        g_assert_null(name);
}

int main(int argc, char *argv[]) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/profile-file/names", test_names);
        g_test_add_func("/profile-file/refused", test_refused);
        return g_test_run();
}
