/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Rings in files: everybody is killed, and what was committed is in the recovered trace. */

#undef NDEBUG
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/program.h"
#include "play-tracingd.h"

static const struct definition paid = {
        .provider = "shop", .name = "paid", .n_fields = 1, .fields = { { DEFINITION_U64, "id" } },
};
static const uint32_t paid_id = 1;

struct fixture {
        struct play play;
        struct play_ring shared, own;
        bool has_own;
        uint64_t time, id, written;
};

static void describe(struct fixture *f) {
        g_assert_cmpint(play_ring_files(&f->play, 1, 0, "shared", "default", &f->shared), ==, 0);
        g_assert_cmpint(play_classes(&f->play, 1, 0, &paid, &paid_id, 1), ==, 0);
}

static void set_up(struct fixture *f, gconstpointer data) {
        *f = (struct fixture) {};
        play_start_files(&f->play, NULL, true, 0);
        describe(f);
        f->time = f->shared.geometry.created;
}

static void forget_rings(struct fixture *f) {
        play_ring_done(&f->shared);
        if (f->has_own)
                play_ring_done(&f->own);
}

static void tear_down(struct fixture *f, gconstpointer data) {
        forget_rings(f);
        play_done(&f->play);
}

static void write_some(struct fixture *f, unsigned n) {
        for (unsigned i = 0; i < n; i++) {
                f->id++;
                f->time += 100;
                f->written += play_ring_write(&f->shared, i % 2, f->time, 1000, paid_id, &f->id, sizeof(f->id));
        }
}

static void assert_ids(const char *directory, uint64_t n) {
        g_auto(GStrv) lines = play_read(directory, NULL);
        uint64_t k = 0;

        for (char **line = lines; *line; line++) {
                const char *id = strstr(*line, "{ id = ");

                g_assert_nonnull(id);
                g_assert_cmpuint(g_ascii_strtoull(id + strlen("{ id = "), NULL, 10), ==, ++k);
        }
        g_assert_cmpuint(k, ==, n);
}

static char *rings_of(const struct fixture *f) {
        return g_build_filename(f->play.directory, "rings", NULL);
}

static void assert_recovered(struct fixture *f, uint64_t n) {
        g_autofree char *said = NULL, *rings = rings_of(f), *expected = NULL;

        g_assert_cmpint(play_recover(f->play.directory, &said), ==, 0);
        expected = g_strdup_printf(": %" G_GUINT64_FORMAT " events, 0 lost.\n", n);
        g_assert_nonnull(strstr(said, expected));
        assert_ids(f->play.directory, n);
        g_assert_false(g_file_test(rings, G_FILE_TEST_EXISTS));
}

/* One file says so for each that is killed at a different place: nothing, something, all was written. */
static void test_killed(struct fixture *f, gconstpointer data) {
        write_some(f, 30);
        play_kill(&f->play);
        write_some(f, 20);
        assert_recovered(f, f->written);
        g_assert_cmpuint(f->written, ==, 50);
}

static void test_partly_written(struct fixture *f, gconstpointer data) {
        for (int i = 0; i < 20; i++) {
                write_some(f, 60);
                g_assert_cmpint(play_flush(&f->play), ==, 0);
        }
        write_some(f, 31);
        play_kill(&f->play);
        assert_recovered(f, f->written);
        g_assert_cmpuint(f->written, ==, 1231);
}

/* A packet that was half written when everybody died, and a journal entry. */
static void test_torn(struct fixture *f, gconstpointer data) {
        static const char *const torn[] = { "user/1234/shared/default_0", "user/1234/shared/index/default_1.idx",
                                            "user/1234/shared/metadata", "rings/journal" };

        write_some(f, 30);
        g_assert_cmpint(play_flush(&f->play), ==, 0);
        write_some(f, 30);
        play_kill(&f->play);
        for (size_t i = 0; i < G_N_ELEMENTS(torn); i++) {
                g_autofree char *path = g_build_filename(f->play.directory, torn[i], NULL);
                int fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);

                g_assert_cmpint(fd, >=, 0);
                g_assert_cmpint(write(fd, "JRNL half of something", 22), ==, 22);
                close(fd);
        }
        assert_recovered(f, 60);
}

/* The consumer alone dies, and its successor goes on; then all die. */
static void test_resumed(struct fixture *f, gconstpointer data) {
        uint64_t before = f->play.serial;

        for (int i = 0; i < 3; i++) {
                write_some(f, 20);
                if (i % 2)
                        g_assert_cmpint(play_flush(&f->play), ==, 0);
                play_kill(&f->play);
                /* With the serials of the first time, as tracingd does it. */
                f->play.serial = 0;
                play_resume(&f->play);
                play_ring_done(&f->shared);
                describe(f);
                g_assert_cmpuint(f->play.serial, ==, before);
                f->play.serial += 100;
                g_assert_cmpint(play_resumed(&f->play), ==, 0);
                write_some(f, 20);
        }
        play_kill(&f->play);
        assert_recovered(f, 120);
}

static void test_ends_well(struct fixture *f, gconstpointer data) {
        g_autofree char *rings = rings_of(f), *said = NULL;

        write_some(f, 30);
        g_assert_true(g_file_test(rings, G_FILE_TEST_IS_DIR));
        g_assert_cmpint(play_stop(&f->play), ==, 0);
        play_hang_up(&f->play);
        g_assert_false(g_file_test(rings, G_FILE_TEST_EXISTS));
        assert_ids(f->play.directory, 30);
        g_assert_cmpint(play_recover(f->play.directory, &said), ==, 1);
        g_assert_nonnull(strstr(said, "no rings to recover"));
}

/* Two sets; one is released, and its files go. */
static void test_released(struct fixture *f, gconstpointer data) {
        g_autofree char *file = g_build_filename(f->play.directory, "rings", "2-0", NULL);

        g_assert_cmpint(play_ring_files(&f->play, 2, 0, "process-1", "default", &f->own), ==, 0);
        f->has_own = true;
        g_assert_cmpint(play_classes(&f->play, 2, 0, &paid, &paid_id, 1), ==, 0);
        write_some(f, 10);
        f->id++;
        f->time = f->own.geometry.created + 100;
        g_assert_true(play_ring_write(&f->own, 0, f->time, 1001, paid_id, &f->id, sizeof(f->id)));
        g_assert_true(g_file_test(file, G_FILE_TEST_EXISTS));
        g_assert_cmpint(play_release(&f->play, 2, 0), ==, 0);
        g_assert_false(g_file_test(file, G_FILE_TEST_EXISTS));
        write_some(f, 10);
        play_kill(&f->play);
        assert_recovered(f, 21);
}

static void test_busy(struct fixture *f, gconstpointer data) {
        g_autofree char *said = NULL;
        struct play other;

        write_some(f, 10);
        g_assert_cmpint(play_recover(f->play.directory, &said), ==, 1);
        g_assert_nonnull(strstr(said, "somebody records there"));
        play_kill(&f->play);
        /* Another session may not write over what is to be recovered. */
        play_start_silent(&other, f->play.directory);
        play_send_output(&other, CONSUMER_FILES);
        g_assert_cmpint(play_answer(&other, NULL), ==, EEXIST);
        play_kill(&other);
        g_free(other.directory);
        assert_recovered(f, 10);
}

/* A recovery that is killed is begun again. */
static void test_again(struct fixture *f, gconstpointer data) {
        g_autofree char *rings = rings_of(f);

        for (int i = 0; i < 20; i++) {
                write_some(f, 60);
                g_assert_cmpint(play_flush(&f->play), ==, 0);
        }
        write_some(f, 60);
        play_kill(&f->play);
        for (int i = 0; i < 20 && g_file_test(rings, G_FILE_TEST_EXISTS); i++) {
                char *path;
                GPid pid;

                g_assert_cmpint(program_find("consumer", "tracectl-consumer", &path), ==, 0);
                char *argv[] = { path, (char *) "--recover", f->play.directory, NULL };
                g_assert_true(g_spawn_async(NULL, argv, NULL, G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_STDOUT_TO_DEV_NULL |
                                            G_SPAWN_STDERR_TO_DEV_NULL, NULL, NULL, &pid, NULL));
                free(path);
                g_usleep((gulong) g_test_rand_int_range(0, 3000));
                kill(pid, SIGKILL);
                waitpid(pid, NULL, 0);
        }
        while (g_file_test(rings, G_FILE_TEST_EXISTS)) {
                g_autofree char *said = NULL;

                /* The one that was killed had a consumer, which is not gone yet, or goes now. */
                if (play_recover(f->play.directory, &said) != 0 && !strstr(said, "no rings to recover"))
                        g_assert_cmpstr(strstr(said, "somebody records there"), !=, NULL);
        }
        assert_ids(f->play.directory, 1260);
}

/* Whoever finds a snapshot finds all of it, whenever those were killed who made it. */
static void test_in_snapshot(struct fixture *f, gconstpointer data) {
        g_autoptr(GRand) rand = g_rand_new_with_seed((guint32) g_test_rand_int());
        g_autofree char *path = NULL, *rings = NULL;

        for (int i = 0; i < (g_test_slow() || g_getenv("TRACECTL_TORTURE") ? 500 : 30); i++) {
                struct consumer_snapshot m = { .name = "now" };

                tear_down(f, NULL);
                g_free(path);
                g_free(rings);
                *f = (struct fixture) {};
                play_start_files(&f->play, NULL, true, 0);
                g_assert_cmpint(play_ring_files_flags(&f->play, 1, 0, "shared", "default", RING_OVERWRITE, &f->shared),
                                ==, 0);
                g_assert_cmpint(play_classes(&f->play, 1, 0, &paid, &paid_id, 1), ==, 0);
                f->time = f->shared.geometry.created;
                write_some(f, 40);
                path = g_build_filename(f->play.directory, "now", "user", NULL);
                rings = rings_of(f);
                play_send(&f->play, CONSUMER_SNAPSHOT, &m, sizeof(m), NULL, 0);
                g_usleep((gulong) g_rand_int_range(rand, 0, 1000));
                play_kill(&f->play);
                if (g_file_test(path, G_FILE_TEST_EXISTS))
                        assert_ids(path, 40);
                g_assert_cmpint(play_recover(f->play.directory, NULL), ==, 0);
                g_assert_false(g_file_test(rings, G_FILE_TEST_EXISTS));
                g_strfreev(play_read(f->play.directory, NULL));
        }
}

static void change(const char *path, GRand *rand) {
        g_autofree char *content = NULL;
        gsize size;
        int fd;

        g_assert_true(g_file_get_contents(path, &content, &size, NULL));
        fd = open(path, O_WRONLY | O_CLOEXEC);
        g_assert_cmpint(fd, >=, 0);
        for (int n = g_rand_int_range(rand, 1, 40); n > 0 && size > 0; n--) {
                /* Most of a ring is empty: its words are at the beginning. */
                gint32 end = (gint32) MIN(size, (gsize) 16384);
                uint64_t value = g_rand_boolean(rand) ? g_rand_int(rand) : (uint64_t) g_rand_int_range(rand, 0, 9000);

                g_assert_cmpint(pwrite(fd, &value, (size_t) g_rand_int_range(rand, 1, 9),
                                       g_rand_int_range(rand, 0, end)), >, 0);
        }
        if (g_rand_int_range(rand, 0, 4) == 0)
                g_assert_cmpint(ftruncate(fd, g_rand_int_range(rand, 0, (gint32) size + 1)), ==, 0);
        close(fd);
}

/* Whatever is in the files, it ends with a sentence or a trace that can be read, and never by a signal. */
static void test_hostile(struct fixture *f, gconstpointer data) {
        static const char *const names[] = { "1-0", "1-0.positions", "journal", "session" };
        g_autoptr(GRand) rand = g_rand_new_with_seed((guint32) g_test_rand_int());
        g_autofree char *copy = g_strconcat(f->play.directory, "-copy", NULL);
        const char *cp[] = { "cp", "-a", f->play.directory, copy, NULL }, *rm[] = { "rm", "-rf", copy, NULL };

        for (int i = 0; i < 20; i++) {
                write_some(f, 60);
                g_assert_cmpint(play_flush(&f->play), ==, 0);
        }
        write_some(f, 60);
        play_kill(&f->play);
        for (int i = 0; i < (g_test_slow() || g_getenv("TRACECTL_TORTURE") ? 2000 : 40); i++) {
                g_autofree char *said = NULL, *path = NULL;
                const char *name;

                g_assert_true(g_spawn_sync(NULL, (char **) cp, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, NULL, NULL,
                                           NULL));
                name = names[g_rand_int_range(rand, 0, G_N_ELEMENTS(names))];
                path = g_build_filename(copy, "rings", name, NULL);
                change(path, rand);
                if (play_recover(copy, &said) != 0) {
                        g_assert_nonnull(strstr(said, "was not recovered: "));
                        g_assert_null(strstr(said, "Segmentation"));
                } else if (strcmp(name, "1-0") == 0) {
                        g_autofree char *errors = NULL;

                        /* Programs wrote there, whatever they are; the rest is the owner's own. */
                        g_strfreev(play_read(copy, &errors));
                }
                g_assert_true(g_spawn_sync(NULL, (char **) rm, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, NULL, NULL,
                                           NULL));
        }
        assert_recovered(f, f->written);
}

static void add(const char *name, void (*test)(struct fixture *f, gconstpointer data)) {
        g_test_add(name, struct fixture, NULL, set_up, test, tear_down);
}

int main(int argc, char *argv[]) {
        g_test_init(&argc, &argv, NULL);
        add("/recover/killed", test_killed);
        add("/recover/partly-written", test_partly_written);
        add("/recover/torn", test_torn);
        add("/recover/resumed", test_resumed);
        add("/recover/ends-well", test_ends_well);
        add("/recover/released", test_released);
        add("/recover/busy", test_busy);
        add("/recover/again", test_again);
        add("/recover/in-snapshot", test_in_snapshot);
        add("/recover/hostile", test_hostile);
        return g_test_run();
}
