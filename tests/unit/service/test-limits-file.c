/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* tracingd.conf and its drop-ins: which of them counts, and what is said of what cannot be used. */

#undef NDEBUG

#include <glib.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#include "service/model/limits-file.h"

#define OWN 4000
#define SOMEBODY 12345
#define ANOTHER 12346

struct test {
        char *root;
        GString *warnings; /* a line each */
        struct quota quota;
};

static void on_warning(const char *sentence, void *userdata) {
        struct test *t = userdata;

        g_string_append_printf(t->warnings, "%s\n", sentence);
}

static void set_up(struct test *t) {
        t->root = g_dir_make_tmp("limits-XXXXXX", NULL);
        t->warnings = g_string_new(NULL);
        quota_init(&t->quota, OWN);
}

static void tear_down(struct test *t) {
        g_autofree char *quoted = g_shell_quote(t->root), *command = g_strdup_printf("rm -r %s", quoted);

        g_assert_true(g_spawn_command_line_sync(command, NULL, NULL, NULL, NULL));
        g_string_free(t->warnings, true);
        g_free(t->root);
        quota_done(&t->quota);
}

static char *make_path(const struct test *t, const char *path) {
        char *file = g_build_filename(t->root, path, NULL);
        g_autofree char *folder = g_path_get_dirname(file);

        g_assert_no_errno(g_mkdir_with_parents(folder, 0700));
        return file;
}

static void put(const struct test *t, const char *path, const char *text) {
        g_autofree char *file = make_path(t, path);

        g_assert_true(g_file_set_contents(file, text, -1, NULL));
}

/* And what was said of it. */
static const char *load(struct test *t) {
        const struct limits_places places = { .root = t->root, .warn = on_warning, .userdata = t };

        g_string_truncate(t->warnings, 0);
        g_assert_cmpint(limits_load(&t->quota, &places), ==, 0);
        return t->warnings->str;
}

static void assert_limit(struct test *t, uid_t uid, enum quota_kind kind, uint64_t wanted) {
        g_assert_cmpuint(quota_limit(&t->quota, uid, kind), ==, wanted);
}

static void test_none(void) {
        struct test t;

        set_up(&t);
        g_assert_cmpstr(load(&t), ==, "");
        assert_limit(&t, SOMEBODY, QUOTA_SESSIONS, 256);
        tear_down(&t);
}

static void test_values(void) {
        struct test t;

        set_up(&t);
        put(&t, "etc/tracectl/tracingd.conf", "# limits\n; of users\n\n[Limits]\n  Sessions = 7 \r\nChannels=infinity\n"
            "RingMemory=64M ; of all rings\n[User 12345]\nSessions=9\nApplications=0\nLiveStreams=1K\n"
            "[User root]\nRules=11\nStreams=12\nDefinitions=13");
        g_assert_cmpstr(load(&t), ==, "");
        assert_limit(&t, ANOTHER, QUOTA_SESSIONS, 7);
        assert_limit(&t, ANOTHER, QUOTA_CHANNELS, UINT64_MAX);
        assert_limit(&t, ANOTHER, QUOTA_RING_MEMORY, 64 << 20);
        assert_limit(&t, ANOTHER, QUOTA_LIVE_STREAMS, 32);
        assert_limit(&t, SOMEBODY, QUOTA_SESSIONS, 9);
        assert_limit(&t, SOMEBODY, QUOTA_CHANNELS, UINT64_MAX);
        assert_limit(&t, SOMEBODY, QUOTA_APPLICATIONS, 0);
        assert_limit(&t, SOMEBODY, QUOTA_LIVE_STREAMS, 1024);
        assert_limit(&t, 0, QUOTA_RULES, 11);
        assert_limit(&t, 0, QUOTA_STREAMS, 12);
        assert_limit(&t, 0, QUOTA_DEFINITIONS, 13);
        /* [Limits] is not of tracingd's own user. */
        assert_limit(&t, OWN, QUOTA_SESSIONS, 256);
        tear_down(&t);
}

static void test_places(void) {
        g_autofree char *hidden = NULL;
        struct test t;

        set_up(&t);
        put(&t, "usr/lib/tracectl/tracingd.conf", "[Limits]\nSessions=1\nChannels=1\n");
        load(&t);
        assert_limit(&t, SOMEBODY, QUOTA_SESSIONS, 1);
        /* Of the main files the first alone. */
        put(&t, "etc/tracectl/tracingd.conf", "[Limits]\nSessions=2\n");
        load(&t);
        assert_limit(&t, SOMEBODY, QUOTA_SESSIONS, 2);
        assert_limit(&t, SOMEBODY, QUOTA_CHANNELS, 1024);
        put(&t, "usr/lib/tracectl/tracingd.conf.d/50-b.conf", "[Limits]\nSessions=3\n");
        put(&t, "run/tracectl/tracingd.conf.d/40-a.conf", "[Limits]\nSessions=4\nChannels=4\n");
        put(&t, "run/tracectl/tracingd.conf.d/60-none.txt", "[Limits]\nSessions=5\n");
        load(&t);
        assert_limit(&t, SOMEBODY, QUOTA_SESSIONS, 3);
        assert_limit(&t, SOMEBODY, QUOTA_CHANNELS, 4);
        /* An empty assignment is the table's again. */
        put(&t, "usr/local/lib/tracectl/tracingd.conf.d/45-reset.conf", "[Limits]\nChannels=\n");
        load(&t);
        assert_limit(&t, SOMEBODY, QUOTA_CHANNELS, 1024);
        hidden = make_path(&t, "etc/tracectl/tracingd.conf.d/50-b.conf");
        g_assert_no_errno(symlink("/dev/null", hidden));
        g_assert_cmpstr(load(&t), ==, "");
        assert_limit(&t, SOMEBODY, QUOTA_SESSIONS, 4);
        tear_down(&t);
}

static void test_bad_lines(void) {
        g_autofree char *longer = g_strnfill(2000, '1'), *text = NULL;
        g_auto(GStrv) lines = NULL;
        struct test t;

        set_up(&t);
        text = g_strdup_printf("Sessions=1\n[Limits]\nSesions=2\nSessions=many\nSessions=-1\nnonsense\nChannels=5\n"
                               "[User nobody-has-this-name]\nChannels=6\n[Users]\nChannels=7\n[User 4294967295]\n"
                               "[Limits\n[Limits]\nRules=%s\nRules=8\nSessions=\x1b[31m\n", longer);
        put(&t, "etc/tracectl/tracingd.conf", text);
        lines = g_strsplit(load(&t), "\n", -1);
        {
                static const char *const wanted[] = {
                        "tracingd.conf, line 1: The assignment belongs to no section; begin with [Limits] or [User NAME]; "
                        "the line is ignored",
                        "line 3: Unknown key 'Sesions'; known are: Sessions, Channels, Rules, RingMemory, Streams, "
                        "Applications, Definitions, LiveStreams; the line is ignored",
                        "line 4: Sessions=many is not possible; write a number, such as 100 or 512M, or infinity; the line",
                        "line 5: Sessions=-1 is not possible",
                        "line 6: This is no section, no assignment and no comment; write KEY=VALUE; the line is ignored",
                        "line 8: There is no user 'nobody-has-this-name'; see getent passwd; the section is ignored",
                        "line 10: Unknown section 'Users'; known are: Limits, User NAME; the section is ignored",
                        "line 12: There is no user '4294967295'",
                        "line 13: The section's name has no end; write it as [Limits] or [User NAME]; the section is ignored",
                        "line 15: The line is longer than",
                        "line 17: Sessions=\\x1b[31m is not possible",
                };

                g_assert_cmpuint(g_strv_length(lines), ==, G_N_ELEMENTS(wanted) + 1);
                for (size_t i = 0; i < G_N_ELEMENTS(wanted); i++)
                        if (!strstr(lines[i], wanted[i]))
                                g_error("'%s' does not say '%s'", lines[i], wanted[i]);
        }
        assert_limit(&t, SOMEBODY, QUOTA_SESSIONS, 256);
        assert_limit(&t, SOMEBODY, QUOTA_CHANNELS, 5);
        assert_limit(&t, SOMEBODY, QUOTA_RULES, 8);
        tear_down(&t);
}

/* One that cannot be read stands for itself: what others say counts. */
static void test_bad_files(void) {
        g_autofree char *folder = NULL, *text = NULL, *file = NULL;
        struct test t;

        set_up(&t);
        folder = make_path(&t, "etc/tracectl/tracingd.conf");
        g_assert_no_errno(g_mkdir(folder, 0700));
        put(&t, "etc/tracectl/tracingd.conf.d/1.conf", "[Limits]\nSessions=5\n");
        text = g_strnfill(300 * 1024, '#');
        put(&t, "etc/tracectl/tracingd.conf.d/2.conf", text);
        file = make_path(&t, "etc/tracectl/tracingd.conf.d/3.conf");
        g_assert_true(g_file_set_contents(file, "[Limits]\n\0Sessions=6\n", 21, NULL));
        load(&t);
        g_assert_nonnull(strstr(t.warnings->str, "tracingd.conf cannot be read: it is no file; it is ignored\n"));
        g_assert_nonnull(strstr(t.warnings->str, "2.conf cannot be read: it is too long; it is ignored\n"));
        g_assert_nonnull(strstr(t.warnings->str, "3.conf cannot be read: it has a NUL byte; it is ignored\n"));
        assert_limit(&t, SOMEBODY, QUOTA_SESSIONS, 5);
        tear_down(&t);
}

static void test_again(void) {
        g_autofree char *file = NULL;
        struct test t;

        set_up(&t);
        put(&t, "etc/tracectl/tracingd.conf", "[Limits]\nSessions=5\n[User 12345]\nSessions=6\n");
        load(&t);
        assert_limit(&t, SOMEBODY, QUOTA_SESSIONS, 6);
        put(&t, "etc/tracectl/tracingd.conf", "[Limits]\nSessions=7\n");
        load(&t);
        assert_limit(&t, SOMEBODY, QUOTA_SESSIONS, 7);
        file = make_path(&t, "etc/tracectl/tracingd.conf");
        g_assert_no_errno(unlink(file));
        load(&t);
        assert_limit(&t, SOMEBODY, QUOTA_SESSIONS, 256);
        tear_down(&t);
}

int main(int argc, char *argv[]) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/limits-file/none", test_none);
        g_test_add_func("/limits-file/values", test_values);
        g_test_add_func("/limits-file/places", test_places);
        g_test_add_func("/limits-file/bad-lines", test_bad_lines);
        g_test_add_func("/limits-file/bad-files", test_bad_files);
        g_test_add_func("/limits-file/again", test_again);
        return g_test_run();
}
