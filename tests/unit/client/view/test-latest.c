/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <glib.h>
#include <glib/gstdio.h>

#include "client/tracectl/latest.h"

static void check(const char *const *names, const char *expected) {
        g_autofree char *directory = g_dir_make_tmp("tracectl-latest-XXXXXX", NULL), *latest = NULL;
        int r;

        for (size_t i = 0; names[i]; i++) {
                g_autofree char *path = g_build_filename(directory, names[i], NULL);

                g_assert_cmpint(g_mkdir(path, 0700), ==, 0);
        }
        r = latest_find(directory, &latest);
        g_assert_cmpint(r, ==, expected ? 0 : -ENOENT);
        g_assert_cmpstr(latest, ==, expected);
        for (size_t i = 0; names[i]; i++) {
                g_autofree char *path = g_build_filename(directory, names[i], NULL);

                g_rmdir(path);
        }
        g_rmdir(directory);
}

static void test_newest(void) {
        check((const char *[]) { "ls-20260101-000000", "sort-20260101-000001", "a-20251231-235959", NULL },
              "sort-20260101-000001");
        check((const char *[]) { "a-20260101-000000-9", "a-20260101-000000-10", "a-20260101-000000", NULL },
              "a-20260101-000000-10");
        check((const char *[]) { "x-20200101-000000-20260101-000000", "y-20250101-000000", NULL },
              "x-20200101-000000-20260101-000000");
}

static void test_others(void) {
        check((const char *[]) { NULL }, NULL);
        check((const char *[]) { "-20260101-000000", "20260101-000000", "a-2026010-000000", "a-20260101-000000x",
                                 "a-20260101-000000-", "a-20260101-000000-b", "a20260101-000000", "a", NULL },
              NULL);
}

static void test_no_directory(void) {
        char *latest = NULL;

        g_assert_cmpint(latest_find("/proc/self/none", &latest), ==, -ENOENT);
        g_assert_cmpint(latest_find("/proc/self/stat", &latest), ==, -ENOTDIR);
        g_assert_null(latest);
}

int main(int argc, char *argv[]) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/latest/newest", test_newest);
        g_test_add_func("/latest/others", test_others);
        g_test_add_func("/latest/no-directory", test_no_directory);
        return g_test_run();
}
