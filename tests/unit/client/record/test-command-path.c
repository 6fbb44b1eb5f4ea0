/* SPDX-License-Identifier: LGPL-2.1-or-later */
#undef NDEBUG

#include <errno.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "client/tracectl/command-path.h"

struct fixture {
        char *top, *first, *second, *closed;
};

static void add_file(const char *folder, const char *name, int mode) {
        g_autofree char *path = g_build_filename(folder, name, NULL);

        g_assert_true(g_file_set_contents(path, "#!/bin/sh\n", -1, NULL));
        g_assert_cmpint(g_chmod(path, mode), ==, 0);
}

static void set_up(struct fixture *f, gconstpointer data) {
        g_autofree char *path = NULL, *folder = NULL;

        f->top = g_dir_make_tmp("test-command-path-XXXXXX", NULL);
        f->first = g_build_filename(f->top, "first", NULL);
        f->second = g_build_filename(f->top, "second", NULL);
        folder = g_build_filename(f->second, "folder", NULL);
        f->closed = g_build_filename(f->top, "closed", NULL);
        g_assert_cmpint(g_mkdir(f->first, 0700), ==, 0);
        g_assert_cmpint(g_mkdir(f->closed, 0), ==, 0); /* closed to all but root */
        g_assert_cmpint(g_mkdir_with_parents(folder, 0700), ==, 0);
        add_file(f->first, "plain", 0600);
        add_file(f->first, "hidden", 0600);
        add_file(f->second, "hidden", 0700);
        add_file(f->second, "program", 0700);
        path = g_strdup_printf("%s:%s:/nonexistent:%s", f->first, f->closed, f->second);
        g_setenv("PATH", path, TRUE);
        g_assert_cmpint(g_chdir(f->second), ==, 0);
}

static void tear_down(struct fixture *f, gconstpointer data) {
        static const char *const files[] = { "first/plain", "first/hidden", "second/hidden", "second/program",
                                             "second/folder", "first", "second", "closed", "" };

        g_assert_cmpint(g_chdir("/"), ==, 0);
        for (size_t i = 0; i < G_N_ELEMENTS(files); i++) {
                g_autofree char *path = g_build_filename(f->top, files[i], NULL);

                g_assert_cmpint(g_remove(path), ==, 0);
        }
        g_free(f->top);
        g_free(f->first);
        g_free(f->second);
        g_free(f->closed);
}

static void assert_found(const char *command, const char *folder, const char *name) {
        g_autofree char *expected = g_build_filename(folder, name, NULL);
        char *path = NULL;

        g_assert_cmpint(command_path_find(command, &path), ==, 0);
        g_assert_cmpstr(path, ==, expected);
        free(path);
}

static void assert_refused(const char *command, int r) {
        char *path = NULL;

        g_assert_cmpint(command_path_find(command, &path), ==, r);
        g_assert_null(path);
}

static void test_in_path(struct fixture *f, gconstpointer data) {
        assert_found("program", f->second, "program");
        assert_found("hidden", f->second, "hidden");
        assert_refused("plain", -EACCES);
        assert_refused("folder", -ENOENT);
        assert_refused("missing", -ENOENT);
        assert_refused("", -ENOENT);
}

static void test_with_slash(struct fixture *f, gconstpointer data) {
        assert_found("./program", ".", "program");
        assert_refused("./missing", -ENOENT);
        assert_refused("./folder", -EISDIR);
        assert_refused("../first/plain", -EACCES);
        assert_refused("./program/x", -ENOTDIR);
        assert_refused("/dev/null", -EACCES);
}

static void test_odd_path(struct fixture *f, gconstpointer data) {
        g_setenv("PATH", "", TRUE);
        assert_found("program", ".", "program");
        g_setenv("PATH", "/nonexistent:", TRUE);
        assert_found("program", ".", "program");
        g_setenv("PATH", "/nonexistent", TRUE);
        assert_refused("program", -ENOENT);
        g_unsetenv("PATH");
        assert_found("sh", "/bin", "sh");
}

int main(int argc, char *argv[]) {
        g_test_init(&argc, &argv, NULL);
        g_test_add("/command-path/in-path", struct fixture, NULL, set_up, test_in_path, tear_down);
        g_test_add("/command-path/with-slash", struct fixture, NULL, set_up, test_with_slash, tear_down);
        g_test_add("/command-path/odd-path", struct fixture, NULL, set_up, test_odd_path, tear_down);
        return g_test_run();
}
