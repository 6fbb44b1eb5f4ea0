/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The wait page: what is one, what is not, and what ends the wait. */

#undef NDEBUG

#include <errno.h>
#include <fcntl.h>
#include <seccomp.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tests/unit/tracer/fake-daemon.h"
#include "tracer/sys.h"
#include "tracer/wait.h"

static char *directory;
static char *page_path;

static int look(struct wait_map *map, uint32_t *word) {
        return wait_look(page_path, getuid(), map, word);
}

static void assert_refused(int error) {
        struct wait_map map = { 0 };
        uint32_t word = 5;

        g_assert_cmpint(look(&map, &word), ==, error);
        g_assert_cmpuint(word, ==, 5);
        g_assert_null(map.page);
        unlink(page_path);
}

static void test_good(void) {
        struct wait_map map = { 0 };
        uint32_t word;

        fake_write_page(page_path, 0x30303030);
        g_assert_cmpint(look(NULL, &word), ==, 0);
        g_assert_cmphex(word, ==, 0x30303030);
        g_assert_cmpint(look(&map, &word), ==, 0);
        g_assert_nonnull(map.page);
        unlink(page_path);
        g_assert_cmpint(look(&map, &word), ==, -ENOENT);
        g_assert_null(map.page);
}

static void test_text_of_tmpfiles(void) {
        uint32_t word;

        g_assert_true(g_file_set_contents(page_path, "TRACECTL0000", 12, NULL));
        g_assert_cmpint(look(NULL, &word), ==, 0);
        g_assert_cmpuint(word & WAIT_WANTED, ==, 0);
        unlink(page_path);
}

static void test_hostile(void) {
        assert_refused(-ENOENT);
        g_assert_true(g_file_set_contents(page_path, "TRACECTX0000", 12, NULL));
        assert_refused(-EBADMSG);
        g_assert_true(g_file_set_contents(page_path, "TRACECTL000", 11, NULL));
        assert_refused(-EBADMSG);
        g_assert_true(g_file_set_contents(page_path, "", 0, NULL));
        assert_refused(-EBADMSG);
        g_assert_cmpint(mkfifo(page_path, 0666), ==, 0);
        assert_refused(-EBADMSG);
        g_assert_cmpint(mkdir(page_path, 0755), ==, 0);
        g_assert_cmpint(wait_look(page_path, getuid(), NULL, &(uint32_t){ 0 }), ==, -EBADMSG);
        rmdir(page_path);
}

static void test_symlink(void) {
        g_autofree char *other = g_build_filename(directory, "other", NULL);

        fake_write_page(other, 1);
        g_assert_cmpint(symlink(other, page_path), ==, 0);
        assert_refused(-ELOOP);
        unlink(other);
}

static void test_owner(void) {
        uint32_t word;

        fake_write_page(page_path, 1);
        if (getuid() != 0) {
                g_assert_cmpint(wait_look(page_path, getuid() + 1, NULL, &word), ==, -EACCES);
        } else {
                g_assert_cmpint(chown(page_path, 4711, 0), ==, 0);
                g_assert_cmpint(wait_look(page_path, 4712, NULL, &word), ==, -EACCES);
                g_assert_cmpint(wait_look(page_path, 0, NULL, &word), ==, -EACCES);
                g_assert_cmpint(wait_look(page_path, 4711, NULL, &word), ==, 0);
        }
        unlink(page_path);
}

static void test_replaced(void) {
        struct wait_map map = { 0 };
        g_autofree char *other = g_build_filename(directory, "other", NULL);
        ino_t before;
        uint32_t word;

        fake_write_page(page_path, 2);
        g_assert_cmpint(look(&map, &word), ==, 0);
        before = map.ino;
        g_assert_cmpint(look(&map, &word), ==, 0);
        g_assert_cmpuint(map.ino, ==, before);
        fake_write_page(other, 4);
        g_assert_cmpint(rename(other, page_path), ==, 0);
        g_assert_cmpint(look(&map, &word), ==, 0);
        g_assert_cmpuint(word, ==, 4);
        g_assert_cmpuint(map.ino, !=, before);
        g_assert_cmpuint(((struct wait_page *) map.page)->word, ==, 4);
        wait_unmap(&map);
        unlink(page_path);
}

/* One thread of the test waits, in the way of the library. */
struct waiter {
        struct wait_map map;
        uint32_t word, wakes;
        int tid;
        GThread *thread;
};

static gpointer wait_thread(gpointer userdata) {
        struct waiter *w = userdata;

        __atomic_store_n(&w->tid, sys_gettid(), __ATOMIC_RELEASE);
        wait_for_change(&w->map, w->word, &w->wakes, 0);
        return NULL;
}

static void waiter_start(struct waiter *w, long nr) {
        int tid;

        *w = (struct waiter) { 0 };
        wait_config.recheck_msec = 1000000;
        fake_write_page(page_path, 2);
        g_assert_cmpint(look(&w->map, &w->word), ==, 0);
        w->thread = g_thread_new("waiter", wait_thread, w);
        while (!(tid = __atomic_load_n(&w->tid, __ATOMIC_ACQUIRE)))
                sched_yield();
        fake_wait_asleep(tid, nr);
}

static void waiter_done(struct waiter *w) {
        g_thread_join(w->thread);
        wait_unmap(&w->map);
        unlink(page_path);
}

static void wake_page(void) {
        struct fake_daemon f = { .directory = directory };

        fake_map_page(&f);
        fake_want(&f, true);
        munmap(f.page, sizeof(*f.page));
}

static void check_woken(long nr) {
        struct waiter w;

        waiter_start(&w, nr);
        fake_in_process(wake_page);
        waiter_done(&w);
        waiter_start(&w, nr);
        wait_wake(&w.wakes);
        waiter_done(&w);
}

static void test_woken(void) {
        check_woken(SYS_futex_waitv);
}

static void without_waitv(void) {
        scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);

        g_assert_cmpint(seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SYS_futex_waitv, 0), ==, 0);
        g_assert_cmpint(seccomp_load(filter), ==, 0);
        check_woken(SYS_futex);
}

static void test_woken_without_waitv(void) {
        fake_in_process(without_waitv);
}

/* A page that is cut short while somebody waits must kill nobody, nor make anybody spin. */
static void test_truncated(void) {
        struct wait_map map = { 0 };
        uint32_t word, wakes = 0;
        gint64 before;

        fake_write_page(page_path, 2);
        g_assert_cmpint(look(&map, &word), ==, 0);
        g_assert_cmpint(truncate(page_path, 0), ==, 0);
        wait_config.recheck_msec = 50;
        before = g_get_monotonic_time();
        wait_for_change(&map, word, &wakes, 0);
        g_assert_cmpint(g_get_monotonic_time() - before, >=, 45000);
        g_assert_cmpint(look(&map, &word), ==, -EBADMSG);
        g_assert_null(map.page);
        unlink(page_path);
}

/* What is read and what is waited on differ: the first time that is a change in between, then it is not. */
static void test_contradiction(void) {
        struct wait_map map = { 0 };
        uint32_t word, wakes = 0;
        gint64 before;

        fake_write_page(page_path, 2);
        g_assert_cmpint(look(&map, &word), ==, 0);
        wait_config.recheck_msec = 50;
        wait_for_change(&map, 4, &wakes, 0);
        before = g_get_monotonic_time();
        wait_for_change(&map, 4, &wakes, 0);
        g_assert_cmpint(g_get_monotonic_time() - before, >=, 45000);
        wait_unmap(&map);
        unlink(page_path);
}

static void test_recheck(void) {
        struct wait_map map = { 0 };
        uint32_t word, wakes = 0;
        gint64 before = g_get_monotonic_time();

        fake_write_page(page_path, 2);
        g_assert_cmpint(look(&map, &word), ==, 0);
        wait_config.recheck_msec = 50;
        wait_for_change(&map, word, &wakes, 0);
        g_assert_cmpint(g_get_monotonic_time() - before, >=, 45000);
        wait_unmap(&map);
        wait_for_change(&map, 0, &wakes, 0);
        g_assert_cmpint(g_get_monotonic_time() - before, >=, 90000);
        unlink(page_path);
}

int main(int argc, char **argv) {
        int r;

        g_test_init(&argc, &argv, NULL);
        g_assert_cmpint(wait_config.recheck_msec, ==, WAIT_RECHECK_SECONDS * 1000);
        g_assert_cmpstr(wait_config.system_run, ==, "/run/tracectl");
        g_assert_cmpuint(wait_config.system_owner, ==, 0);
        directory = g_dir_make_tmp("tracectl-wait-XXXXXX", NULL);
        page_path = g_build_filename(directory, TRACECTL_WAIT_NAME, NULL);
        g_test_add_func("/wait/good", test_good);
        g_test_add_func("/wait/text-of-tmpfiles", test_text_of_tmpfiles);
        g_test_add_func("/wait/hostile", test_hostile);
        g_test_add_func("/wait/symlink", test_symlink);
        g_test_add_func("/wait/owner", test_owner);
        g_test_add_func("/wait/replaced", test_replaced);
        g_test_add_func("/wait/woken", test_woken);
        g_test_add_func("/wait/woken-without-waitv", test_woken_without_waitv);
        g_test_add_func("/wait/truncated", test_truncated);
        g_test_add_func("/wait/contradiction", test_contradiction);
        g_test_add_func("/wait/recheck", test_recheck);
        r = g_test_run();
        rmdir(directory);
        g_free(page_path);
        g_free(directory);
        return r;
}
