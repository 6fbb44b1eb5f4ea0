/* SPDX-License-Identifier: LGPL-2.1-or-later */
#undef NDEBUG

#include <errno.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/tracectl/record-output.h"

#define NOON ((time_t) 1795262400)

struct fixture {
        char *top;
};

static void set_up(struct fixture *f, gconstpointer data) {
        f->top = g_dir_make_tmp("test-record-output-XXXXXX", NULL);
        g_assert_cmpint(g_chdir(f->top), ==, 0);
        g_setenv("TZ", "UTC", TRUE);
}

static void tear_down(struct fixture *f, gconstpointer data) {
        g_assert_cmpint(g_chdir("/"), ==, 0);
        g_assert_cmpint(rmdir(f->top), ==, 0);
        g_free(f->top);
}

static void assert_name(const char *command, const char *expected) {
        char *name = NULL;

        g_assert_cmpint(record_name_from_command(command, &name), ==, 0);
        g_assert_cmpstr(name, ==, expected);
        free(name);
}

static void test_names(struct fixture *f, gconstpointer data) {
        assert_name("ls", "ls");
        assert_name("/usr/bin/python3.11", "python3.11");
        assert_name("./my tool", "my_tool");
        assert_name(".hidden", "_hidden");
        assert_name("-rf", "_rf");
        assert_name("x/", "x_");
        assert_name("a\nb;c", "a_b_c");
        assert_name("0123456789012345678901234567890123456789xyz", "0123456789012345678901234567890123456789");
}

static void test_default(struct fixture *f, gconstpointer data) {
        static const char *const expected[] = { "ls-20261121-120000", "ls-20261121-120000-2", "ls-20261121-120000-3" };
        struct record_output outputs[3];
        struct stat st;

        for (size_t i = 0; i < G_N_ELEMENTS(outputs); i++) {
                g_assert_cmpint(record_output_create(NULL, "/bin/ls", NOON, &outputs[i]), ==, 0);
                g_assert_cmpstr(outputs[i].path, ==, expected[i]);
        }
        g_assert_cmpint(fstat(outputs[0].fd, &st), ==, 0);
        g_assert_cmpuint(st.st_mode & 07777, ==, 0700);
        for (size_t i = 0; i < G_N_ELEMENTS(outputs); i++) {
                g_assert_true(record_output_remove_empty(&outputs[i]));
                record_output_done(&outputs[i]);
        }
}

static void test_named(struct fixture *f, gconstpointer data) {
        struct record_output output = RECORD_OUTPUT_NULL;

        g_assert_cmpint(record_output_create("out//", "ls", NOON, &output), ==, 0);
        g_assert_cmpstr(output.path, ==, "out");
        g_assert_true(g_file_set_contents("out/file", "x", 1, NULL));
        g_assert_false(record_output_remove_empty(&output));
        g_assert_cmpint(g_remove("out/file"), ==, 0);
        g_assert_true(record_output_remove_empty(&output));
        record_output_done(&output);
        g_assert_false(record_output_remove_empty(&output));
}

static void test_refused(struct fixture *f, gconstpointer data) {
        struct record_output output = RECORD_OUTPUT_NULL;

        g_assert_cmpint(record_output_create("/", "ls", NOON, &output), ==, -EEXIST);
        g_assert_cmpint(record_output_create(f->top, "ls", NOON, &output), ==, -EEXIST);
        g_assert_cmpint(record_output_create("no/such", "ls", NOON, &output), ==, -ENOENT);
        g_assert_cmpint(record_output_create("/proc/x", "ls", NOON, &output), <, 0);
        g_assert_null(output.path);
        g_assert_cmpint(output.fd, ==, -1);
}

int main(int argc, char *argv[]) {
        g_test_init(&argc, &argv, NULL);
        g_test_add("/record-output/names", struct fixture, NULL, set_up, test_names, tear_down);
        g_test_add("/record-output/default", struct fixture, NULL, set_up, test_default, tear_down);
        g_test_add("/record-output/named", struct fixture, NULL, set_up, test_named, tear_down);
        g_test_add("/record-output/refused", struct fixture, NULL, set_up, test_refused, tear_down);
        return g_test_run();
}
