/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Rings in files beside the kernel's trace: everybody is killed, or the power is
 * cut, and what is left of the kernel's events can be read, whichever pages of its
 * files got to the disk: those that were synced are among them.
 */

#undef NDEBUG
#include <fcntl.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "consumer/syncer.h"
#include "play-kernel.h"

#define ENTRY "syscalls/sys_enter_getppid"
#define EXIT "syscalls/sys_exit_getppid"
#define PAGE 4096
#define DAY_MSEC 86400000 /* so that the test alone decides when */

static const char *const entry[] = { ENTRY, NULL };
static const char *const later[] = { EXIT, NULL };
static const char *const names[] = { "kernel/k_0", "kernel/index/k_0.idx", "kernel/metadata" };

struct fixture {
        struct play play;
        struct play_kernel kernel;
        struct syncer syncer;
        char *copy;
};

static void set_up(struct fixture *f, bool this_boot, uint32_t sync_msec) {
        g_autofree char *pid = g_strdup_printf("%i", getpid());

        *f = (struct fixture) {};
        play_start_files(&f->play, NULL, this_boot, sync_msec);
        play_kernel_pin(0);
        play_kernel_new(&f->kernel, &(struct play_kernel_options) { .buffer_kb = 256 });
        g_assert_cmpint(play_kernel_send(&f->play, &f->kernel, 0, "k", entry), ==, 0);
        play_kernel_write(&f->kernel, "set_event_pid", pid);
        f->copy = g_strconcat(f->play.directory, "-copy", NULL);
}

static void tear_down(struct fixture *f) {
        kernel_synced_done(&f->syncer.kernel);
        play_done(&f->play);
        play_kernel_done(&f->kernel);
        g_free(f->copy);
}

static void record(struct fixture *f, const char *event, unsigned n) {
        g_autofree char *path = g_strdup_printf("events/%s/enable", event);

        play_kernel_write(&f->kernel, path, "1");
        for (unsigned i = 0; i < n; i++)
                syscall(SYS_getppid);
        play_kernel_write(&f->kernel, path, "0");
        g_assert_cmpint(play_flush(&f->play), ==, 0);
}

/* As the syncer does it. */
static void sync_all(struct fixture *f) {
        int fd = open(f->play.directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        g_assert_cmpint(fd, >=, 0);
        g_assert_cmpint(syncer_round(fd, &f->syncer), ==, 0);
        close(fd);
}

static void run(const char *program, const char *from, const char *to) {
        const char *argv[] = { program, strcmp(program, "cp") == 0 ? "-a" : "-rf", from, to, NULL };

        g_assert_true(g_spawn_sync(NULL, (char **) argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, NULL, NULL,
                                   NULL));
}

/* All of it can be read, without a word. */
static unsigned count(const char *directory, const char *below) {
        g_autofree char *path = g_build_filename(directory, below, "kernel", NULL);

        if (!g_file_test(path, G_FILE_TEST_EXISTS))
                return 0;
        g_auto(GStrv) lines = play_read(path, NULL);

        return g_strv_length(lines);
}

/* What a recovery of a copy leaves. */
static unsigned recovered(const struct fixture *f) {
        g_autofree char *said = NULL;
        unsigned n;

        g_assert_cmpint(play_recover(f->copy, &said), ==, 0);
        n = count(f->copy, ".");
        if (n > 0)
                g_assert_nonnull(strstr(said, "Events of the kernel are in it, too"));
        return n;
}

static void append(const char *directory, const char *name, const char *what) {
        g_autofree char *path = g_build_filename(directory, name, NULL);
        int fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);

        g_assert_cmpint(fd, >=, 0);
        g_assert_cmpint(write(fd, what, strlen(what)), ==, strlen(what));
        close(fd);
}

static off_t size_of(const char *directory, const char *name) {
        g_autofree char *path = g_build_filename(directory, name, NULL);
        struct stat st;

        return stat(path, &st) < 0 ? 0 : st.st_size;
}

static void cut(const char *directory, const char *name, off_t size) {
        g_autofree char *path = g_build_filename(directory, name, NULL);

        g_assert_cmpint(truncate(path, size), ==, 0);
}

/* A packet, an index entry and a description that were half written. */
static void test_torn(void) {
        struct fixture f;
        off_t index;

        if (!play_kernel_works())
                return;
        set_up(&f, true, 0);
        for (int i = 0; i < 5; i++)
                record(&f, ENTRY, 10);
        play_kill(&f.play);
        index = size_of(f.play.directory, names[1]);
        append(f.play.directory, names[0], "\xc1\x1f\xfc\xc1 half of a packet");
        append(f.play.directory, names[2], "event {\n\tname = \"half\";\n\tfields := struct {\n\t};\n");
        run("cp", f.play.directory, f.copy);
        g_assert_cmpuint(recovered(&f), ==, 50);
        g_assert_cmpint(size_of(f.copy, names[1]), ==, index);
        run("rm", "--", f.copy);
        /* The last packet has none in the index yet. */
        cut(f.play.directory, names[1], index - 80);
        run("cp", f.play.directory, f.copy);
        g_assert_cmpuint(recovered(&f), ==, 50);
        g_assert_cmpint(size_of(f.copy, names[1]), ==, index);
        run("rm", "--", f.copy);
        tear_down(&f);
}

/* Wherever a stream ends, whole packets are kept. */
static void test_any_size(void) {
        unsigned n, before = 0;
        struct fixture f;
        off_t size;

        if (!play_kernel_works())
                return;
        set_up(&f, true, 0);
        for (int i = 0; i < 5; i++)
                record(&f, ENTRY, 10);
        play_kill(&f.play);
        size = size_of(f.play.directory, names[0]);
        for (off_t at = 0; at <= size; at = at == size || at + 61 < size ? at + 61 : size) {
                run("cp", f.play.directory, f.copy);
                cut(f.copy, names[0], at);
                n = recovered(&f);
                g_assert_cmpuint(n, >=, before);
                g_assert_cmpuint(n % 10, ==, 0);
                before = n;
                run("rm", "--", f.copy);
        }
        g_assert_cmpuint(before, ==, 50);
        tear_down(&f);
}

static void read_file(const char *directory, const char *name, char **ret, gsize *ret_size) {
        g_autofree char *path = g_build_filename(directory, name, NULL);

        *ret = NULL;
        *ret_size = 0;
        (void) g_file_get_contents(path, ret, ret_size, NULL);
}

/* Pages are as they were synced, or at the end; what is behind is that, nothing, or anything. */
static void mix(const char *synced, const char *last, const char *name, GRand *rand) {
        g_autofree char *before = NULL, *after = NULL, *path = g_build_filename(last, name, NULL);
        gsize before_size, after_size, size;

        read_file(synced, name, &before, &before_size);
        read_file(last, name, &after, &after_size);
        g_assert_cmpuint(after_size, >=, before_size);
        size = before_size;
        if (after_size > before_size && g_rand_boolean(rand))
                size += (gsize) g_rand_int_range(rand, 0, (gint32) (after_size - before_size) + 1);
        for (gsize at = before_size; at < size; at += PAGE - at % PAGE)
                if (g_rand_int_range(rand, 0, 3) == 0)
                        memset(after + at, g_rand_boolean(rand) ? 0 : 0xa5, MIN(PAGE - at % PAGE, size - at));
        /* Written anew: what GLib writes in place does not become shorter. */
        g_assert_no_errno(unlink(path));
        g_assert_true(g_file_set_contents_full(path, after, (gssize) size, G_FILE_SET_CONTENTS_NONE, 0600, NULL));
}

static void test_any_pages(void) {
        g_autoptr(GRand) rand = g_rand_new_with_seed((guint32) g_test_rand_int());
        g_autofree char *synced = NULL;
        unsigned n = 0, found;
        struct fixture f;

        if (!play_kernel_works())
                return;
        set_up(&f, false, DAY_MSEC);
        for (int i = 0; i < 20; i++) {
                if (i % 5 == 0)
                        sync_all(&f);
                record(&f, ENTRY, 100);
        }
        sync_all(&f);
        n = count(f.play.directory, ".");
        g_assert_cmpuint(n, ==, 2000);
        synced = g_strconcat(f.play.directory, "-synced", NULL);
        run("cp", f.play.directory, synced);
        g_assert_cmpint(play_kernel_describe(&f.play, &f.kernel, 0, later), ==, 0);
        for (int i = 0; i < 30; i++)
                record(&f, i % 3 ? ENTRY : EXIT, 100);
        play_kill(&f.play);
        for (int i = 0; i < (g_getenv("TRACECTL_TORTURE") ? 300 : 25); i++) {
                run("cp", f.play.directory, f.copy);
                for (size_t k = 0; k < G_N_ELEMENTS(names); k++)
                        mix(synced, f.copy, names[k], rand);
                found = recovered(&f);
                g_assert_cmpuint(found, >=, n);
                g_assert_cmpuint(found, <=, n + 3000);
                run("rm", "--", f.copy);
        }
        run("rm", "--", synced);
        tear_down(&f);
}

static void spoil_end(const char *directory, const char *name, gsize n) {
        g_autofree char *zeros = g_malloc0(n), *path = g_build_filename(directory, name, NULL);
        off_t size = size_of(directory, name);
        int fd = open(path, O_WRONLY | O_CLOEXEC);

        g_assert_cmpint(fd, >=, 0);
        n = MIN(n, (gsize) size);
        g_assert_cmpint(pwrite(fd, zeros, n, size - (off_t) n), ==, n);
        close(fd);
}

/* What is only in the page cache is not believed, from the first moment on; without an interval what looks right is. */
static void test_before_the_first(void) {
        struct fixture f;

        if (!play_kernel_works())
                return;
        set_up(&f, false, DAY_MSEC);
        record(&f, ENTRY, 100);
        play_kill(&f.play);
        run("cp", f.play.directory, f.copy);
        spoil_end(f.copy, names[0], 500);
        spoil_end(f.copy, names[2], 500);
        g_assert_cmpuint(recovered(&f), ==, 0);
        run("rm", "--", f.copy);
        tear_down(&f);
        set_up(&f, false, 0);
        record(&f, ENTRY, 100);
        record(&f, ENTRY, 100);
        play_kill(&f.play);
        run("cp", f.play.directory, f.copy);
        cut(f.copy, names[0], size_of(f.copy, names[0]) - 1);
        g_assert_cmpuint(recovered(&f), ==, 100);
        run("rm", "--", f.copy);
        tear_down(&f);
}

/* Files of the same name are others: what is known of those before is not said of them. */
static void begin_anew(bool rotate) {
        struct fixture f;

        if (!play_kernel_works())
                return;
        set_up(&f, false, DAY_MSEC);
        for (int i = 0; i < 10; i++)
                record(&f, ENTRY, 100);
        sync_all(&f);
        g_assert_cmpint(rotate ? play_rotate(&f.play, "first", 0) : play_clear(&f.play), ==, 0);
        for (int i = 0; i < 5; i++)
                record(&f, ENTRY, 100);
        run("cp", f.play.directory, f.copy);
        spoil_end(f.copy, names[0], 500);
        g_assert_cmpuint(recovered(&f), ==, 0);
        g_assert_cmpuint(count(f.copy, "first"), ==, rotate ? 1000 : 0);
        run("rm", "--", f.copy);
        sync_all(&f);
        record(&f, ENTRY, 100);
        play_kill(&f.play);
        run("cp", f.play.directory, f.copy);
        spoil_end(f.copy, names[0], 500);
        g_assert_cmpuint(recovered(&f), ==, 500);
        run("rm", "--", f.copy);
        tear_down(&f);
}

static void test_rotated(void) {
        begin_anew(true);
}

static void test_cleared(void) {
        begin_anew(false);
}

/* Whether it is kept of all of the stream that it is on the disk. */
static bool is_kept(const struct fixture *f) {
        g_autofree char *rings = g_build_filename(f->play.directory, "rings", NULL);
        int fd = open(rings, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        struct kernel_synced kept;
        bool is;

        g_assert_cmpint(fd, >=, 0);
        g_assert_cmpint(kernel_synced_read(fd, &kept), ==, 1);
        is = kept.n == 1 && kept.streams[0].size == (uint64_t) size_of(f->play.directory, names[0]);
        kernel_synced_done(&kept);
        close(fd);
        return is;
}

/* The consumer's own process does it, and is gone before its directory is. */
static void test_syncer(void) {
        g_autofree char *rings = NULL;
        struct fixture f;
        gint64 end;

        if (!play_kernel_works())
                return;
        set_up(&f, false, CONSUMER_SYNC_MSEC_MIN);
        g_assert_false(is_kept(&f));
        record(&f, ENTRY, 100);
        end = g_get_monotonic_time() + 60 * G_USEC_PER_SEC;
        while (!is_kept(&f) && g_get_monotonic_time() < end)
                g_usleep(1000);
        run("cp", f.play.directory, f.copy);
        g_assert_cmpuint(recovered(&f), ==, 100);
        run("rm", "--", f.copy);
        g_assert_cmpint(play_stop(&f.play), ==, 0);
        play_hang_up(&f.play);
        rings = g_build_filename(f.play.directory, "rings", NULL);
        g_assert_false(g_file_test(rings, G_FILE_TEST_EXISTS));
        g_assert_cmpuint(count(f.play.directory, "."), ==, 100);
        tear_down(&f);
}

static void spoil(const char *path, GRand *rand) {
        int fd = open(path, O_WRONLY | O_CLOEXEC);
        struct stat st;

        g_assert_cmpint(fd, >=, 0);
        g_assert_cmpint(fstat(fd, &st), ==, 0);
        for (int n = g_rand_int_range(rand, 1, 20); n > 0 && st.st_size > 0; n--) {
                uint64_t value = g_rand_boolean(rand) ? g_rand_int(rand) : (uint64_t) g_rand_int_range(rand, 0, 9000);

                g_assert_cmpint(pwrite(fd, &value, (size_t) g_rand_int_range(rand, 1, 9),
                                       g_rand_int_range(rand, 0, (gint32) st.st_size)), >, 0);
        }
        if (g_rand_int_range(rand, 0, 4) == 0)
                g_assert_cmpint(ftruncate(fd, g_rand_int_range(rand, 0, (gint32) st.st_size + 1)), ==, 0);
        close(fd);
}

/* Whatever the files are, it ends, and what is not the session's own is as it was. */
static void test_hostile(void) {
        g_autoptr(GRand) rand = g_rand_new_with_seed((guint32) g_test_rand_int());
        g_autofree char *link = NULL, *fifo = NULL, *hard = NULL, *victim = NULL, *content = NULL, *first = NULL;
        struct fixture f;
        gsize size;

        if (!play_kernel_works())
                return;
        set_up(&f, false, DAY_MSEC);
        for (int i = 0; i < 5; i++)
                record(&f, ENTRY, 100);
        sync_all(&f);
        play_kill(&f.play);
        victim = g_build_filename(f.play.directory, "victim", NULL);
        link = g_build_filename(f.play.directory, "kernel", "link_0", NULL);
        hard = g_build_filename(f.play.directory, "kernel", "hard_0", NULL);
        fifo = g_build_filename(f.play.directory, "kernel", "fifo_0", NULL);
        g_assert_true(g_file_set_contents(victim, "somebody's", -1, NULL));
        g_assert_cmpint(symlink(victim, link), ==, 0);
        g_assert_cmpint(linkat(AT_FDCWD, victim, AT_FDCWD, hard, 0), ==, 0);
        g_assert_cmpint(mkfifo(fifo, 0600), ==, 0);
        first = g_build_filename(f.copy, "victim", NULL);
        for (int i = 0; i < (g_getenv("TRACECTL_TORTURE") ? 500 : 40); i++) {
                static const char *const files[] = { "kernel/k_0", "kernel/index/k_0.idx", "kernel/metadata", "rings/synced" };
                g_autofree char *said = NULL, *path = NULL;

                run("cp", f.play.directory, f.copy);
                path = g_build_filename(f.copy, files[g_rand_int_range(rand, 0, G_N_ELEMENTS(files))], NULL);
                spoil(path, rand);
                g_assert_cmpint(play_recover(f.copy, &said), ==, 0);
                run("rm", "--", f.copy);
        }
        run("cp", f.play.directory, f.copy);
        g_assert_cmpint(play_recover(f.copy, NULL), ==, 0);
        g_assert_true(g_file_get_contents(first, &content, &size, NULL));
        g_assert_cmpstr(content, ==, "somebody's");
        run("rm", "--", f.copy);
        tear_down(&f);
}

int main(int argc, char *argv[]) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/recover-kernel/torn", test_torn);
        g_test_add_func("/recover-kernel/any-size", test_any_size);
        g_test_add_func("/recover-kernel/any-pages", test_any_pages);
        g_test_add_func("/recover-kernel/before-the-first", test_before_the_first);
        g_test_add_func("/recover-kernel/rotated", test_rotated);
        g_test_add_func("/recover-kernel/cleared", test_cleared);
        g_test_add_func("/recover-kernel/syncer", test_syncer);
        g_test_add_func("/recover-kernel/hostile", test_hostile);
        return g_test_run();
}
