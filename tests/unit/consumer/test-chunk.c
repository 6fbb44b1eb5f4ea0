/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* ROTATE and CLEAR: what was written moves away, or goes, and the trace begins anew. */

#undef NDEBUG
#include <errno.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "packets.h"
#include "play-tracingd.h"

#define SUBBUF RING_SUBBUF_SIZE_MIN

static const struct definition paid = {
        .provider = "shop", .name = "paid", .n_fields = 1, .fields = { { DEFINITION_U64, "id" } },
};
static const uint32_t paid_id = 1;

struct fixture {
        struct play play;
        struct play_ring ring, flight, own;
        uint64_t time, id;
};

static void describe(struct fixture *f) {
        g_assert_cmpint(play_rings(&f->play, 1, 0, "shared", "default", &f->ring), ==, 0);
        g_assert_cmpint(play_classes(&f->play, 1, 0, &paid, &paid_id, 1), ==, 0);
        g_assert_cmpint(play_rings(&f->play, 1, 1, "shared", "flight", &f->flight), ==, 0);
        g_assert_cmpint(play_classes(&f->play, 1, 1, &paid, &paid_id, 1), ==, 0);
        g_assert_cmpint(play_rings(&f->play, 2, 0, "process-1", "default", &f->own), ==, 0);
        g_assert_cmpint(play_classes(&f->play, 2, 0, &paid, &paid_id, 1), ==, 0);
}

static void set_up(struct fixture *f) {
        *f = (struct fixture) {};
        play_start(&f->play, NULL);
        play_ring_new(&f->ring, 0, 1, 4, SUBBUF, f->play.created);
        play_ring_new(&f->flight, RING_OVERWRITE, 1, 4, SUBBUF, f->play.created);
        play_ring_new(&f->own, 0, 1, 4, SUBBUF, f->play.created);
        f->time = f->play.created;
        describe(f);
}

static void tear_down(struct fixture *f) {
        play_ring_done(&f->ring);
        play_ring_done(&f->flight);
        play_ring_done(&f->own);
        play_done(&f->play);
}

static void write_some(struct fixture *f, struct play_ring *ring, unsigned n) {
        for (unsigned i = 0; i < n; i++, f->id++)
                g_assert_true(play_ring_write(ring, 0, f->time += 100, 1000, paid_id, &f->id, sizeof(f->id)));
}

static char *below(struct fixture *f, const char *name) {
        return g_build_filename(f->play.directory, name, NULL);
}

/* The events of a directory, all by thread 1000. ret_errors as for play_read(). */
static unsigned count(const char *directory, char **ret_errors) {
        g_auto(GStrv) lines = play_read_all(directory, ret_errors);
        unsigned n = 0, threads = 0;

        for (char **line = lines; *line; line++) {
                threads += strstr(*line, "tid = 1000") != NULL;
                n += strstr(*line, "shop:paid") != NULL;
        }
        g_assert_true(n == 0 || threads > 0);
        return n;
}

static void test_rotate(void) {
        g_autofree char *a = NULL, *b = NULL, *user = NULL, *set = NULL, *errors = NULL;
        struct packets first = {}, second = {};
        struct fixture f;
        struct stat st;

        set_up(&f);
        a = below(&f, "chunk-1");
        b = below(&f, "chunk-2");
        user = below(&f, "user");
        write_some(&f, &f.ring, 10);
        g_assert_cmpint(play_rotate(&f.play, "chunk-1", 0), ==, 0);
        g_assert_cmpuint(count(a, NULL), ==, 10);
        g_assert_cmpint(stat(a, &st), ==, 0);
        g_assert_cmpuint(st.st_mode, ==, S_IFDIR | 0700);
        /* The same thread goes on amid a sub-buffer, and events are discarded meanwhile. */
        play_ring_discard(&f.ring, 0, 5);
        write_some(&f, &f.ring, 7);
        write_some(&f, &f.flight, 3);
        g_assert_cmpint(play_flush(&f.play), ==, 0);
        g_assert_cmpint(play_snapshot(&f.play, ""), ==, 0);
        g_assert_cmpuint(count(user, &errors), ==, 10);
        g_assert_nonnull(strstr(errors, "discarded 5 events"));
        g_assert_cmpint(play_rotate(&f.play, "chunk-2", 0), ==, 0);
        write_some(&f, &f.own, 2);
        write_some(&f, &f.ring, 1);
        g_assert_cmpint(play_stop(&f.play), ==, 0);
        /* What was discarded before is not told again. */
        g_assert_cmpuint(count(user, NULL), ==, 3);
        g_assert_cmpuint(f.play.status->events, ==, 23);
        /* Sequence numbers go on from one chunk to the next. */
        set = g_build_filename(a, "user", "1234", "shared", NULL);
        packets_read(&first, set, "default", 0);
        g_free(set);
        set = g_build_filename(b, "user", "1234", "shared", NULL);
        packets_read(&second, set, "default", 0);
        g_assert_cmpuint(second.first_sequence, ==, first.next_sequence);
        g_assert_cmpuint(first.discarded, ==, 0);
        g_assert_cmpuint(second.discarded, ==, 5);
        /* And all chunks are read as one trace. */
        g_clear_pointer(&errors, g_free);
        g_assert_cmpuint(count(f.play.directory, &errors), ==, 23);
        g_assert_nonnull(strstr(errors, "discarded 5 events"));
        g_assert_null(strstr(errors, "may have discarded"));
        tear_down(&f);
}

/* Events are discarded just before a rotation, after the last that had room: what tells of them comes before what follows. */
static void test_rotate_discarded(void) {
        g_autofree char *errors = NULL;
        struct fixture f;

        set_up(&f);
        for (unsigned i = 0; i < 6; i++) {
                g_autofree char *chunk = g_strdup_printf("chunk-%u", i + 1);

                write_some(&f, &f.ring, 1);
                g_assert_cmpint(play_flush(&f.play), ==, 0);
                play_ring_discard(&f.ring, 0, 5);
                if (i % 2)
                        g_assert_cmpint(play_stop(&f.play), ==, 0);
                else
                        g_assert_cmpint(play_rotate(&f.play, chunk, 0), ==, 0);
        }
        g_assert_cmpuint(count(f.play.directory, &errors), ==, 6);
        tear_down(&f);
}

static char *metadata_of(struct fixture *f, const char *chunk) {
        g_autofree char *path = g_build_filename(f->play.directory, chunk, "user", "1234", "shared", "metadata", NULL);
        char *text;

        g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
        return text;
}

static void assert_clock(struct fixture *f, const char *chunk, const char *wanted) {
        g_autofree char *text = metadata_of(f, chunk);

        if (!strstr(text, wanted))
                g_error("'%s' is not in: %s", wanted, text);
}

/* What begins anew has the clock as it was measured last; so has a successor, who is told of the first one alone. */
static void test_clock(void) {
        struct consumer_rotate m = {
                .name = "chunk-1",
                .clock_frequency = 1000000123,
                .clock_offset_seconds = 1700000001,
                .clock_offset_ticks = 6,
                .clock_precision = 99,
        };
        static const char first[] = "\tfreq = 1000000000;\n\toffset_s = 1700000000;\n\toffset = 5;\n\tprecision = 77;\n";
        static const char second[] = "\tfreq = 1000000123;\n\toffset_s = 1700000001;\n\toffset = 6;\n\tprecision = 99;\n";
        struct fixture f;

        set_up(&f);
        write_some(&f, &f.ring, 10);
        g_assert_cmpint(play_call(&f.play, CONSUMER_ROTATE, &m, sizeof(m), NULL, 0), ==, 0);
        write_some(&f, &f.ring, 5);
        g_assert_cmpint(play_flush(&f.play), ==, 0);
        assert_clock(&f, "chunk-1", first);
        assert_clock(&f, "", second);
        play_kill(&f.play);
        play_resume(&f.play);
        describe(&f);
        g_assert_cmpint(play_resumed(&f.play), ==, 0);
        /* Of a tracingd that does not say the clock. */
        g_assert_cmpint(play_rotate(&f.play, "chunk-2", 0), ==, 0);
        write_some(&f, &f.ring, 3);
        g_assert_cmpint(play_stop(&f.play), ==, 0);
        assert_clock(&f, "chunk-2", second);
        assert_clock(&f, "", second);
        g_assert_cmpuint(count(f.play.directory, NULL), ==, 18);
        tear_down(&f);
}

/* A name that is taken, or is none, changes nothing; neither does an output that fails. */
static void test_rotate_refused(void) {
        g_autofree char *user = NULL;
        struct fixture f;

        set_up(&f);
        write_some(&f, &f.ring, 10);
        g_assert_cmpint(play_rotate(&f.play, "", 0), ==, EBADMSG);
        g_assert_cmpint(play_rotate(&f.play, "../x", 0), ==, EBADMSG);
        g_assert_cmpint(play_rotate(&f.play, "chunk-1", 0), ==, 0);
        write_some(&f, &f.ring, 10);
        g_assert_cmpint(play_rotate(&f.play, "chunk-1", 0), ==, EEXIST);
        /* Nobody has died: that it was sent before is no excuse. */
        g_assert_cmpint(play_rotate(&f.play, "chunk-1", CONSUMER_RESUME), ==, EEXIST);
        write_some(&f, &f.ring, 10);
        g_assert_cmpint(play_stop(&f.play), ==, 0);
        user = below(&f, "user");
        g_assert_cmpuint(count(user, NULL), ==, 20);
        g_assert_cmpuint(f.play.status->events, ==, 30);
        tear_down(&f);
}

static int rotate_and_keep(struct fixture *f, const char *name, uint32_t keep_kib) {
        struct consumer_rotate m = { .keep_kib = keep_kib };

        strcpy(m.name, name);
        return play_call(&f->play, CONSUMER_ROTATE, &m, sizeof(m), NULL, 0);
}

static bool has_trace(struct fixture *f, const char *chunk) {
        g_autofree char *directory = below(f, chunk), *user = g_build_filename(directory, "user", NULL);

        return g_file_test(user, G_FILE_TEST_EXISTS);
}

/* The oldest ones go, by their numbers; what is not ours stays, and what has another name. */
static void test_trim(void) {
        g_autofree char *named = NULL, *file = NULL, *first = NULL, *second = NULL;
        struct fixture f;

        set_up(&f);
        first = below(&f, "chunk-1");
        second = below(&f, "chunk-2");
        named = below(&f, "chunk-02");
        file = g_build_filename(first, "notes", NULL);
        for (unsigned i = 1; i <= 10; i++) {
                g_autofree char *name = g_strdup_printf("chunk-%u", i);

                write_some(&f, &f.ring, 1);
                g_assert_cmpint(rotate_and_keep(&f, name, 0), ==, 0);
        }
        g_assert_cmpint(play_rotate(&f.play, "chunk-02", 0), ==, 0);
        g_assert_true(g_file_set_contents(file, "mine", -1, NULL));
        g_assert_cmpuint(f.play.status->chunks_removed, ==, 0);
        write_some(&f, &f.ring, 1);
        g_assert_cmpint(rotate_and_keep(&f, "chunk-11", 1024 * 1024), ==, 0);
        g_assert_cmpuint(f.play.status->chunks_removed, ==, 0);
        g_assert_true(has_trace(&f, "chunk-1"));
        write_some(&f, &f.ring, 1);
        /* There is not room for one of them. */
        g_assert_cmpint(rotate_and_keep(&f, "chunk-12", 1), ==, 0);
        g_assert_cmpuint(f.play.status->chunks_removed, ==, 12);
        g_assert_false(has_trace(&f, "chunk-1"));
        g_assert_true(g_file_test(file, G_FILE_TEST_EXISTS));
        g_assert_false(g_file_test(second, G_FILE_TEST_EXISTS));
        g_assert_true(g_file_test(named, G_FILE_TEST_IS_DIR));
        write_some(&f, &f.ring, 3);
        g_assert_cmpint(play_stop(&f.play), ==, 0);
        g_assert_cmpuint(count(f.play.directory, NULL), ==, 3);
        g_assert_cmpuint(f.play.status->events, ==, 15);
        tear_down(&f);
}

/* No chunk is made that has no metadata: it could not be read, nor the output as a whole. */
static void test_rotate_full(void) {
        struct rlimit limit = { 100, RLIM_INFINITY };
        g_autofree char *errors = NULL;
        struct fixture f;

        set_up(&f);
        write_some(&f, &f.ring, 10);
        g_assert_cmpint(prlimit(f.play.pid, RLIMIT_FSIZE, &limit, NULL), ==, 0);
        g_assert_cmpint(play_rotate(&f.play, "chunk-1", 0), ==, 0);
        g_assert_cmpint(play_rotate(&f.play, "chunk-2", 0), ==, EFBIG);
        limit.rlim_cur = RLIM_INFINITY;
        g_assert_cmpint(prlimit(f.play.pid, RLIMIT_FSIZE, &limit, NULL), ==, 0);
        g_assert_cmpint(play_rotate(&f.play, "chunk-2", 0), ==, 0);
        write_some(&f, &f.ring, 10);
        g_assert_cmpint(play_stop(&f.play), ==, 0);
        g_assert_cmpuint(count(f.play.directory, &errors), ==, 10);
        g_assert_nonnull(strstr(errors, "discarded 10 events"));
        tear_down(&f);
}

static void test_clear(void) {
        g_autofree char *user = NULL, *snapshot = NULL, *own = NULL, *chunk = NULL;
        struct packets p = {};
        struct fixture f;

        set_up(&f);
        user = below(&f, "user");
        snapshot = below(&f, "snapshot-1");
        chunk = below(&f, "chunk-1");
        own = play_path(&f.play, "process-1");
        write_some(&f, &f.ring, 10);
        g_assert_cmpint(play_rotate(&f.play, "chunk-1", 0), ==, 0);
        write_some(&f, &f.ring, 10);
        write_some(&f, &f.own, 10);
        write_some(&f, &f.flight, 10);
        play_ring_discard(&f.ring, 0, 5);
        play_ring_discard(&f.flight, 0, 5);
        g_assert_cmpint(play_flush(&f.play), ==, 0);
        g_assert_cmpint(play_release(&f.play, 2, 0), ==, 0);
        write_some(&f, &f.ring, 10);
        g_assert_cmpint(play_clear(&f.play), ==, 0);
        g_assert_cmpuint(f.play.status->events + f.play.status->packets + f.play.status->lost_ring, ==, 0);
        g_assert_cmpuint(f.play.status->bytes, ==, packets_file_size(user, "1234/shared/metadata"));
        g_assert_false(g_file_test(own, G_FILE_TEST_EXISTS));
        g_assert_cmpuint(count(chunk, NULL), ==, 10);
        /* Only what comes from now on, by whom it is, amid the sub-buffer. */
        write_some(&f, &f.ring, 3);
        write_some(&f, &f.flight, 4);
        g_assert_cmpint(play_snapshot(&f.play, "snapshot-1"), ==, 0);
        g_assert_cmpuint(count(snapshot, NULL), ==, 4);
        g_assert_cmpint(play_snapshot(&f.play, ""), ==, 0);
        g_assert_cmpuint(count(user, NULL), ==, 7);
        g_assert_cmpuint(f.play.status->events, ==, 11);
        g_assert_cmpuint(f.play.status->lost_ring + f.play.status->lost_overwrite, ==, 0);
        g_free(own);
        own = play_path(&f.play, "shared");
        packets_read(&p, own, "default", 0);
        g_assert_cmpuint(p.first_sequence, ==, 0);
        g_assert_cmpuint(p.discarded, ==, 0);
        tear_down(&f);
}

/* CLEAR of what was overwritten many times. */
static void test_clear_laps(void) {
        g_autofree char *user = NULL;
        struct fixture f;

        set_up(&f);
        user = below(&f, "user");
        write_some(&f, &f.flight, 5000);
        g_assert_cmpint(play_clear(&f.play), ==, 0);
        g_assert_cmpint(play_clear(&f.play), ==, 0);
        g_assert_cmpuint(f.play.status->lost_overwrite, ==, 0);
        write_some(&f, &f.flight, 500);
        g_assert_cmpint(play_snapshot(&f.play, ""), ==, 0);
        g_assert_cmpuint(count(user, NULL), ==, 500);
        g_assert_cmpuint(f.play.status->lost_overwrite, ==, 0);
        tear_down(&f);
}

int main(int argc, char *argv[]) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/chunk/rotate", test_rotate);
        g_test_add_func("/chunk/clock", test_clock);
        g_test_add_func("/chunk/rotate-discarded", test_rotate_discarded);
        g_test_add_func("/chunk/rotate-refused", test_rotate_refused);
        g_test_add_func("/chunk/rotate-full", test_rotate_full);
        g_test_add_func("/chunk/trim", test_trim);
        g_test_add_func("/chunk/clear", test_clear);
        g_test_add_func("/chunk/clear-laps", test_clear_laps);
        return g_test_run();
}
