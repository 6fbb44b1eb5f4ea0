/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Which files are brought to the disk: those that were changed, through whatever mapping or descriptor; and what is kept of that. */

#undef NDEBUG
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "consumer/opener.h"
#include "consumer/syncer.h"

static GHashTable *synced; /* inodes */
static bool is_broken;

/* In place of the C library's. */
int fsync(int fd);
int fsync(int fd) {
        struct stat st;

        if (is_broken) {
                errno = EIO;
                return -1;
        }
        g_assert_cmpint(fstat(fd, &st), ==, 0);
        g_hash_table_add(synced, GSIZE_TO_POINTER((gsize) st.st_ino));
        return 0;
}

struct fixture {
        char *directory;
        int fd;
        struct syncer syncer;
};

static void set_up(struct fixture *f, gconstpointer data) {
        *f = (struct fixture) { .directory = g_dir_make_tmp("tracectl-syncer-XXXXXX", NULL) };
        f->fd = open(f->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        g_assert_cmpint(f->fd, >=, 0);
        synced = g_hash_table_new(NULL, NULL);
}

static void tear_down(struct fixture *f, gconstpointer data) {
        const char *argv[] = { "rm", "-rf", "--", f->directory, NULL };

        g_hash_table_unref(synced);
        close(f->fd);
        g_assert_true(g_spawn_sync(NULL, (char **) argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, NULL, NULL,
                                   NULL));
        g_free(f->directory);
}

static char *make(const struct fixture *f, const char *name) {
        char *path = g_build_filename(f->directory, name, NULL);
        g_autofree char *parent = g_path_get_dirname(path);

        g_assert_cmpint(g_mkdir_with_parents(parent, 0700), ==, 0);
        g_assert_true(g_file_set_contents(path, "0123456789", 10, NULL));
        return path;
}

/* As if it had been changed last this many seconds ago: times of change cannot be set, those of the walks can. */
static void let_pass(struct fixture *f, int seconds) {
        f->syncer.begun.tv_sec += seconds;
}

static gboolean is_synced(const char *path) {
        struct stat st;

        g_assert_cmpint(stat(path, &st), ==, 0);
        return g_hash_table_contains(synced, GSIZE_TO_POINTER((gsize) st.st_ino));
}

static void sync_again(struct fixture *f) {
        g_hash_table_remove_all(synced);
        g_assert_cmpint(syncer_sync(f->fd, &f->syncer), ==, 0);
}

/* The first time all of them, as deep as a chunk's index. */
static void test_all(struct fixture *f, gconstpointer data) {
        g_autofree char *ring = make(f, "rings/1-0"), *index = make(f, "chunk-1/user/1000/shared/index/main_0.idx");
        g_autofree char *deeper = make(f, "1/2/3/4/5/6/7");

        sync_again(f);
        g_assert_true(is_synced(ring));
        g_assert_true(is_synced(index));
        g_assert_true(is_synced(f->directory));
        g_assert_false(is_synced(deeper));
        g_hash_table_remove_all(synced);
        g_assert_cmpint(syncer_sync(f->fd, NULL), ==, 0);
        g_assert_true(is_synced(ring));
}

/* A clock that was set back makes all files look old. */
static void test_changed(struct fixture *f, gconstpointer data) {
        g_autofree char *ring = make(f, "rings/1-0");
        struct syncer later = { .begun.tv_sec = g_get_real_time() / G_USEC_PER_SEC - 3600, .gap.tv_sec = 2 };

        f->syncer = later;
        sync_again(f);
        g_assert_true(is_synced(ring));
        /* Nothing was changed in the last hour. */
        f->syncer = (struct syncer) { .begun.tv_sec = g_get_real_time() / G_USEC_PER_SEC, .gap.tv_sec = -100 };
        sync_again(f);
        g_assert_false(is_synced(ring));
        sync_again(f);
        let_pass(f, 3600);
        sync_again(f);
        g_assert_true(is_synced(ring));
}

/* What is no file of ours, and what goes nowhere, is no reason to stop. */
static void test_others(struct fixture *f, gconstpointer data) {
        g_autofree char *fifo = g_build_filename(f->directory, "fifo", NULL);
        g_autofree char *link = g_build_filename(f->directory, "link", NULL);
        g_autofree char *ring = make(f, "rings/1-0");
        struct stat st;

        g_assert_cmpint(mkfifo(fifo, 0600), ==, 0);
        g_assert_cmpint(symlink("/etc/passwd", link), ==, 0);
        sync_again(f);
        g_assert_true(is_synced(ring));
        g_assert_false(is_synced(fifo));
        g_assert_cmpint(stat("/etc/passwd", &st), ==, 0);
        g_assert_false(is_synced("/etc/passwd"));
}

static int open_place(const struct fixture *f) {
        int fd = openat(f->fd, "rings", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        g_assert_cmpint(fd, >=, 0);
        return fd;
}

static void round_again(struct fixture *f) {
        g_hash_table_remove_all(synced);
        g_assert_cmpint(syncer_round(f->fd, &f->syncer), ==, 0);
}

/* Sizes of the kernel's files are kept when they change; a file that is not whole counts as none. */
static void test_kept(struct fixture *f, gconstpointer data) {
        static const char *const others[] = { "kernel/metadata", "kernel/k_1", "rings/1-0" };
        g_autofree char *stream = make(f, "kernel/k_0"), *content = NULL;
        g_autofree char *kept = g_build_filename(f->directory, "rings", "synced", NULL);
        struct ctf_packet first = { .magic = CTF_MAGIC, .cpu_id = 5 };
        struct kernel_synced found;
        struct stat st;
        ino_t before;
        gsize size;
        int place;

        for (size_t i = 0; i < G_N_ELEMENTS(others); i++)
                g_free(make(f, others[i]));
        place = open_place(f);
        g_assert_true(g_file_set_contents(stream, (char *) &first, sizeof(first), NULL));
        g_assert_cmpint(kernel_synced_read(place, &found), ==, 0);
        round_again(f);
        g_assert_true(is_synced(kept));
        g_assert_cmpint(kernel_synced_read(place, &found), ==, 1);
        g_assert_cmpuint(found.n, ==, 1);
        g_assert_cmpuint(found.metadata, ==, 10);
        g_assert_cmpuint(kernel_synced_size(&found, "k_0", &first), ==, sizeof(first));
        g_assert_cmpuint(kernel_synced_size(&found, "k_1", &first), ==, 0);
        first.cpu_id = 6;
        g_assert_cmpuint(kernel_synced_size(&found, "k_0", &first), ==, 0);
        kernel_synced_done(&found);
        g_assert_cmpint(stat(kept, &st), ==, 0);
        before = st.st_ino;
        round_again(f);
        g_assert_cmpint(stat(kept, &st), ==, 0);
        g_assert_cmpuint(st.st_ino, ==, before);
        g_assert_true(g_file_get_contents(kept, &content, &size, NULL));
        for (gsize i = 0; i < size; i++) {
                content[i] ^= 1;
                g_assert_true(g_file_set_contents(kept, content, (gssize) size, NULL));
                g_assert_cmpint(kernel_synced_read(place, &found), ==, 0);
                content[i] ^= 1;
                g_assert_true(g_file_set_contents(kept, content, (gssize) i, NULL));
                g_assert_cmpint(kernel_synced_read(place, &found), ==, 0);
        }
        kernel_synced_done(&f->syncer.kernel);
        close(place);
}

static bool has(const struct fixture *f, const char *name) {
        g_autofree char *path = g_build_filename(f->directory, name, NULL);

        return g_file_test(path, G_FILE_TEST_EXISTS);
}

static void assert_synced(const struct fixture *f, const char *name) {
        g_autofree char *path = g_build_filename(f->directory, name, NULL);

        g_assert_true(is_synced(path));
}

/* It has its name when it is on the disk, and is told to be there when its name is, too. */
static void test_snapshot(struct fixture *f, gconstpointer data) {
        struct opener opener = { .directory = f->fd, .has_rings = true };
        struct request stream = { .kind = REQUEST_INDEX, .set = "shared", .channel = "main", .snapshot = "now" };
        struct request q = { .kind = REQUEST_PREPARE, .snapshot = "now" };
        g_autofree char *ring = make(f, "rings/1-0");
        int fd;

        g_assert_cmpint(opener_change(&opener, &(struct request) { .kind = REQUEST_SYNC, .size = 3600000 }), ==, 0);
        g_assert_cmpint(opener_change(&opener, &q), ==, 0);
        g_assert_cmpint(opener_open(&opener, &stream, &fd), ==, 0);
        close(fd);
        g_assert_false(has(f, "now/user"));
        g_hash_table_remove_all(synced);
        q.kind = REQUEST_PUBLISH;
        g_assert_cmpint(opener_change(&opener, &q), ==, 0);
        assert_synced(f, "now/user/0/shared/index/main_0.idx");
        assert_synced(f, "now/user/0/shared/index");
        assert_synced(f, "now");
        assert_synced(f, ".");
        g_assert_false(has(f, "rings/user"));
        /* The ring would take its time. */
        g_assert_false(is_synced(ring));
        /* It is there also where the disk is broken, and told. */
        strcpy(stream.snapshot, strcpy(q.snapshot, "broken"));
        g_assert_cmpint(opener_open(&opener, &stream, &fd), ==, 0);
        close(fd);
        is_broken = true;
        g_assert_cmpint(opener_change(&opener, &q), ==, -EIO);
        is_broken = false;
        g_assert_true(has(f, "broken/user/0/shared/index/main_0.idx"));
        g_assert_cmpint(opener_open(&opener, &stream, &fd), ==, 0);
        close(fd);
        /* What is left of one is not in the next, and is gone at the end. */
        q = (struct request) { .kind = REQUEST_PREPARE, .snapshot = "next" };
        g_assert_cmpint(opener_change(&opener, &q), ==, 0);
        q.kind = REQUEST_PUBLISH;
        g_assert_cmpint(opener_change(&opener, &q), ==, 0);
        g_assert_false(has(f, "next/user"));
        g_assert_cmpint(opener_open(&opener, &stream, &fd), ==, 0);
        close(fd);
        g_assert_cmpint(opener_change(&opener, &(struct request) { .kind = REQUEST_END }), ==, 0);
        g_assert_false(has(f, "rings"));
        q = (struct request) { .kind = REQUEST_PREPARE, .snapshot = "rings" };
        g_assert_cmpint(opener_change(&opener, &q), ==, -EEXIST);
}

/* The process would make a file in the directory that is removed. */
static void test_ended(struct fixture *f, gconstpointer data) {
        struct opener opener = { .directory = f->fd, .has_rings = true };
        g_autofree char *ring = make(f, "rings/1-0");
        pid_t pid;

        g_assert_cmpint(opener_change(&opener, &(struct request) { .kind = REQUEST_SYNC, .size = 100 }), ==, 0);
        pid = opener.syncer;
        g_assert_cmpint(kill(pid, 0), ==, 0);
        g_assert_cmpint(opener_change(&opener, &(struct request) { .kind = REQUEST_END }), ==, 0);
        g_assert_cmpint(opener.syncer, ==, 0);
        g_assert_cmpint(kill(pid, 0), ==, -1);
        g_assert_false(g_file_test(ring, G_FILE_TEST_EXISTS));
}

static void add(const char *name, void (*test)(struct fixture *f, gconstpointer data)) {
        g_test_add(name, struct fixture, NULL, set_up, test, tear_down);
}

int main(int argc, char *argv[]) {
        g_test_init(&argc, &argv, NULL);
        add("/syncer/all", test_all);
        add("/syncer/changed", test_changed);
        add("/syncer/others", test_others);
        add("/syncer/kept", test_kept);
        add("/syncer/snapshot", test_snapshot);
        add("/syncer/ended", test_ended);
        return g_test_run();
}
