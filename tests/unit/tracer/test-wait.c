/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The wait page: what is one, what is not, and what ends the wait. */

#undef NDEBUG

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <seccomp.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
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

/* What a process of this user sees in a user namespace of its own, to which root gives this map: 0 or -errno. */
static int look_from_namespace(uid_t uid, const char *map) {
        int there[2], back[2], status;
        pid_t pid;
        char c;

        g_assert_cmpint(pipe2(there, O_CLOEXEC), ==, 0);
        g_assert_cmpint(pipe2(back, O_CLOEXEC), ==, 0);
        pid = fork();
        if (pid == 0) {
                uint32_t word;

                if (setresuid(uid, uid, uid) < 0 || prctl(PR_SET_DUMPABLE, 1) < 0 || unshare(CLONE_NEWUSER) < 0)
                        _exit(77);
                if (write(there[1], "", 1) != 1 || read(back[0], &c, 1) != 1)
                        _exit(78);
                _exit(-wait_look(page_path, 0, NULL, &word));
        }
        close(there[1]);
        close(back[0]);
        if (read(there[0], &c, 1) == 1) {
                g_autofree char *path = g_strdup_printf("/proc/%i/uid_map", (int) pid);
                int fd = open(path, O_WRONLY | O_CLOEXEC);

                if (map)
                        g_assert_cmpint(write(fd, map, strlen(map)), ==, (ssize_t) strlen(map));
                close(fd);
                g_assert_cmpint(write(back[1], "", 1), ==, 1);
        }
        close(there[0]);
        close(back[1]);
        g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
        g_assert_true(WIFEXITED(status));
        return -WEXITSTATUS(status);
}

/* Each user but 4711 has no number there: root's page is one of theirs, but nobody else could have put it there. */
static void test_user_namespace(void) {
        g_autofree char *folder = g_build_filename(directory, "run", NULL);
        char *outside = page_path;

        if (getuid() != 0) {
                g_test_skip("needs root");
                return;
        }
        g_assert_cmpint(chmod(directory, 0755), ==, 0);
        g_assert_cmpint(mkdir(folder, 0755), ==, 0);
        page_path = g_build_filename(folder, TRACECTL_WAIT_NAME, NULL);
        fake_write_page(page_path, 1);
        wait_config.system_run = "/nonexistent";
        if (look_from_namespace(4711, NULL) == -77) {
                g_test_skip("needs the right to make a user namespace");
        } else {
                g_assert_cmpint(look_from_namespace(4711, NULL), ==, -EACCES);
                wait_config.system_run = folder;
                g_assert_cmpint(look_from_namespace(4711, NULL), ==, 0);
                g_assert_cmpint(look_from_namespace(4711, "0 4711 1"), ==, 0);
                g_assert_cmpint(look_from_namespace(4711, "4711 4711 1"), ==, 0);
                g_assert_cmpint(look_from_namespace(4711, "0 4711 1\n1 100000 65533"), ==, 0);
                for (const char *const *p = (const char *const[]){ page_path, folder, directory, NULL }; *p; p++) {
                        g_assert_cmpint(chmod(*p, p[0] == page_path ? 0664 : 0777), ==, 0);
                        g_assert_cmpint(look_from_namespace(4711, "0 4711 1"), ==, -EACCES);
                        g_assert_cmpint(chmod(*p, 0755), ==, 0);
                }
                g_assert_cmpint(look_from_namespace(4711, "0 4711 1"), ==, 0);
                /* Where root has a number, who has none is somebody else. */
                g_assert_cmpint(chown(page_path, 4712, 0), ==, 0);
                g_assert_cmpint(look_from_namespace(0, "0 0 1"), ==, -EACCES);
                g_assert_cmpint(look_from_namespace(0, "7 4711 1\n5 0 1"), ==, -EACCES);
                /* Without a namespace the overflow uid is a user like any other. */
                g_assert_cmpint(chown(page_path, 65534, 0), ==, 0);
                g_assert_cmpint(wait_look(page_path, 0, NULL, &(uint32_t){ 0 }), ==, -EACCES);
        }
        unlink(page_path);
        g_free(page_path);
        page_path = outside;
        rmdir(folder);
        wait_config.system_run = TRACECTL_SYSTEM_RUN;
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
        g_assert_cmpint(wait_config.answer_msec, ==, 500);
        g_assert_cmpint(wait_config.own_answer_msec, ==, 10000);
        g_assert_cmpint(wait_config.restart_msec, ==, WAIT_RESTART_MSEC);
        directory = g_dir_make_tmp("tracectl-wait-XXXXXX", NULL);
        page_path = g_build_filename(directory, TRACECTL_WAIT_NAME, NULL);
        g_test_add_func("/wait/good", test_good);
        g_test_add_func("/wait/text-of-tmpfiles", test_text_of_tmpfiles);
        g_test_add_func("/wait/hostile", test_hostile);
        g_test_add_func("/wait/symlink", test_symlink);
        g_test_add_func("/wait/owner", test_owner);
        g_test_add_func("/wait/user-namespace", test_user_namespace);
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
