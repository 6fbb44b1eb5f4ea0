/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The consumer is killed and another one goes on: nothing is lost, nothing is there twice. */

#undef NDEBUG
#include <errno.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "packets.h"
#include "play-tracingd.h"

#define SUBBUF RING_SUBBUF_SIZE_MIN
#define CPUS 2

static const struct definition paid = {
        .provider = "shop", .name = "paid", .n_fields = 1, .fields = { { DEFINITION_U64, "id" } },
};
static const struct definition sent = { .provider = "shop", .name = "sent" };
static const uint32_t paid_id = 1, sent_id = 2;

struct fixture {
        struct play play;
        struct play_ring ring, flight, own;
        uint64_t time, id, written, discarded;
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
        play_ring_new(&f->ring, 0, CPUS, 4, SUBBUF, f->play.created);
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

/* Killed, started again, told everything again. */
static void restart(struct fixture *f) {
        play_kill(&f->play);
        play_resume(&f->play);
        describe(f);
        g_assert_cmpint(play_resumed(&f->play), ==, 0);
}

static void write_to(struct fixture *f, struct play_ring *ring, uint32_t cpu) {
        int32_t tid = 1000 + (int32_t) (f->id / 7 % 3);

        f->time += 100;
        f->id++;
        if (play_ring_write(ring, cpu, f->time, tid, paid_id, &f->id, sizeof(f->id)))
                f->written++;
        else
                f->discarded++;
}

static void write_some(struct fixture *f, unsigned n) {
        for (unsigned i = 0; i < n; i++)
                write_to(f, &f->ring, i % CPUS);
}

/* Every id once and in order, by the thread that it is from; as many as the status page says. */
static void assert_events(struct fixture *f, const char *directory, uint64_t n) {
        g_autofree char *errors = NULL;
        g_auto(GStrv) lines = play_read_all(directory, &errors);
        uint64_t events = 0, last = 0;
        int64_t tids[CPUS] = { -1, -1 };

        for (char **line = lines; *line; line++) {
                const char *id = strstr(*line, "{ id = "), *tid = strstr(*line, "tid = ");
                const char *cpu = strstr(*line, "cpu_id = ");
                unsigned c = (unsigned) g_ascii_strtoull(cpu + strlen("cpu_id = "), NULL, 10);
                uint64_t value;

                g_assert_cmpuint(c, <, CPUS);
                if (!id) {
                        g_assert_nonnull(tid);
                        tids[c] = g_ascii_strtoll(tid + strlen("tid = "), NULL, 10);
                        continue;
                }
                value = g_ascii_strtoull(id + strlen("{ id = "), NULL, 10);
                g_assert_cmpuint(value, >, last);
                g_assert_cmpint(tids[c], ==, 1000 + (int64_t) ((value - 1) / 7 % 3));
                last = value;
                events++;
        }
        g_assert_cmpuint(events, ==, n);
}

/* The status page says what the files have. */
static void assert_exact(struct fixture *f) {
        g_autofree char *shared = play_path(&f->play, "shared"), *own = play_path(&f->play, "process-1");
        const struct consumer_status *s = f->play.status;
        uint64_t packets = 0, bytes;

        bytes = packets_file_size(shared, "metadata") + packets_file_size(own, "metadata");
        for (unsigned i = 0; i < CPUS + 2; i++) {
                struct packets p = {};

                packets_read(&p, i <= CPUS ? shared : own, i == CPUS ? "flight" : "default", i < CPUS ? i : 0);
                packets += p.n;
                bytes += p.bytes;
        }
        g_assert_cmpuint(s->packets, ==, packets);
        g_assert_cmpuint(s->bytes, ==, bytes);
        g_assert_cmpuint(s->events, ==, f->written);
        g_assert_cmpuint(s->lost_ring, ==, f->discarded);
        g_assert_cmpuint(s->lost_garbage, ==, 0);
        g_assert_cmpuint(s->lost_output, ==, 0);
}

static void test_between(void) {
        struct fixture f;

        set_up(&f);
        for (int i = 0; i < 5; i++) {
                write_some(&f, 20);
                if (i % 2)
                        g_assert_cmpint(play_flush(&f.play), ==, 0);
                restart(&f);
                write_some(&f, 20);
                /* Until the ring has been full: the consumer may keep up for a while. */
                while (i == 3 && f.discarded == 0)
                        write_some(&f, 6000);
                g_assert_cmpint(play_flush(&f.play), ==, 0);
                assert_exact(&f);
        }
        g_assert_cmpint(play_stop(&f.play), ==, 0);
        assert_exact(&f);
        g_assert_cmpuint(f.discarded, >, 0);
        assert_events(&f, f.play.directory, f.written);
        tear_down(&f);
}

/* Before RESUMED it takes nothing: it does not know every class yet. */
static void test_listens_first(void) {
        struct consumer_header m;
        struct fixture f;

        set_up(&f);
        g_assert_cmpint(play_classes(&f.play, 1, 0, &sent, &sent_id, 1), ==, 0);
        play_kill(&f.play);
        write_some(&f, 10);
        g_assert_true(play_ring_write(&f.ring, 0, f.time += 100, 1000, sent_id, NULL, 0));
        g_assert_true(play_ring_switch(&f.ring, 0, f.time));
        f.written++;
        play_resume(&f.play);
        describe(&f);
        /* A request waits, too. */
        play_send(&f.play, CONSUMER_FLUSH, &m, sizeof(m), NULL, 0);
        /* More than one round and one sleep. */
        for (int i = 0; i < 5; i++)
                g_assert_cmpint(play_rings(&f.play, 1, 0, "shared", "default", &f.ring), ==, EEXIST);
        g_assert_cmpuint(play_ring_consumed(&f.ring, 0), ==, 0);
        play_hang_up(&f.play);
        g_assert_cmpuint(f.play.status->events, ==, 0);
        play_resume(&f.play);
        describe(&f);
        g_assert_cmpint(play_classes(&f.play, 1, 0, &sent, &sent_id, 1), ==, 0);
        g_assert_cmpint(play_resumed(&f.play), ==, 0);
        g_assert_cmpint(play_resumed(&f.play), ==, EBADMSG);
        g_assert_cmpint(play_flush(&f.play), ==, 0);
        assert_exact(&f);
        tear_down(&f);
}

/* What somebody left behind the last whole packet goes; files with less than we wrote are not touched. */
static void test_cut(void) {
        g_autofree char *path = NULL, *index = NULL, *metadata = NULL;
        struct fixture f;
        FILE *file;

        set_up(&f);
        write_some(&f, 20);
        g_assert_cmpint(play_flush(&f.play), ==, 0);
        play_kill(&f.play);
        path = play_path(&f.play, "shared/default_0");
        index = play_path(&f.play, "shared/index/default_1.idx");
        metadata = play_path(&f.play, "shared/metadata");
        for (int i = 0; i < 3; i++) {
                file = g_fopen(i == 0 ? path : i == 1 ? index : metadata, "a");
                fputs("half a packet", file);
                fclose(file);
        }
        play_resume(&f.play);
        describe(&f);
        g_assert_cmpint(play_resumed(&f.play), ==, 0);
        g_assert_cmpint(play_flush(&f.play), ==, 0);
        assert_exact(&f);
        assert_events(&f, f.play.directory, 20);
        play_kill(&f.play);
        g_assert_cmpint(truncate(path, 10), ==, 0);
        play_resume(&f.play);
        describe(&f);
        g_assert_cmpint(play_resumed(&f.play), ==, 0);
        write_some(&f, 20);
        g_assert_cmpint(play_flush(&f.play), ==, 0);
        g_assert_cmpint(f.play.status->output_failure, ==, ESTALE);
        g_assert_cmpuint(f.play.status->lost_output, ==, 10);
        g_assert_cmpuint(packets_file_size(f.play.directory, "user/1234/shared/default_0"), ==, 10);
        tear_down(&f);
}

/* Losses of the output are still known to the next consumer, and told. */
static void test_lost_output(void) {
        g_autofree char *path = NULL, *aside = NULL, *errors = NULL;
        struct fixture f;

        set_up(&f);
        path = play_path(&f.play, "shared/default_0");
        aside = g_strconcat(path, "-aside", NULL);
        write_some(&f, 20);
        g_assert_cmpint(play_flush(&f.play), ==, 0);
        play_kill(&f.play);
        g_assert_cmpint(g_rename(path, aside), ==, 0);
        play_resume(&f.play);
        describe(&f);
        g_assert_cmpint(play_resumed(&f.play), ==, 0);
        write_some(&f, 20);
        g_assert_cmpint(play_flush(&f.play), ==, 0);
        g_assert_cmpuint(f.play.status->lost_output, ==, 10);
        restart(&f);
        g_assert_cmpint(g_rename(aside, path), ==, 0);
        write_some(&f, 20);
        g_assert_cmpint(play_flush(&f.play), ==, 0);
        g_assert_cmpuint(f.play.status->lost_output, ==, 10);
        g_assert_cmpuint(f.play.status->events, ==, 50);
        g_strfreev(play_read(f.play.directory, &errors));
        g_assert_nonnull(strstr(errors, "discarded 10 events"));
        tear_down(&f);
}

/* A released set keeps its counts, whether RELEASE is sent again or not. */
static void test_release(void) {
        struct fixture f;

        set_up(&f);
        write_some(&f, 20);
        for (int i = 0; i < 10; i++)
                write_to(&f, &f.own, 0);
        g_assert_cmpint(play_release(&f.play, 2, 0), ==, 0);
        assert_exact(&f);
        restart(&f);
        g_assert_cmpint(play_release(&f.play, 2, 0), ==, 0);
        g_assert_cmpint(play_flush(&f.play), ==, 0);
        assert_exact(&f);
        play_kill(&f.play);
        play_resume(&f.play);
        g_assert_cmpint(play_rings(&f.play, 1, 0, "shared", "default", &f.ring), ==, 0);
        g_assert_cmpint(play_classes(&f.play, 1, 0, &paid, &paid_id, 1), ==, 0);
        g_assert_cmpint(play_rings(&f.play, 1, 1, "shared", "flight", &f.flight), ==, 0);
        g_assert_cmpint(play_classes(&f.play, 1, 1, &paid, &paid_id, 1), ==, 0);
        g_assert_cmpint(play_resumed(&f.play), ==, 0);
        write_some(&f, 20);
        g_assert_cmpint(play_flush(&f.play), ==, 0);
        assert_exact(&f);
        assert_events(&f, f.play.directory, f.written);
        tear_down(&f);
}

static char *below(struct fixture *f, const char *name) {
        return g_build_filename(f->play.directory, name, NULL);
}

static void test_snapshots(void) {
        g_autofree char *a = NULL;
        struct fixture f;
        uint64_t bytes;

        set_up(&f);
        a = below(&f, "snapshot-1");
        for (int i = 0; i < 50; i++)
                write_to(&f, &f.flight, 0);
        g_assert_cmpint(play_snapshot(&f.play, ""), ==, 0);
        restart(&f);
        for (int i = 0; i < 50; i++)
                write_to(&f, &f.flight, 0);
        g_assert_cmpint(play_snapshot_flags(&f.play, "", CONSUMER_RESUME), ==, 0);
        assert_exact(&f);
        assert_events(&f, f.play.directory, 100);
        g_assert_cmpint(play_snapshot(&f.play, "snapshot-1"), ==, 0);
        assert_events(&f, a, 100);
        g_assert_cmpuint(f.play.status->events, ==, 200);
        bytes = f.play.status->bytes;
        restart(&f);
        /* It was done, and its answer was lost. */
        g_assert_cmpint(play_snapshot_flags(&f.play, "snapshot-1", CONSUMER_RESUME), ==, 0);
        g_assert_cmpuint(f.play.status->events, ==, 200);
        g_assert_cmpuint(f.play.status->bytes, ==, bytes);
        /* Somebody asks for a name that is there. */
        g_assert_cmpint(play_snapshot(&f.play, "snapshot-1"), ==, EEXIST);
        assert_events(&f, a, 100);
        g_assert_cmpuint(f.play.status->lost_overwrite, ==, 0);
        tear_down(&f);
}

int main(int argc, char *argv[]) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/resume/between", test_between);
        g_test_add_func("/resume/listens-first", test_listens_first);
        g_test_add_func("/resume/cut", test_cut);
        g_test_add_func("/resume/lost-output", test_lost_output);
        g_test_add_func("/resume/release", test_release);
        g_test_add_func("/resume/snapshots", test_snapshots);
        return g_test_run();
}
