/* SPDX-License-Identifier: LGPL-2.1-or-later */
#undef NDEBUG

#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#include "play-service.h"

static char *current_path(const struct play *play) {
        return g_build_filename(play->home, "tracectl", "session", NULL);
}

void play_begin(struct play *play) {
        *play = (struct play) { .home = g_dir_make_tmp("tracectl-control-XXXXXX", NULL) };
        g_assert_nonnull(play->home);
}

void play_set_current(const struct play *play, const char *session) {
        g_autofree char *path = current_path(play), *folder = g_path_get_dirname(path);
        g_autofree char *line = g_strdup_printf("%s\n", session);

        g_assert_cmpint(g_mkdir_with_parents(folder, 0700), ==, 0);
        g_assert_true(g_file_set_contents(path, line, -1, NULL));
}

char *play_get_current(const struct play *play) {
        g_autofree char *path = current_path(play);
        char *line = NULL;

        return g_file_get_contents(path, &line, NULL, NULL) ? g_strchomp(line) : NULL;
}

static void forget_run(struct play *play) {
        result_done(&play->result);
        g_clear_pointer(&play->calls, g_free);
}

void play_run(struct play *play, const struct fake_script *script, const char *const arguments[]) {
        g_autofree char *path = g_build_filename(play->home, "bus", NULL);
        g_autofree char *address = g_strdup_printf("unix:path=%s", path);
        struct fake_service *service;
        const char *a[11] = {};

        forget_run(play);
        g_setenv("XDG_STATE_HOME", play->home, TRUE);
        g_setenv("DBUS_SYSTEM_BUS_ADDRESS", address, TRUE);
        for (size_t i = 0; arguments[i]; i++) {
                g_assert_cmpuint(i, <, G_N_ELEMENTS(a) - 1);
                a[i] = arguments[i];
        }
        service = fake_service_listen(script, path);
        run_tracectl(&play->result, play->home, a[0], a[1], a[2], a[3], a[4], a[5], a[6],
                     a[7], a[8], a[9], NULL);
        play->calls = fake_service_end(service);
        g_assert_cmpint(g_unlink(path), ==, 0);
}

void play_end(struct play *play) {
        g_autofree char *path = current_path(play), *folder = g_path_get_dirname(path);

        forget_run(play);
        (void) g_unlink(path);
        (void) g_rmdir(folder);
        g_assert_cmpint(g_rmdir(play->home), ==, 0);
        g_free(play->home);
}

void assert_play(const struct fake_script *script, const char *const arguments[], int status, const char *output,
                 const char *errors, const char *calls) {
        struct play play;

        play_begin(&play);
        play_run(&play, script, arguments);
        if (errors)
                g_assert_cmpstr(play.result.errors, ==, errors);
        if (output)
                g_assert_cmpstr(play.result.output, ==, output);
        if (calls)
                g_assert_cmpstr(play.calls, ==, calls);
        g_assert_cmpint(play.result.status, ==, status);
        play_end(&play);
}
