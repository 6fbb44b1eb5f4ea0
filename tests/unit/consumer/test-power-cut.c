/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Rings in files, and the power is gone: each page of each file is of any time
 * since it was last synced. What was synced is in the recovered trace, what came
 * later is there up to some event, and all of it can be read.
 */

#undef NDEBUG
#include <fcntl.h>
#include <glib.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "play-tracingd.h"

#define PAGE 4096

static const struct definition paid = {
        .provider = "shop", .name = "paid", .n_fields = 1, .fields = { { DEFINITION_U64, "id" } },
};
static const struct definition refunded = {
        .provider = "shop", .name = "refunded", .n_fields = 1, .fields = { { DEFINITION_U64, "id" } },
};
static const uint32_t paid_id = 1, refunded_id = 2;

struct fixture {
        struct play play;
        struct play_ring ring;
        uint64_t time, id;
};

static void set_up(struct fixture *f, gconstpointer data) {
        *f = (struct fixture) {};
        play_start_files(&f->play, NULL, false, 0);
        g_assert_cmpint(play_ring_files(&f->play, 1, 0, "shared", "default", &f->ring), ==, 0);
        g_assert_cmpint(play_classes(&f->play, 1, 0, &paid, &paid_id, 1), ==, 0);
        f->time = f->ring.geometry.created;
}

static void tear_down(struct fixture *f, gconstpointer data) {
        play_ring_done(&f->ring);
        play_done(&f->play);
}

static void write_some(struct fixture *f, unsigned n, uint32_t id) {
        for (unsigned i = 0; i < n; i++) {
                f->id++;
                f->time += 100;
                g_assert_true(play_ring_write(&f->ring, 0, f->time, 1000, id, &f->id, sizeof(f->id)));
        }
}

/* How many events there are: 1, 2, ... without a gap. */
static uint64_t count(const char *directory) {
        g_auto(GStrv) lines = play_read(directory, NULL);
        uint64_t n = 0;

        for (char **line = lines; *line; line++) {
                const char *id = strstr(*line, "{ id = ");

                g_assert_nonnull(id);
                g_assert_cmpuint(g_ascii_strtoull(id + strlen("{ id = "), NULL, 10), ==, ++n);
        }
        return n;
}

static void run(const char *program, const char *from, const char *to) {
        const char *argv[] = { program, strcmp(program, "cp") == 0 ? "-a" : "-rf", from, to, NULL };

        g_assert_true(g_spawn_sync(NULL, (char **) argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, NULL, NULL,
                                   NULL));
}

/* The clock of the boot before is another one, and its rings are of several times. */
static void test_written(struct fixture *f, gconstpointer data) {
        g_autofree char *said = NULL, *rings = g_build_filename(f->play.directory, "rings", NULL);

        write_some(f, 40, paid_id);
        g_assert_cmpint(play_flush(&f->play), ==, 0);
        write_some(f, 10, paid_id);
        play_kill(&f->play);
        g_assert_cmpint(play_recover(f->play.directory, &said), ==, 0);
        g_assert_nonnull(strstr(said, ": 40 events, 0 lost.\n"));
        g_assert_nonnull(strstr(said, "The machine has been started since"));
        g_assert_cmpuint(count(f->play.directory), ==, 40);
        g_assert_false(g_file_test(rings, G_FILE_TEST_EXISTS));
}

/* What is in chunks and snapshots is told, once: those that are still there, whatever the records say. */
static void test_chunks(struct fixture *f, gconstpointer data) {
        g_autofree char *said = NULL, *copy = g_strconcat(f->play.directory, "-copy", NULL);
        g_autofree char *first = g_build_filename(copy, "first", NULL), *without = NULL;
        g_autofree char *of_somebody = g_build_filename(copy, "notes", NULL);

        write_some(f, 40, paid_id);
        g_assert_cmpint(play_rotate(&f->play, "first", 0), ==, 0);
        write_some(f, 25, paid_id);
        g_assert_cmpint(play_rotate(&f->play, "second", 0), ==, 0);
        write_some(f, 10, paid_id);
        g_assert_cmpint(play_flush(&f->play), ==, 0);
        play_kill(&f->play);
        run("cp", f->play.directory, copy);
        g_assert_cmpint(play_recover(f->play.directory, &said), ==, 0);
        g_assert_nonnull(strstr(said, ": 75 events, 0 lost.\n"));
        g_assert_cmpuint(count(f->play.directory), ==, 75);
        run("rm", "--", first);
        g_assert_no_errno(mkdir(of_somebody, 0700));
        g_assert_cmpint(play_recover(copy, &without), ==, 0);
        g_assert_nonnull(strstr(without, ": 35 events, 0 lost.\n"));
        /* Nothing was made in there. */
        g_assert_no_errno(rmdir(of_somebody));
        run("rm", "--", copy);
}

/* What is behind the first piece that is not whole is cut off, whatever it is. */
static void test_cut_off(struct fixture *f, gconstpointer data) {
        g_autofree char *copy = g_strconcat(f->play.directory, "-copy", NULL);
        struct stat st;
        off_t first;

        g_autofree char *of_play = play_path(&f->play, "shared/default_0");
        g_autofree char *file = g_build_filename(copy, "user/1234/shared/default_0", NULL);

        write_some(f, 20, paid_id);
        g_assert_cmpint(play_flush(&f->play), ==, 0);
        g_assert_cmpint(stat(of_play, &st), ==, 0);
        first = st.st_size;
        write_some(f, 20, paid_id);
        g_assert_cmpint(play_flush(&f->play), ==, 0);
        play_kill(&f->play);
        g_assert_cmpint(stat(of_play, &st), ==, 0);
        for (off_t size = 0; size <= st.st_size; size += size == first - 1 || size == first || size == st.st_size - 1 ? 1 : 67) {
                run("cp", f->play.directory, copy);
                g_assert_cmpint(truncate(file, size), ==, 0);
                g_assert_cmpint(play_recover(copy, NULL), ==, 0);
                g_assert_cmpuint(count(copy), ==, size < first ? 0 : size < st.st_size ? 20 : 40);
                run("rm", "--", copy);
        }
}

static void read_file(const char *directory, const char *name, char **ret, gsize *ret_size) {
        g_autofree char *path = g_build_filename(directory, name, NULL);

        *ret = NULL;
        *ret_size = 0;
        (void) g_file_get_contents(path, ret, ret_size, NULL);
}

/* Each page is as it was synced, or as it was at the end; the size is any in between. */
static void mix(const char *synced, const char *last, const char *name, GRand *rand) {
        g_autofree char *before = NULL, *after = NULL, *path = g_build_filename(last, name, NULL);
        gsize before_size, after_size, size;

        read_file(synced, name, &before, &before_size);
        read_file(last, name, &after, &after_size);
        g_assert_cmpuint(after_size, >=, before_size);
        for (gsize at = 0; at < before_size; at += PAGE)
                if (g_rand_boolean(rand))
                        memcpy(after + at, before + at, MIN((gsize) PAGE, before_size - at));
        size = before_size;
        if (after_size > before_size && g_rand_boolean(rand))
                size += (gsize) g_rand_int_range(rand, 0, (gint32) (after_size - before_size) + 1);
        /* Not written yet is zero, or what the disk had there. */
        for (gsize at = before_size; at < size; at += PAGE)
                if (g_rand_int_range(rand, 0, 3) == 0)
                        memset(after + at, g_rand_boolean(rand) ? 0 : 0xa5, MIN((gsize) PAGE, size - at));
        /* Written anew: what GLib writes in place does not become shorter. */
        g_assert_no_errno(unlink(path));
        g_assert_true(g_file_set_contents_full(path, after, (gssize) size, G_FILE_SET_CONTENTS_NONE, 0600, NULL));
}

static void test_any_pages(struct fixture *f, gconstpointer data) {
        static const char *const names[] = { "rings/journal", "rings/session", "rings/1-0", "rings/1-0.positions",
                                             "user/1234/shared/metadata", "user/1234/shared/default_0",
                                             "user/1234/shared/index/default_0.idx" };
        g_autofree char *synced = g_strconcat(f->play.directory, "-synced", NULL);
        g_autofree char *last = g_strconcat(f->play.directory, "-last", NULL);
        g_autoptr(GRand) rand = g_rand_new_with_seed((guint32) g_test_rand_int());
        uint64_t n;

        for (int i = 0; i < 20; i++) {
                write_some(f, 60, paid_id);
                g_assert_cmpint(play_flush(&f->play), ==, 0);
        }
        n = f->id;
        run("cp", f->play.directory, synced);
        g_assert_cmpint(play_classes(&f->play, 1, 0, &refunded, &refunded_id, 1), ==, 0);
        for (int i = 0; i < 30; i++) {
                write_some(f, 60, i % 3 ? paid_id : refunded_id);
                g_assert_cmpint(play_flush(&f->play), ==, 0);
        }
        play_kill(&f->play);
        for (int i = 0; i < (g_getenv("TRACECTL_TORTURE") ? 1000 : 25); i++) {
                uint64_t found;

                run("cp", f->play.directory, last);
                for (size_t k = 0; k < G_N_ELEMENTS(names); k++)
                        mix(synced, last, names[k], rand);
                g_assert_cmpint(play_recover(last, NULL), ==, 0);
                found = count(last);
                g_assert_cmpuint(found, >=, n);
                g_assert_cmpuint(found, <=, f->id);
                run("rm", "--", last);
        }
        run("rm", "--", synced);
}

static void add(const char *name, void (*test)(struct fixture *f, gconstpointer data)) {
        g_test_add(name, struct fixture, NULL, set_up, test, tear_down);
}

int main(int argc, char *argv[]) {
        g_test_init(&argc, &argv, NULL);
        add("/power-cut/written", test_written);
        add("/power-cut/chunks", test_chunks);
        add("/power-cut/cut-off", test_cut_off);
        add("/power-cut/any-pages", test_any_pages);
        return g_test_run();
}
