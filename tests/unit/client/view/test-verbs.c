/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <glib.h>
#include <string.h>

#include "run-tracectl.h"

/* Each ends with this status, and with exactly this sentence. */
static const struct {
        const char *arguments[4];
        int status;
        const char *errors;
} refused[] = {
        { { "recrod" }, 2, "tracectl: Unknown verb 'recrod'. Did you mean 'record'? All verbs: tracectl help\n" },
        { { "xyz" }, 2, "tracectl: Unknown verb 'xyz'. All verbs: tracectl help\n" },
        { { "" }, 2, "tracectl: Unknown verb ''. All verbs: tracectl help\n" },
        { { "\x1b[31m" }, 2, "tracectl: Unknown verb '?[31m'. All verbs: tracectl help\n" },
        { { "--hlep" }, 2, "tracectl: Unknown option '--hlep'. Did you mean '--help'? See: tracectl --help\n" },
        { { "-x" }, 2, "tracectl: Unknown option '-x'. See: tracectl --help\n" },
        { { "help", "veiw" }, 2, "tracectl: Unknown verb 'veiw'. Did you mean 'view'? All verbs: tracectl help\n" },
        { { "help", "view", "x" }, 2, "tracectl: 'help' takes one verb, but there is also 'x'. See: tracectl help\n" },
        { { "version", "x" }, 2,
          "tracectl: 'version' takes no argument, but there is 'x'. See: tracectl version --help\n" },
        { { "version", "-x" }, 2, "tracectl: Unknown option '-x'. See: tracectl version --help\n" },
        { { "version", "--help=3" }, 2,
          "tracectl: Option '--help' takes no argument. See: tracectl version --help\n" },
        { { "view", "--no-pagr" }, 2,
          "tracectl: Unknown option '--no-pagr'. Did you mean '--no-pager'? See: tracectl view --help\n" },
        { { "view", "-o", "jsn" }, 2, "tracectl: There is no output 'jsn'. Did you mean 'json'? See: tracectl view --help\n" },
        { { "export", "-f", "perfeto" }, 2,
          "tracectl: Unknown format 'perfeto'. Did you mean 'perfetto'? Known are: perfetto, chrome.\n" },
        { { "top", "--by", "proces" }, 2,
          "tracectl: Unknown table 'proces'. Did you mean 'process'? Known are: event, process, thread, duration.\n" },
        { { "calibrate", "--json=prety" }, 2,
          "tracectl: Unknown form of JSON 'prety'. Did you mean 'pretty'? Known are: pretty, short, off.\n" },
        { { "view", "a", "b" }, 2,
          "tracectl: 'view' takes one directory, but there is also 'b'. See: tracectl view --help\n" },
        { { "view", "/proc/self/none" }, 1,
          "tracectl: Failed to open the trace directory /proc/self/none: No such file or directory\n" },
        { { "view", "/proc/self/stat" }, 1,
          "tracectl: Failed to open the trace directory /proc/self/stat: Not a directory\n" },
        { { "view", "/proc/sys/fs/inotify" }, 1,
          "tracectl: There is no trace in or below /proc/sys/fs/inotify: no file 'metadata'\n" },
        { { "view" }, 1,
          "tracectl: There is no recording in the current directory. Name one (tracectl view DIR), or make one: "
          "tracectl record --help\n" },
};

static void test_refused(void) {
        for (size_t i = 0; i < G_N_ELEMENTS(refused); i++) {
                const char *const *a = refused[i].arguments;
                struct result result;

                run_tracectl(&result, "/proc/sys/fs/inotify", a[0], a[1], a[2], NULL);
                g_assert_cmpstr(result.errors, ==, refused[i].errors);
                g_assert_cmpstr(result.output, ==, "");
                g_assert_cmpint(result.status, ==, refused[i].status);
                result_done(&result);
        }
}

/* Help is asked for in many ways, goes to stdout, and fits a terminal. */
static void assert_help(const char *first, const char *second, const char *needle) {
        struct result result;
        g_auto(GStrv) lines = NULL;

        run_tracectl(&result, "/", first, second, NULL);
        g_assert_cmpint(result.status, ==, 0);
        g_assert_cmpstr(result.errors, ==, "");
        g_assert_nonnull(strstr(result.output, needle));
        lines = g_strsplit(result.output, "\n", -1);
        for (size_t i = 0; lines[i]; i++)
                g_assert_cmpuint(strlen(lines[i]), <=, 80);
        result_done(&result);
}

static void test_help(void) {
        static const char *const verbs[] = {
                "record", "view", "summary", "export", "create", "set-session", "enable-event", "disable-event", "remove-event",
                "enable-channel", "disable-channel", "add-context", "start", "stop", "snapshot", "rotate", "clear",
                "destroy", "list", "status", "dump", "apply", "top", "emit", "calibrate", "recover", "version",
        };

        assert_help(NULL, NULL, "Usage: tracectl VERB");
        assert_help("--help", NULL, "Usage: tracectl VERB");
        assert_help("-h", NULL, "Usage: tracectl VERB");
        assert_help("help", NULL, "tracectl record --libc -- ls /");
        assert_help("help", "--help", "Usage: tracectl VERB");
        for (size_t i = 0; i < G_N_ELEMENTS(verbs); i++) {
                g_autofree char *usage = g_strdup_printf("Usage: tracectl %s", verbs[i]);

                assert_help("help", NULL, verbs[i]);
                assert_help("help", verbs[i], usage);
                assert_help(verbs[i], "--help", usage);
                assert_help(verbs[i], "-h", usage);
        }
}

/* What a verb does not know is refused before anything is done. */
static void test_unknown_option(void) {
        static const char *const verbs[] = {
                "record", "view", "summary", "export", "create", "set-session", "enable-event", "disable-event", "remove-event",
                "enable-channel", "disable-channel", "add-context", "start", "stop", "snapshot", "rotate", "clear",
                "destroy", "list", "status", "dump", "apply", "top", "emit", "calibrate", "recover", "version", "help",
        };

        for (size_t i = 0; i < G_N_ELEMENTS(verbs); i++) {
                g_autofree char *expected = g_strdup_printf("tracectl: Unknown option '--xyzzy-plugh'. "
                                                            "See: tracectl %s --help\n", verbs[i]);
                struct result result;

                run_tracectl(&result, "/", verbs[i], "--xyzzy-plugh", NULL);
                g_assert_cmpstr(result.errors, ==, expected);
                g_assert_cmpstr(result.output, ==, "");
                g_assert_cmpint(result.status, ==, 2);
                result_done(&result);
        }
}

static void test_version(void) {
        static const char *const ways[] = { "version", "--version", "-V" };

        for (size_t i = 0; i < G_N_ELEMENTS(ways); i++) {
                struct result result;

                run_tracectl(&result, "/", ways[i], NULL);
                g_assert_cmpint(result.status, ==, 0);
                g_assert_true(g_str_has_prefix(result.output, "tracectl "));
                g_assert_true(g_ascii_isdigit(result.output[9]));
                g_assert_cmpstr(result.errors, ==, "");
                result_done(&result);
        }
}

int main(int argc, char *argv[]) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/verbs/refused", test_refused);
        g_test_add_func("/verbs/help", test_help);
        g_test_add_func("/verbs/unknown-option", test_unknown_option);
        g_test_add_func("/verbs/version", test_version);
        return g_test_run();
}
