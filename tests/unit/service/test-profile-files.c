/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The files of profiles: which of several of one name is read, and what is said of those that cannot be. */

#undef NDEBUG

#include <glib.h>
#include <glib/gstdio.h>
#include <string.h>

#include "service/model/profile.h"

static void put(const char *root, const char *path, const char *text) {
        g_autofree char *file = g_build_filename(root, path, NULL), *folder = g_path_get_dirname(file);

        g_assert_no_errno(g_mkdir_with_parents(folder, 0700));
        g_assert_true(g_file_set_contents(file, text, -1, NULL));
}

static void remove_tree(const char *path) {
        g_autofree char *quoted = g_shell_quote(path), *command = g_strdup_printf("rm -r %s", quoted);

        g_assert_true(g_spawn_command_line_sync(command, NULL, NULL, NULL, NULL));
}

static void assert_loads(const struct profile_places *places, const char *name, const char *event) {
        struct failure failure;
        struct profile *p;

        if (profile_load(places, name, &p, &failure) < 0)
                g_error("%s", failure.text);
        g_assert_cmpstr(p->channels->events.items[0]->text, ==, event);
        g_assert_cmpuint(p->channels->events.n, ==, 1);
        profile_free(p);
}

static void assert_no_load(const struct profile_places *places, const char *name, enum failure_kind kind,
                           const char *text) {
        struct failure failure;
        struct profile *p;

        g_assert_cmpint(profile_load(places, name, &p, &failure), <, 0);
        g_assert_cmpint(failure.kind, ==, kind);
        if (!strstr(failure.text, text))
                g_error("'%s' does not say '%s'", failure.text, text);
}

static void test_files(void) {
        g_autofree char *root = g_dir_make_tmp("profiles-XXXXXX", NULL);
        g_autofree char *hidden = g_build_filename(root, "etc/tracectl/sessions.d/hidden.conf", NULL);
        const struct profile_places places = { .root = root };

        assert_no_load(&places, "shop", FAILURE_NO_SUCH_PROFILE, "/etc/tracectl/sessions.d/shop.conf");
        assert_no_load(&places, "../shop", FAILURE_INVALID_NAME, "'../shop'");
        put(root, "usr/lib/tracectl/sessions.d/shop.conf", "[Channel c]\nEvent=lib:a\n");
        assert_loads(&places, "shop", "lib:a");
        put(root, "etc/tracectl/sessions.d/shop.conf", "[Channel c]\nEvent=etc:a\n");
        assert_loads(&places, "shop", "etc:a");
        /* Drop-ins by the order of their names, wherever they are; of one name that of the earlier place. */
        put(root, "usr/lib/tracectl/sessions.d/shop.conf.d/50-b.conf", "[Channel c]\nEvent=\nEvent=lib:b\n");
        assert_loads(&places, "shop", "lib:b");
        put(root, "run/tracectl/sessions.d/shop.conf.d/40-a.conf", "[Channel c]\nEvent=\nEvent=run:a\n");
        assert_loads(&places, "shop", "lib:b");
        put(root, "etc/tracectl/sessions.d/shop.conf.d/50-b.conf", "[Channel c]\nEvent=\nEvent=etc:b\n");
        assert_loads(&places, "shop", "etc:b");
        put(root, "etc/tracectl/sessions.d/shop.conf.d/50-b.conf", "");
        assert_loads(&places, "shop", "run:a");
        put(root, "etc/tracectl/sessions.d/shop.conf.d/60-bad.conf", "\n[Channel c]\nEvnt=a:b\n");
        assert_no_load(&places, "shop", FAILURE_INVALID_PROFILE, "60-bad.conf, line 3");
        put(root, "usr/lib/tracectl/sessions.d/hidden.conf", "[Channel c]\n");
        g_assert_no_errno(symlink("/dev/null", hidden));
        assert_no_load(&places, "hidden", FAILURE_NO_SUCH_PROFILE, "masked");
        put(root, "etc/tracectl/sessions.d/folder.conf/x", "");
        assert_no_load(&places, "folder", FAILURE_INVALID_PROFILE, "no file");
        remove_tree(root);
}

static void test_user_files(void) {
        g_autofree char *root = g_dir_make_tmp("profiles-XXXXXX", NULL);
        g_autofree char *config = g_build_filename(root, "home", NULL);
        const struct profile_places places = { .root = root, .user = true };

        g_setenv("XDG_CONFIG_HOME", config, true);
        g_unsetenv("XDG_RUNTIME_DIR");
        put(root, "etc/tracectl/sessions.d/shop.conf", "[Channel c]\nEvent=system:a\n");
        assert_no_load(&places, "shop", FAILURE_NO_SUCH_PROFILE, "home/tracectl/sessions.d/shop.conf");
        put(root, "usr/lib/tracectl/user-sessions.d/shop.conf", "[Channel c]\nEvent=lib:a\n");
        assert_loads(&places, "shop", "lib:a");
        put(root, "home/tracectl/sessions.d/shop.conf", "[Channel c]\nEvent=home:a\n");
        assert_loads(&places, "shop", "home:a");
        remove_tree(root);
}

int main(int argc, char *argv[]) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/profile-files/files", test_files);
        g_test_add_func("/profile-files/user-files", test_user_files);
        return g_test_run();
}
