/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Overwrite rings: nothing is written until somebody asks. */

#undef NDEBUG
#include <errno.h>
#include <glib.h>
#include <string.h>
#include <sys/stat.h>

#include "play-tracingd.h"
#include "protocol/ctf.h"

#define SUBBUF RING_SUBBUF_SIZE_MIN

static const struct definition paid = {
        .provider = "shop", .name = "paid", .n_fields = 1, .fields = { { DEFINITION_U64, "id" } },
};
static const uint32_t paid_id = 1;

struct fixture {
        struct play play;
        struct play_ring ring;
        uint64_t time;
};

static void set_up(struct fixture *f, uint32_t n_cpus) {
        play_start(&f->play, NULL);
        play_ring_new(&f->ring, RING_OVERWRITE, n_cpus, 4, SUBBUF, f->play.created);
        g_assert_cmpint(play_rings(&f->play, 1, 0, "shared", "default", &f->ring), ==, 0);
        g_assert_cmpint(play_classes(&f->play, 1, 0, &paid, &paid_id, 1), ==, 0);
        f->time = f->play.created;
}

static void tear_down(struct fixture *f) {
        play_ring_done(&f->ring);
        play_done(&f->play);
}

static void write_paid(struct fixture *f, uint32_t cpu, uint64_t from, uint64_t to) {
        for (uint64_t id = from; id < to; id++)
                g_assert_true(play_ring_write(&f->ring, cpu, f->time += 100, 1000, paid_id, &id, sizeof(id)));
}

static uint64_t id_of(const char *line) {
        const char *field = strstr(line, "{ id = ");

        g_assert_nonnull(field);
        return g_ascii_strtoull(field + strlen("{ id = "), NULL, 10);
}

/* The events of a directory are from, from + 1, ... to. */
static uint64_t assert_ids(const char *directory, uint64_t to, char **ret_errors) {
        g_auto(GStrv) lines = play_read(directory, ret_errors);
        unsigned n = g_strv_length(lines);

        g_assert_cmpuint(n, >, 0);
        for (unsigned i = 0; i < n; i++)
                g_assert_cmpuint(id_of(lines[i]), ==, to - n + i);
        return to - n;
}

static char *below(struct fixture *f, const char *name) {
        return g_build_filename(f->play.directory, name, NULL);
}

/* STOP and FLUSH leave overwrite rings alone. */
static void test_only_when_asked(void) {
        struct fixture f;

        set_up(&f, 2);
        write_paid(&f, 0, 0, 10);
        g_assert_cmpint(play_flush(&f.play), ==, 0);
        g_assert_cmpint(play_stop(&f.play), ==, 0);
        g_assert_cmpuint(f.play.status->packets, ==, 0);
        g_assert_cmpint(play_snapshot(&f.play, ""), ==, 0);
        g_assert_cmpuint(f.play.status->events, ==, 10);
        g_assert_cmpuint(f.play.status->lost_overwrite, ==, 0);
        g_assert_cmpuint(assert_ids(f.play.directory, 10, NULL), ==, 0);
        tear_down(&f);
}

/* After many laps the newest events are there and the others are counted. */
static void test_overwritten(void) {
        struct fixture f;
        uint64_t first;

        set_up(&f, 1);
        write_paid(&f, 0, 0, 5000);
        g_assert_cmpint(play_snapshot(&f.play, ""), ==, 0);
        first = assert_ids(f.play.directory, 5000, NULL);
        g_assert_cmpuint(5000 - first, ==, f.play.status->events);
        g_assert_cmpuint(f.play.status->events, >, 3 * SUBBUF / 13);
        g_assert_cmpuint(f.play.status->lost_overwrite, ==, play_ring_cpu(&f.ring, 0)->limit - 4 * SUBBUF);
        tear_down(&f);
}

/* Named snapshots each have everything that the ring holds. */
static void test_named(void) {
        g_autofree char *a = NULL, *b = NULL;
        struct fixture f;
        struct stat st;

        set_up(&f, 1);
        write_paid(&f, 0, 0, 100);
        g_assert_cmpint(play_snapshot(&f.play, "snapshot-1"), ==, 0);
        write_paid(&f, 0, 100, 150);
        g_assert_cmpint(play_snapshot(&f.play, "snapshot-2"), ==, 0);
        g_assert_cmpuint(f.play.status->lost_overwrite, ==, 0);
        a = below(&f, "snapshot-1");
        b = below(&f, "snapshot-2");
        g_assert_cmpuint(assert_ids(a, 100, NULL), ==, 0);
        g_assert_cmpuint(assert_ids(b, 150, NULL), ==, 0);
        g_assert_cmpint(stat(b, &st), ==, 0);
        g_assert_cmpint(st.st_mode, ==, S_IFDIR | 0700);
        /* A name that is there already is refused, and nothing of it changes. */
        g_assert_cmpint(play_snapshot(&f.play, "snapshot-1"), ==, EEXIST);
        g_assert_cmpuint(assert_ids(a, 100, NULL), ==, 0);
        tear_down(&f);
}

/* Into the output itself: each brings what is new, and babeltrace2 tells what was missed in between. */
static void test_appended(void) {
        g_autofree char *errors = NULL;
        g_auto(GStrv) lines = NULL;
        struct fixture f;
        unsigned n;

        set_up(&f, 1);
        write_paid(&f, 0, 0, 100);
        g_assert_cmpint(play_snapshot(&f.play, ""), ==, 0);
        write_paid(&f, 0, 100, 200);
        g_assert_cmpint(play_snapshot(&f.play, ""), ==, 0);
        g_assert_cmpuint(f.play.status->events, ==, 200);
        g_assert_cmpint(play_snapshot(&f.play, ""), ==, 0);
        g_assert_cmpuint(assert_ids(f.play.directory, 200, NULL), ==, 0);
        write_paid(&f, 0, 200, 5000);
        g_assert_cmpint(play_snapshot(&f.play, ""), ==, 0);
        lines = play_read(f.play.directory, &errors);
        n = g_strv_length(lines);
        g_assert_cmpuint(n, ==, f.play.status->events);
        for (unsigned i = 200; i < n; i++)
                g_assert_cmpuint(id_of(lines[i]), ==, 5000 - n + i);
        g_assert_nonnull(strstr(errors, " packets between "));
        tear_down(&f);
}

/* Discard channels of the same set are not touched by a snapshot. */
static void test_mixed(void) {
        g_autofree char *snapshot = NULL;
        struct play_ring discard;
        uint64_t id = 7;
        struct fixture f;

        set_up(&f, 1);
        play_ring_new(&discard, 0, 1, 4, SUBBUF, f.play.created);
        g_assert_cmpint(play_rings(&f.play, 1, 1, "shared", "extra", &discard), ==, 0);
        g_assert_cmpint(play_classes(&f.play, 1, 1, &paid, &paid_id, 1), ==, 0);
        write_paid(&f, 0, 0, 5);
        g_assert_true(play_ring_write(&discard, 0, f.time += 100, 1, paid_id, &id, sizeof(id)));
        g_assert_cmpint(play_snapshot(&f.play, "s"), ==, 0);
        snapshot = below(&f, "s");
        g_assert_cmpuint(assert_ids(snapshot, 5, NULL), ==, 0);
        play_ring_done(&discard);
        tear_down(&f);
}

/* tracingd dies: what no snapshot has is written. */
static void test_hang_up(void) {
        g_autofree char *output = NULL;
        struct fixture f;

        set_up(&f, 2);
        write_paid(&f, 1, 0, 20);
        play_hang_up(&f.play);
        g_assert_cmpuint(assert_ids(f.play.directory, 20, NULL), ==, 0);
        tear_down(&f);

        set_up(&f, 1);
        write_paid(&f, 0, 0, 20);
        g_assert_cmpint(play_snapshot(&f.play, "s"), ==, 0);
        play_hang_up(&f.play);
        g_assert_cmpuint(f.play.status->events, ==, 20);
        output = play_path(&f.play, "shared/default_0");
        g_assert_false(g_file_test(output, G_FILE_TEST_EXISTS));
        tear_down(&f);
}

/* Discarded events (too large for the ring) appear once in each snapshot. */
static void test_discarded(void) {
        g_autofree char *errors = NULL;
        g_auto(GStrv) lines = NULL;
        struct fixture f;

        set_up(&f, 1);
        write_paid(&f, 0, 0, 5);
        g_assert_cmpint(play_snapshot(&f.play, ""), ==, 0);
        play_ring_discard(&f.ring, 0, 4);
        g_assert_cmpint(play_snapshot(&f.play, ""), ==, 0);
        g_assert_cmpuint(f.play.status->lost_ring, ==, 4);
        lines = play_read(f.play.directory, &errors);
        g_assert_cmpuint(g_strv_length(lines), ==, 5);
        g_assert_nonnull(strstr(errors, "discarded 4 events"));
        tear_down(&f);
}

/* A dead process's own ring is written before it is forgotten. */
static void test_release(void) {
        struct fixture f;

        set_up(&f, 1);
        write_paid(&f, 0, 0, 5);
        g_assert_cmpint(play_release(&f.play, 1, 0), ==, 0);
        g_assert_cmpuint(assert_ids(f.play.directory, 5, NULL), ==, 0);
        tear_down(&f);
}

struct writer {
        struct fixture *fixture;
        uint32_t stop;
        uint64_t n;
};

static gpointer write_on(gpointer data) {
        struct writer *w = data;

        while (!__atomic_load_n(&w->stop, __ATOMIC_RELAXED)) {
                /* Slow enough that a copy can be good, fast enough that some are not. */
                write_paid(w->fixture, 0, w->n, w->n + 200);
                w->n += 200;
                g_thread_yield();
        }
        return NULL;
}

/* Snapshots while a writer goes round and round: every event in them is whole and in order. */
static void test_while_writing(void) {
        struct fixture f;
        struct writer w = { .fixture = &f };
        GThread *thread;

        set_up(&f, 1);
        thread = g_thread_new("writer", write_on, &w);
        for (int i = 0; i < 10; i++) {
                g_autofree char *name = g_strdup_printf("s-%i", i), *path = below(&f, name), *errors = NULL;
                g_auto(GStrv) lines = NULL;

                g_assert_cmpint(play_snapshot(&f.play, name), ==, 0);
                lines = play_read(path, &errors);
                for (unsigned k = 1; k < g_strv_length(lines); k++)
                        g_assert_cmpuint(id_of(lines[k]), >, id_of(lines[k - 1]));
        }
        __atomic_store_n(&w.stop, 1, __ATOMIC_RELAXED);
        g_thread_join(thread);
        g_assert_cmpuint(f.play.status->lost_garbage, ==, 0);
        g_assert_cmpuint(f.play.status->lost_overwrite, >, 0);
        g_assert_cmpint(play_snapshot(&f.play, "last"), ==, 0);
        tear_down(&f);
}

int main(int argc, char *argv[]) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/snapshot/only-when-asked", test_only_when_asked);
        g_test_add_func("/snapshot/overwritten", test_overwritten);
        g_test_add_func("/snapshot/named", test_named);
        g_test_add_func("/snapshot/appended", test_appended);
        g_test_add_func("/snapshot/mixed", test_mixed);
        g_test_add_func("/snapshot/hang-up", test_hang_up);
        g_test_add_func("/snapshot/discarded", test_discarded);
        g_test_add_func("/snapshot/release", test_release);
        g_test_add_func("/snapshot/while-writing", test_while_writing);
        return g_test_run();
}
