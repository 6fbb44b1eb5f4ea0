/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Where the library looks for daemons, and what it does where there is none. Each test is a process of its own. */

#undef NDEBUG

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/tracer/world.h"
#include "tracer/wait.h"

static void nowhere_to_register(void) {
        struct world w;
        g_autofree char *page = NULL;

        world_init(&w);
        wait_config.system_owner = getuid() + 1;
        wait_config.system_run = "/nonexistent";
        page = g_build_filename(w.user_directory, TRACECTL_WAIT_NAME, NULL);
        g_setenv("XDG_RUNTIME_DIR", "relative", TRUE);
        program_register();
        g_assert_cmpuint(fake_count_helpers(NULL), ==, 0);
        g_setenv("XDG_RUNTIME_DIR", w.directory, TRUE);
        g_assert_true(g_file_set_contents(page, "nonsense----", 12, NULL));
        program_register_plugin();
        g_assert_cmpuint(fake_count_helpers(NULL), ==, 0);
        if (getuid() == 0) {
                fake_write_page(page, 1);
                g_assert_cmpint(chown(page, 4711, 0), ==, 0);
                program_unregister_plugin();
                program_register_plugin();
                g_assert_cmpuint(fake_count_helpers(NULL), ==, 0);
        }
        /* A page that appears later is found by whatever is loaded then. */
        unlink(page);
        fake_write_page(page, 2);
        fake_map_page(&w.user);
        program_unregister_plugin();
        while (fake_count_helpers(NULL) != 1)
                sched_yield();
        world_join(&w.user);
        world_assert_recorded(&w, 0, 2);
        world_done(&w);
}

/* The variable replaces both, and needs no page. */
static void variable_replaces_both(void) {
        g_autofree char *path = NULL;
        struct world w;
        GThread *t;

        world_init(&w);
        fake_want(&w.user, true);
        path = g_build_filename(w.system_directory, TRACECTL_REGISTER_NAME, NULL);
        g_setenv("TRACECTL_SOCKET", path, TRUE);
        t = g_thread_new("register", world_register, NULL);
        fake_accept(&w.system);
        fake_apply(&w.system, HANDSHAKE_READY, true);
        g_assert_cmpuint(GPOINTER_TO_UINT(g_thread_join(t)), ==, PROGRAM);
        g_assert_cmpuint(fake_count_helpers(NULL), ==, 1);
        world_assert_recorded(&w, 2, 0);
        g_assert_false(fake_is_called(&w.user, 0));
        world_done(&w);
}

static void variable_that_is_no_path(void) {
        struct world w;

        world_init(&w);
        fake_want(&w.user, true);
        g_setenv("TRACECTL_SOCKET", "relative", TRUE);
        program_register();
        g_assert_cmpuint(fake_count_helpers(NULL), ==, 0);
        world_done(&w);
}

/* The page wants, but nobody listens; or whoever does, hangs up twice: no more tries until the word changes. */
static void refused(void) {
        g_autofree char *path = NULL, *away = NULL;
        gint64 before;
        struct world w;
        int tid;

        world_init(&w);
        path = g_build_filename(w.system_directory, TRACECTL_REGISTER_NAME, NULL);
        away = g_build_filename(w.system_directory, "away", NULL);
        g_assert_cmpint(rename(path, away), ==, 0);
        wait_config.recheck_msec = 1000000;
        g_unsetenv("XDG_RUNTIME_DIR");
        fake_want(&w.system, true);
        before = g_get_monotonic_time();
        program_register();
        g_assert_cmpint(g_get_monotonic_time() - before, <, 400000);
        g_assert_cmpuint(fake_count_helpers(&tid), ==, 1);
        fake_wait_asleep(tid, SYS_futex_waitv);
        g_assert_cmpint(rename(away, path), ==, 0);
        fake_want(&w.system, true);
        fake_accept(&w.system);
        fake_refuse(&w.system);
        fake_wait_asleep(tid, SYS_futex_waitv);
        g_assert_false(fake_is_called(&w.system, 0));
        world_join(&w.system);
        world_assert_recorded(&w, 2, 0);
        world_done(&w);
}

/* Who waits at a page that was replaced is not woken, but looks again by itself. */
static void page_replaced(void) {
        g_autofree char *path = NULL, *other = NULL;
        struct world w;

        world_init(&w);
        path = g_build_filename(w.system_directory, TRACECTL_WAIT_NAME, NULL);
        other = g_build_filename(w.system_directory, "other", NULL);
        wait_config.recheck_msec = 20;
        program_register();
        unlink(path);
        fake_write_page(other, 4);
        g_assert_cmpint(rename(other, path), ==, 0);
        fake_map_page(&w.system);
        world_join(&w.system);
        world_assert_recorded(&w, 2, 0);
        world_done(&w);
}

#define HELPERS_STATUS 10 /* what a program that fails does not end with */

/* This program as another one, of user 4711: how many helpers it has. */
static int run_copy(const char *path, mode_t mode) {
        char *arguments[] = { (char *) path, (char *) "--helpers", NULL };
        int status;

        g_assert_cmpint(chmod(path, mode), ==, 0);
        g_assert_true(g_spawn_sync(NULL, arguments, NULL, G_SPAWN_CHILD_INHERITS_STDERR, NULL, NULL, NULL, NULL,
                                   &status, NULL));
        g_assert_true(WIFEXITED(status));
        return WEXITSTATUS(status) - HELPERS_STATUS;
}

/* A program with more rights than its caller joins none. */
static void more_rights_than_the_caller(void) {
        g_autofree char *copy = NULL, *text = NULL;
        struct world w;
        gsize size;

        world_init(&w);
        copy = g_build_filename(w.directory, "copy", NULL);
        g_assert_true(g_file_get_contents("/proc/self/exe", &text, &size, NULL));
        g_assert_true(g_file_set_contents(copy, text, (gssize) size, NULL));
        g_assert_cmpint(run_copy(copy, 0755), ==, 1);
        g_assert_cmpint(chmod(w.directory, 0755), ==, 0);
        g_assert_cmpint(chown(copy, 4711, 0), ==, 0);
        g_assert_cmpint(run_copy(copy, 04755), ==, 0);
        unlink(copy);
        world_done(&w);
}

static const struct world_test tests[] = {
        { "nowhere-to-register", nowhere_to_register, false },
        { "variable-replaces-both", variable_replaces_both, false },
        { "variable-that-is-no-path", variable_that_is_no_path, false },
        { "refused", refused, false },
        { "page-replaced", page_replaced, false },
        { "more-rights-than-the-caller", more_rights_than_the_caller, true },
};

int main(int argc, char **argv) {
        /* Of run_copy(). The page of the user's daemon is root's, and good for all. */
        if (argc == 2 && strcmp(argv[1], "--helpers") == 0) {
                program_register();
                _exit(HELPERS_STATUS + (int) fake_count_helpers(NULL));
        }
        return world_run_tests(argc, argv, tests, G_N_ELEMENTS(tests));
}
