/* SPDX-License-Identifier: LGPL-2.1-or-later */
#undef NDEBUG

#include <errno.h>
#include <getopt.h>
#include <glib.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "client/tracectl/record-arguments.h"

/* Parses a command line, a word each. The vector outlives the arguments that point into it. */
static int parse(const char *line, char ***ret_argv, struct record_arguments *ret, int *ret_status) {
        char **argv = g_strsplit(line, " ", 0);

        optind = 0;
        opterr = 0;
        *ret_argv = argv;
        return record_arguments_parse((int) g_strv_length(argv), argv, ret, ret_status);
}

static void assert_status(const char *line, int expected) {
        g_auto(GStrv) argv = NULL;
        struct record_arguments a;
        int status = -1;

        g_assert_cmpint(parse(line, &argv, &a, &status), ==, 1);
        g_assert_cmpint(status, ==, expected);
}

static void test_defaults(void) {
        g_auto(GStrv) argv = NULL;
        struct record_arguments a;
        int status;

        g_assert_cmpint(parse("record ls -l -e x", &argv, &a, &status), ==, 0);
        g_assert_cmpuint(a.n_patterns, ==, 1);
        g_assert_cmpstr(a.patterns[0], ==, "*");
        g_assert_null(a.output);
        g_assert_false(a.libc || a.overwrite);
        g_assert_cmpuint(a.subbuf_count, ==, 0);
        g_assert_cmpstr(a.command[0], ==, "ls");
        g_assert_cmpstr(a.command[3], ==, "x");
        g_assert_null(a.command[4]);
        record_arguments_done(&a);
}

/* As many as there are, each by itself or between commas. */
static void test_syscalls(void) {
        g_auto(GStrv) argv = NULL;
        struct record_arguments a;
        int status;

        g_assert_cmpint(parse("record -k --syscall a,b,c,d,e --syscall f* -- x,y,z", &argv, &a, &status), ==, 0);
        g_assert_cmpuint(a.n_syscalls, ==, 6);
        g_assert_cmpstr(a.syscalls[0], ==, "a");
        g_assert_cmpstr(a.syscalls[4], ==, "e");
        g_assert_cmpstr(a.syscalls[5], ==, "f*");
        g_assert_cmpstr(a.command[0], ==, "x,y,z");
        record_arguments_done(&a);
}

static void test_all(void) {
        g_auto(GStrv) argv = NULL;
        struct record_arguments a;
        int status;

        g_assert_cmpint(parse("record -e a:b --event=c:* -e a:b -o out --libc --size 1M --overwrite -- -x -h", &argv,
                              &a, &status), ==, 0);
        g_assert_cmpuint(a.n_patterns, ==, 2);
        g_assert_cmpstr(a.patterns[0], ==, "a:b");
        g_assert_cmpstr(a.patterns[1], ==, "c:*");
        g_assert_cmpstr(a.output, ==, "out");
        g_assert_true(a.libc && a.overwrite);
        g_assert_cmpuint(a.subbuf_count, ==, 8);
        g_assert_cmpuint(a.subbuf_size, ==, 128 * 1024);
        g_assert_cmpstr(a.command[0], ==, "-x");
        record_arguments_done(&a);
}

static void test_selection(void) {
        g_auto(GStrv) argv = NULL;
        struct record_arguments a;
        int status;

        g_assert_cmpint(parse("record --filter id>7 --exclude a:b --loglevel info --exclude=c:* ls", &argv, &a,
                              &status), ==, 0);
        g_assert_cmpstr(a.patterns[0], ==, "*");
        g_assert_cmpstr(a.selection.options.filter, ==, "id>7");
        g_assert_cmpstr(a.selection.options.log_level, ==, "info");
        g_assert_null(a.selection.options.log_level_only);
        g_assert_cmpstr(a.selection.options.exclude[0], ==, "a:b");
        g_assert_cmpstr(a.selection.options.exclude[1], ==, "c:*");
        g_assert_null(a.selection.options.exclude[2]);
        record_arguments_done(&a);
        assert_status("record --exclude a:b --exclude shop ls", 2);
        assert_status("record --filter", 2);
}

/* A pattern is up to the second colon; behind it, its filter. */
static void test_filters(void) {
        g_auto(GStrv) argv = NULL;
        struct record_arguments a;
        int status;

        g_assert_cmpint(parse("record -e a:b -e a:b:x>1 -e a:*:s==\"c:d\" -e a:b:x>1 --follow-forks ls", &argv, &a,
                              &status), ==, 0);
        g_assert_cmpuint(a.n_patterns, ==, 3);
        g_assert_cmpstr(a.patterns[0], ==, "a:b");
        g_assert_null(a.filters[0]);
        g_assert_cmpstr(a.patterns[1], ==, "a:b");
        g_assert_cmpstr(a.filters[1], ==, "x>1");
        g_assert_cmpstr(a.patterns[2], ==, "a:*");
        g_assert_cmpstr(a.filters[2], ==, "s==\"c:d\"");
        record_arguments_done(&a);
        assert_status("record -e a:b: ls", 2);
        assert_status("record -e :b:x>1 ls", 2);
}

static void test_running(void) {
        g_auto(GStrv) argv = NULL, far = NULL;
        struct record_arguments a;
        int status;

        g_assert_cmpint(parse("record -p 7 --user --pid=8 -p 7", &argv, &a, &status), ==, 0);
        g_assert_cmpuint(a.n_pids, ==, 2);
        g_assert_cmpuint(a.pids[1], ==, 8);
        g_assert_true(a.is_user);
        g_assert_null(a.command);
        record_arguments_done(&a);
        g_assert_cmpint(parse("record -H far ls -H x", &far, &a, &status), ==, 0);
        g_assert_cmpstr(a.host, ==, "far");
        g_assert_cmpint(a.n_options, ==, 3);
        record_arguments_done(&a);
        assert_status("record -p 7 ls", 2);
        assert_status("record -p 0", 2);
        assert_status("record -p x", 2);
        assert_status("record -p 7 --libc", 2);
        assert_status("record --user ls", 2);
        assert_status("record --user --kernel -p 7", 2);
}

static void test_refused(void) {
        assert_status("record", 2);
        assert_status("record --", 2);
        assert_status("record --no-such ls", 2);
        assert_status("record -e", 2);
        assert_status("record -e shop ls", 2);
        assert_status("record --size big ls", 2);
        assert_status("record --size 0 ls", 2);
        assert_status("record --libc=x ls", 2);
        assert_status("record -o  ls", 2);
}

static void test_help(void) {
        g_autoptr(GString) printed = g_string_new(NULL);
        int saved = dup(STDOUT_FILENO), fds[2];
        char buffer[4096];
        ssize_t n;

        fflush(stdout);
        g_assert_cmpint(pipe(fds), ==, 0);
        g_assert_cmpint(dup2(fds[1], STDOUT_FILENO), >=, 0);
        close(fds[1]);
        assert_status("record --help", 0);
        fflush(stdout);
        g_assert_cmpint(dup2(saved, STDOUT_FILENO), >=, 0);
        close(saved);
        while ((n = read(fds[0], buffer, sizeof(buffer))) > 0)
                g_string_append_len(printed, buffer, n);
        close(fds[0]);
        g_assert_true(g_str_has_prefix(printed->str, "Usage: tracectl record "));
}

static void test_patterns(void) {
        static const char *const good[] = { "*", "a:b", "a:*", "*:b", "*:*", "A_1*:b*c" };
        static const char *const bad[] = { "", "a", "a*", ":", "a:", ":b", "a:b:c", "a:b,c:d", "a:b?", "a b:c", "a:\n",
                                           "[ab]:c" };

        for (size_t i = 0; i < G_N_ELEMENTS(good); i++)
                g_assert_cmpstr(record_pattern_refuse(good[i]), ==, NULL);
        for (size_t i = 0; i < G_N_ELEMENTS(bad); i++)
                g_assert_nonnull(record_pattern_refuse(bad[i]));
}

static void assert_split(uint64_t size, uint32_t count, uint64_t subbuf) {
        uint64_t got_subbuf = 0;
        uint32_t got_count = 0;

        g_assert_cmpint(record_size_split(size, &got_count, &got_subbuf), ==, 0);
        g_assert_cmpuint(got_count, ==, count);
        g_assert_cmpuint(got_subbuf, ==, subbuf);
}

static void test_sizes(void) {
        uint64_t subbuf;
        uint32_t count;

        assert_split(8192, 2, 4096);
        assert_split(32768, 8, 4096);
        assert_split(1 << 20, 8, 128 << 10);
        assert_split((1 << 20) + 1, 8, 256 << 10);
        assert_split(UINT64_C(1) << 30, 64, 16 << 20);
        assert_split(UINT64_C(64) << 30, 4096, 16 << 20);
        g_assert_cmpint(record_size_split(8191, &count, &subbuf), ==, -ERANGE);
        g_assert_cmpint(record_size_split((UINT64_C(64) << 30) + 1, &count, &subbuf), ==, -ERANGE);
        g_assert_cmpint(record_size_split(UINT64_MAX, &count, &subbuf), ==, -ERANGE);
}

int main(int argc, char *argv[]) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/record-arguments/defaults", test_defaults);
        g_test_add_func("/record-arguments/all", test_all);
        g_test_add_func("/record-arguments/syscalls", test_syscalls);
        g_test_add_func("/record-arguments/refused", test_refused);
        g_test_add_func("/record-arguments/filters", test_filters);
        g_test_add_func("/record-arguments/running", test_running);
        g_test_add_func("/record-arguments/selection", test_selection);
        g_test_add_func("/record-arguments/help", test_help);
        g_test_add_func("/record-arguments/patterns", test_patterns);
        g_test_add_func("/record-arguments/sizes", test_sizes);
        return g_test_run();
}
