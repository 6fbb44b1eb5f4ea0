/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Discard rings, through the real consumer, read by babeltrace2. */

#undef NDEBUG
#include <glib.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include "play-tracingd.h"
#include "protocol/ctf.h"

#define SUBBUF RING_SUBBUF_SIZE_MIN

static const struct definition paid = {
        .provider = "shop",
        .name = "paid",
        .loglevel = 6,
        .n_fields = 1,
        .fields = { { DEFINITION_U64, "id" } },
};

static const uint32_t paid_id = 1;

struct fixture {
        struct play play;
        struct play_ring ring;
        uint64_t time;
};

static void set_up(struct fixture *f, uint32_t n_cpus, uint32_t n_subbufs) {
        play_start(&f->play, NULL);
        play_ring_new(&f->ring, 0, n_cpus, n_subbufs, SUBBUF, f->play.created);
        g_assert_cmpint(play_rings(&f->play, 1, 0, "shared", "default", &f->ring), ==, 0);
        g_assert_cmpint(play_classes(&f->play, 1, 0, &paid, &paid_id, 1), ==, 0);
        f->time = f->play.created;
}

static void tear_down(struct fixture *f) {
        play_ring_done(&f->ring);
        play_done(&f->play);
}

static bool write_paid(struct fixture *f, uint32_t cpu, uint64_t id) {
        f->time += 100;
        return play_ring_write(&f->ring, cpu, f->time, 1000 + (int32_t) cpu, paid_id, &id, sizeof(id));
}

static void assert_paid(char **lines, unsigned i, uint64_t time, uint32_t cpu, uint64_t id) {
        g_autofree char *expected = g_strdup_printf(
                "[%020" G_GUINT64_FORMAT "] shop:paid: { cpu_id = %u }, { id = %" G_GUINT64_FORMAT " }", time, cpu, id);

        g_assert_cmpstr(lines[i], ==, expected);
}

static void test_events(void) {
        g_auto(GStrv) lines = NULL;
        struct fixture f;

        set_up(&f, 2, 4);
        for (uint64_t i = 0; i < 20; i++)
                g_assert_true(write_paid(&f, i % 2, i));
        g_assert_cmpint(play_flush(&f.play), ==, 0);
        g_assert_cmpuint(f.play.status->events, ==, 20);
        g_assert_cmpuint(f.play.status->packets, ==, 2);
        lines = play_read(f.play.directory, NULL);
        g_assert_cmpuint(g_strv_length(lines), ==, 20);
        for (unsigned i = 0; i < 20; i++)
                assert_paid(lines, i, f.play.created + 100 * (i + 1), i % 2, i);
        tear_down(&f);
}

static void test_no_events(void) {
        g_auto(GStrv) lines = NULL;
        struct fixture f;

        set_up(&f, 2, 4);
        g_assert_cmpint(play_stop(&f.play), ==, 0);
        g_assert_cmpuint(f.play.status->packets, ==, 0);
        lines = play_read(f.play.directory, NULL);
        g_assert_cmpuint(g_strv_length(lines), ==, 0);
        tear_down(&f);
}

/* The sub-buffers go round several times; the writer never runs into the consumer. */
static void test_many_subbufs(void) {
        g_auto(GStrv) lines = NULL;
        const unsigned n = 5000;
        struct fixture f;

        set_up(&f, 1, 4);
        for (uint64_t i = 0; i < n; i++) {
                struct ring_cpu *c = play_ring_cpu(&f.ring, 0);

                while (c->limit - c->commit.position < 64 &&
                       c->limit + SUBBUF - play_ring_consumed(&f.ring, 0) > 4 * SUBBUF)
                        g_thread_yield();
                g_assert_true(write_paid(&f, 0, i));
        }
        play_hang_up(&f.play);
        g_assert_cmpuint(f.play.status->events, ==, n);
        g_assert_cmpuint(f.play.status->lost_ring, ==, 0);
        g_assert_cmpuint(f.play.status->packets, >, 10);
        lines = play_read(f.play.directory, NULL);
        g_assert_cmpuint(g_strv_length(lines), ==, n);
        for (unsigned i = 0; i < n; i++)
                assert_paid(lines, i, f.play.created + 100 * (i + 1), 0, i);
        tear_down(&f);
}

/* Packets cut in the middle of a sub-buffer, and events that are far apart. */
static void test_partial(void) {
        g_auto(GStrv) lines = NULL;
        struct fixture f;

        set_up(&f, 1, 4);
        for (uint64_t i = 0; i < 10; i++) {
                g_assert_true(write_paid(&f, 0, i));
                f.time += i * 30000000;
                g_assert_true(write_paid(&f, 0, 100 + i));
                g_assert_cmpint(play_flush(&f.play), ==, 0);
                g_assert_cmpuint(f.play.status->packets, ==, i + 1);
                g_assert_cmpuint(play_ring_consumed(&f.ring, 0), ==, play_ring_cpu(&f.ring, 0)->commit.position);
        }
        g_assert_cmpint(play_flush(&f.play), ==, 0);
        g_assert_cmpuint(f.play.status->packets, ==, 10);
        lines = play_read(f.play.directory, NULL);
        g_assert_cmpuint(g_strv_length(lines), ==, 20);
        for (unsigned i = 0; i < 10; i++)
                g_assert_nonnull(strstr(lines[2 * i + 1], "{ id = 10"));
        tear_down(&f);
}

/* Without any message: an idle ring's content reaches the disk. */
static void test_timer(void) {
        struct fixture f;

        set_up(&f, 1, 4);
        g_assert_true(write_paid(&f, 0, 1));
        play_wait_for(&f.play.status->events, 1);
        tear_down(&f);
}

/* A writer that enters a sub-buffer wakes a consumer that sleeps, long before its sleep would end. */
static void test_wake(void) {
        const unsigned n = 40;
        unsigned quick = 0;
        struct fixture f;

        set_up(&f, 1, 2);
        for (unsigned i = 0; i < n; i++) {
                gint64 start;

                g_assert_true(write_paid(&f, 0, i));
                while (!__atomic_load_n(&f.ring.positions->sleeping, __ATOMIC_ACQUIRE))
                        g_thread_yield();
                start = g_get_monotonic_time();
                g_assert_true(play_ring_switch(&f.ring, 0, f.time));
                while (play_ring_consumed(&f.ring, 0) < (i + 1) * SUBBUF)
                        g_thread_yield();
                quick += g_get_monotonic_time() - start < G_USEC_PER_SEC / 50;
        }
        g_assert_cmpuint(quick, >, n / 2);
        g_assert_cmpuint(f.play.status->lost_ring, ==, 0);
        tear_down(&f);
}

/* A sub-buffer that has been filled to its last byte is no puzzle. */
static void test_exactly_full(void) {
        g_auto(GStrv) lines = NULL;
        char filler[SUBBUF] = {};
        struct definition text = {
                .provider = "shop", .name = "text", .n_fields = 1, .fields = { { DEFINITION_TEXT, "t" } },
        };
        uint32_t text_id = 2, length;
        struct fixture f;

        set_up(&f, 1, 4);
        g_assert_cmpint(play_classes(&f.play, 1, 0, &text, &text_id, 1), ==, 0);
        length = SUBBUF - CTF_COMPACT_SIZE - CTF_THREAD_PAYLOAD - CTF_COMPACT_SIZE - 4;
        memset(filler, 'x', sizeof(filler));
        memcpy(filler, &length, 4);
        f.time += 100;
        g_assert_true(play_ring_write(&f.ring, 0, f.time, 1000, text_id, filler, 4 + length));
        g_assert_cmpuint(play_ring_cpu(&f.ring, 0)->commit.position, ==, SUBBUF);
        g_assert_cmpint(play_flush(&f.play), ==, 0);
        g_assert_cmpuint(f.play.status->events, ==, 1);
        g_assert_true(write_paid(&f, 0, 1));
        g_assert_cmpint(play_flush(&f.play), ==, 0);
        g_assert_cmpuint(f.play.status->events, ==, 2);
        g_assert_cmpuint(f.play.status->lost_garbage, ==, 0);
        lines = play_read(f.play.directory, NULL);
        g_assert_cmpuint(g_strv_length(lines), ==, 2);
        tear_down(&f);
}

/* Every discarded event is in the packets, also where no event follows it. */
static void test_discarded(void) {
        g_auto(GStrv) lines = NULL;
        g_autofree char *errors = NULL;
        struct fixture f;

        set_up(&f, 1, 4);
        g_assert_true(write_paid(&f, 0, 1));
        g_assert_cmpint(play_flush(&f.play), ==, 0);
        play_ring_discard(&f.ring, 0, 3);
        g_assert_true(write_paid(&f, 0, 2));
        g_assert_cmpint(play_flush(&f.play), ==, 0);
        g_assert_cmpuint(f.play.status->lost_ring, ==, 3);
        play_ring_discard(&f.ring, 0, 4);
        g_assert_cmpint(play_flush(&f.play), ==, 0);
        g_assert_cmpuint(f.play.status->packets, ==, 2);
        g_assert_cmpuint(f.play.status->lost_ring, ==, 7);
        g_assert_cmpint(play_stop(&f.play), ==, 0);
        g_assert_cmpuint(f.play.status->packets, ==, 3);
        g_assert_cmpint(play_stop(&f.play), ==, 0);
        g_assert_cmpuint(f.play.status->packets, ==, 3);
        lines = play_read(f.play.directory, &errors);
        g_assert_cmpuint(g_strv_length(lines), ==, 2);
        g_assert_nonnull(strstr(errors, "discarded 3 events"));
        g_assert_nonnull(strstr(errors, "discarded 4 events"));
        tear_down(&f);
}

/* A ring that nobody empties in time: written + discarded = emitted, by babeltrace2 too. */
static void test_full_ring(void) {
        g_auto(GStrv) lines = NULL;
        g_autofree char *errors = NULL, *expected = NULL;
        unsigned recorded = 0, n = 3000;
        struct fixture f;

        set_up(&f, 1, 4);
        g_assert_cmpint(kill(f.play.pid, SIGSTOP), ==, 0);
        g_assert_cmpint(waitpid(f.play.pid, NULL, WUNTRACED), ==, f.play.pid);
        for (uint64_t i = 0; i < n; i++)
                recorded += write_paid(&f, 0, i);
        g_assert_cmpint(kill(f.play.pid, SIGCONT), ==, 0);
        g_assert_cmpuint(recorded, <, n);
        g_assert_cmpint(play_stop(&f.play), ==, 0);
        g_assert_cmpuint(f.play.status->events, ==, recorded);
        g_assert_cmpuint(f.play.status->lost_ring, ==, n - recorded);
        lines = play_read(f.play.directory, &errors);
        g_assert_cmpuint(g_strv_length(lines), ==, recorded);
        expected = g_strdup_printf("discarded %u events", n - recorded);
        g_assert_nonnull(strstr(errors, expected));
        tear_down(&f);
}

/* Events discarded before the first packet there is. */
static void test_discarded_only(void) {
        struct fixture f;
        g_auto(GStrv) lines = NULL;
        g_autofree char *errors = NULL;

        set_up(&f, 2, 4);
        play_ring_discard(&f.ring, 1, 5);
        play_hang_up(&f.play);
        g_assert_cmpuint(f.play.status->lost_ring, ==, 5);
        g_assert_cmpuint(f.play.status->packets, ==, 2);
        lines = play_read(f.play.directory, &errors);
        g_assert_cmpuint(g_strv_length(lines), ==, 0);
        g_assert_nonnull(strstr(errors, "discarded 5 events"));
        tear_down(&f);
}

static void test_extended_ids(void) {
        const uint32_t ids[] = { 29, 32, 1000, 70000 };
        struct definition definitions[G_N_ELEMENTS(ids)];
        g_auto(GStrv) lines = NULL;
        struct fixture f;

        set_up(&f, 1, 4);
        for (unsigned i = 0; i < G_N_ELEMENTS(ids); i++) {
                static const char *const names[] = { "a", "b", "c", "d" };

                definitions[i] = (struct definition) { .provider = "many", .name = names[i], .loglevel = 200 };
        }
        g_assert_cmpint(play_classes(&f.play, 1, 0, definitions, ids, G_N_ELEMENTS(ids)), ==, 0);
        for (unsigned i = 0; i < G_N_ELEMENTS(ids); i++)
                g_assert_true(play_ring_write(&f.ring, 0, f.time += 100, 1000, ids[i], NULL, 0));
        g_assert_cmpint(play_flush(&f.play), ==, 0);
        lines = play_read(f.play.directory, NULL);
        g_assert_cmpuint(g_strv_length(lines), ==, 4);
        g_assert_nonnull(strstr(lines[0], "many:a:"));
        g_assert_nonnull(strstr(lines[1], "many:b:"));
        g_assert_nonnull(strstr(lines[2], "many:c:"));
        g_assert_nonnull(strstr(lines[3], "many:d:"));
        tear_down(&f);
}

/* Each event is preceded by its thread where that changes. */
static void test_threads(void) {
        g_auto(GStrv) lines = NULL;
        uint64_t id = 1;
        struct fixture f;

        set_up(&f, 1, 4);
        for (int32_t tid = 5; tid < 8; tid++)
                for (int i = 0; i < 2; i++)
                        g_assert_true(play_ring_write(&f.ring, 0, f.time += 100, tid, paid_id, &id, sizeof(id)));
        g_assert_cmpint(play_flush(&f.play), ==, 0);
        g_assert_cmpuint(f.play.status->events, ==, 6);
        lines = play_read_all(f.play.directory, NULL);
        g_assert_cmpuint(g_strv_length(lines), ==, 9);
        for (unsigned i = 0; i < 3; i++) {
                g_autofree char *thread = g_strdup_printf("tracectl:thread: { cpu_id = 0 }, { pid = 77, tid = %u }",
                                                          5 + i);

                g_assert_nonnull(strstr(lines[3 * i], thread));
        }
        tear_down(&f);
}

/* Two channels of one set and a second set: three rings, two traces. */
static void test_sets(void) {
        g_auto(GStrv) lines = NULL;
        g_autofree char *file = NULL;
        struct play_ring second, other;
        uint64_t id = 5;
        struct fixture f;

        set_up(&f, 1, 4);
        play_ring_new(&second, 0, 1, 4, SUBBUF, f.play.created);
        play_ring_new(&other, RING_LOCKED, 1, 4, SUBBUF, f.play.created);
        g_assert_cmpint(play_rings(&f.play, 1, 1, "shared", "extra", &second), ==, 0);
        g_assert_cmpint(play_rings(&f.play, 2, 0, "process-12", "default", &other), ==, 0);
        g_assert_cmpint(play_classes(&f.play, 1, 1, &paid, &paid_id, 1), ==, 0);
        g_assert_cmpint(play_classes(&f.play, 2, 0, &paid, &paid_id, 1), ==, 0);
        g_assert_true(play_ring_write(&second, 0, f.time += 100, 1, paid_id, &id, sizeof(id)));
        g_assert_true(write_paid(&f, 0, 6));
        id = 7;
        g_assert_true(play_ring_write(&other, 0, f.time += 100, 1, paid_id, &id, sizeof(id)));
        g_assert_cmpint(play_release(&f.play, 2, 0), ==, 0);
        g_assert_cmpint(play_release(&f.play, 2, 0), ==, ENOENT);
        file = play_path(&f.play, "process-12/index/default_0.idx");
        g_assert_true(g_file_test(file, G_FILE_TEST_IS_REGULAR));
        play_hang_up(&f.play);
        lines = play_read(f.play.directory, NULL);
        g_assert_cmpuint(g_strv_length(lines), ==, 3);
        for (unsigned i = 0; i < 3; i++)
                assert_paid(lines, i, f.play.created + 100 * (i + 1), 0, 5 + i);
        play_ring_done(&second);
        play_ring_done(&other);
        tear_down(&f);
}

/* SIGTERM ends the consumer as a hang-up does. */
static void test_terminate(void) {
        struct fixture f;

        set_up(&f, 1, 4);
        g_assert_true(write_paid(&f, 0, 1));
        g_assert_cmpint(kill(f.play.pid, SIGTERM), ==, 0);
        play_wait_for(&f.play.status->events, 1);
        tear_down(&f);
}

int main(int argc, char *argv[]) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/drain/events", test_events);
        g_test_add_func("/drain/no-events", test_no_events);
        g_test_add_func("/drain/many-sub-buffers", test_many_subbufs);
        g_test_add_func("/drain/partial", test_partial);
        g_test_add_func("/drain/timer", test_timer);
        g_test_add_func("/drain/wake", test_wake);
        g_test_add_func("/drain/exactly-full", test_exactly_full);
        g_test_add_func("/drain/discarded", test_discarded);
        g_test_add_func("/drain/full-ring", test_full_ring);
        g_test_add_func("/drain/discarded-only", test_discarded_only);
        g_test_add_func("/drain/extended-ids", test_extended_ids);
        g_test_add_func("/drain/threads", test_threads);
        g_test_add_func("/drain/sets", test_sets);
        g_test_add_func("/drain/terminate", test_terminate);
        return g_test_run();
}
