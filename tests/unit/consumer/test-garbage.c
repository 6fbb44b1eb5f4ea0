/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A neighbour stores nonsense into the ring: it is counted, and the trace stays readable. */

#undef NDEBUG
#include <glib.h>
#include <string.h>

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

static void set_up(struct fixture *f, uint32_t flags) {
        play_start(&f->play, NULL);
        play_ring_new(&f->ring, flags, 1, 4, SUBBUF, f->play.created);
        g_assert_cmpint(play_rings(&f->play, 1, 0, "shared", "default", &f->ring), ==, 0);
        g_assert_cmpint(play_classes(&f->play, 1, 0, &paid, &paid_id, 1), ==, 0);
        f->time = f->play.created;
}

static void tear_down(struct fixture *f) {
        play_ring_done(&f->ring);
        play_done(&f->play);
}

static bool write_paid(struct fixture *f, uint64_t id) {
        f->time += 100;
        return play_ring_write(&f->ring, 0, f->time, 1000, paid_id, &id, sizeof(id));
}

static void assert_events(struct fixture *f, unsigned n) {
        g_auto(GStrv) lines = play_read(f->play.directory, NULL);

        g_assert_cmpuint(f->play.status->events, ==, n);
        g_assert_cmpuint(g_strv_length(lines), ==, n);
}

/* The records before it are kept, those behind it cannot be found; the next look finds records again. */
static void test_in_the_middle(void) {
        g_auto(GStrv) lines = NULL;
        struct fixture f;

        set_up(&f, 0);
        g_assert_true(write_paid(&f, 1));
        play_ring_write_raw(&f.ring, 0, f.time, "\x1e a lot of garbage", 12);
        g_assert_true(write_paid(&f, 2));
        g_assert_cmpint(play_flush(&f.play), ==, 0);
        g_assert_cmpuint(f.play.status->lost_garbage, ==, 12 + 12 + 4 + 8);
        g_assert_cmpuint(play_ring_consumed(&f.ring, 0), ==, play_ring_cpu(&f.ring, 0)->commit.position);
        assert_events(&f, 1);
        g_assert_true(write_paid(&f, 3));
        g_assert_cmpint(play_flush(&f.play), ==, 0);
        assert_events(&f, 2);
        /* Nobody knows any more who wrote that. */
        lines = play_read_all(f.play.directory, NULL);
        g_assert_cmpuint(g_strv_length(lines), ==, 4);
        g_assert_nonnull(strstr(lines[2], "tracectl:thread: { cpu_id = 0 }, { pid = 0, tid = 0 }"));
        tear_down(&f);
}

static void test_nothing_valid(void) {
        struct fixture f;

        set_up(&f, 0);
        play_ring_write_raw(&f.ring, 0, f.time, "\xff\xff\xff\xff\xff\xff\xff\xff", 8);
        g_assert_cmpint(play_stop(&f.play), ==, 0);
        g_assert_cmpuint(f.play.status->lost_garbage, ==, 8);
        g_assert_cmpuint(f.play.status->packets, ==, 0);
        g_assert_true(write_paid(&f, 3));
        g_assert_cmpint(play_stop(&f.play), ==, 0);
        assert_events(&f, 1);
        tear_down(&f);
}

/* Times behind the packet's beginning or in the future are no times. */
static void test_times(void) {
        struct fixture f;
        uint64_t id = 1;

        set_up(&f, 0);
        g_assert_true(play_ring_write(&f.ring, 0, f.play.created - 1000000000, 1000, paid_id, &id, sizeof(id)));
        g_assert_cmpint(play_flush(&f.play), ==, 0);
        g_assert_true(play_ring_write(&f.ring, 0, f.play.created + G_GUINT64_CONSTANT(3600000000000), 1000, paid_id,
                                      &id, sizeof(id)));
        g_assert_cmpint(play_flush(&f.play), ==, 0);
        g_assert_cmpuint(f.play.status->packets, ==, 0);
        g_assert_cmpuint(f.play.status->lost_garbage, >, 0);
        tear_down(&f);
}

/* last_time and a sub-buffer's end_time in the far future, or in the past, do not reach the packets. */
static void test_packet_times(void) {
        struct fixture f;

        set_up(&f, 0);
        g_assert_true(write_paid(&f, 1));
        play_ring_cpu(&f.ring, 0)->last_time = UINT64_MAX;
        g_assert_cmpint(play_flush(&f.play), ==, 0);
        f.time += G_GUINT64_CONSTANT(11000000000);
        g_assert_cmpuint(f.play.status->events, ==, 1);
        g_assert_cmpint(play_flush(&f.play), ==, 0);
        assert_events(&f, 1);
        tear_down(&f);

        set_up(&f, 0);
        g_assert_true(write_paid(&f, 1));
        play_ring_cpu(&f.ring, 0)->last_time = 1;
        g_assert_cmpint(play_flush(&f.play), ==, 0);
        g_assert_true(write_paid(&f, 2));
        g_assert_true(play_ring_switch(&f.ring, 0, 5));
        g_assert_true(write_paid(&f, 3));
        g_assert_cmpint(play_flush(&f.play), ==, 0);
        assert_events(&f, 3);
        tear_down(&f);
}

/* The words that say where the records are. */
static void test_positions(void) {
        static const uint64_t positions[] = { 0, 1, SUBBUF, 3 * SUBBUF + 7, UINT64_C(1) << 40, UINT64_MAX - 5 };
        static const uint64_t limits[] = { 0, 1, SUBBUF, 2 * SUBBUF, 100 * SUBBUF, UINT64_C(1) << 50, UINT64_MAX };

        for (unsigned i = 0; i < G_N_ELEMENTS(positions); i++)
                for (unsigned j = 0; j < G_N_ELEMENTS(limits); j++) {
                        struct ring_cpu *c;
                        struct fixture f;

                        set_up(&f, 0);
                        c = play_ring_cpu(&f.ring, 0);
                        g_assert_true(write_paid(&f, 1));
                        g_assert_cmpint(play_flush(&f.play), ==, 0);
                        memset(c->subbuf, (int) (0x5a + i * j), 8 * sizeof(c->subbuf[0]));
                        __atomic_store_n(&c->commit.position, positions[i], __ATOMIC_RELEASE);
                        __atomic_store_n(&c->limit, limits[j], __ATOMIC_RELEASE);
                        for (int k = 0; k < 3; k++)
                                g_assert_cmpint(play_flush(&f.play), ==, 0);
                        g_assert_cmpint(play_stop(&f.play), ==, 0);
                        play_hang_up(&f.play);
                        assert_events(&f, 1);
                        tear_down(&f);
                }
}

/* A ring whose limit was moved far away is found again there: honest writers go on. */
static void test_moved_limit(void) {
        struct ring_cpu *c;
        struct fixture f;

        set_up(&f, 0);
        c = play_ring_cpu(&f.ring, 0);
        g_assert_true(write_paid(&f, 1));
        g_assert_cmpint(play_flush(&f.play), ==, 0);
        __atomic_store_n(&c->limit, 1000 * SUBBUF, __ATOMIC_RELEASE);
        g_assert_cmpint(play_flush(&f.play), ==, 0);
        g_assert_cmpuint(play_ring_consumed(&f.ring, 0), ==, 999 * SUBBUF);
        /* What was before it nobody has read, and nobody knows. */
        g_assert_cmpuint(f.play.status->lost_garbage, >=, SUBBUF);
        g_assert_true(write_paid(&f, 2));
        g_assert_cmpint(play_flush(&f.play), ==, 0);
        assert_events(&f, 2);
        tear_down(&f);
}

/* A counter that goes back or leaps is not believed; afterwards it counts again. */
static void test_discarded(void) {
        struct ring_cpu *c;
        struct fixture f;

        set_up(&f, 0);
        c = play_ring_cpu(&f.ring, 0);
        c->discarded = 5;
        g_assert_cmpint(play_flush(&f.play), ==, 0);
        g_assert_cmpuint(f.play.status->lost_ring, ==, 5);
        c->discarded = UINT64_MAX - 10;
        g_assert_cmpint(play_flush(&f.play), ==, 0);
        g_assert_cmpuint(f.play.status->lost_ring, ==, 5);
        c->discarded = 0;
        g_assert_cmpint(play_flush(&f.play), ==, 0);
        c->discarded = 2;
        g_assert_cmpint(play_flush(&f.play), ==, 0);
        g_assert_cmpuint(f.play.status->lost_ring, ==, 7);
        tear_down(&f);
}

/* Of a ring that overwrites: where a snapshot begins follows from words of the writers', which may be anything. */
static void test_overwrite(void) {
        static const uint64_t limits[] = { 0, 1, SUBBUF + 1, 4 * SUBBUF, 1000 * SUBBUF, UINT64_MAX / 2, UINT64_MAX };

        for (size_t i = 0; i < G_N_ELEMENTS(limits); i++)
                for (int word = 0; word < 3; word++) {
                        struct ring_cpu *c;
                        struct fixture f;

                        set_up(&f, RING_OVERWRITE);
                        c = play_ring_cpu(&f.ring, 0);
                        g_assert_true(write_paid(&f, 1));
                        g_assert_cmpint(play_snapshot(&f.play, ""), ==, 0);
                        __atomic_store_n(word == 0   ? &c->limit
                                         : word == 1 ? &c->commit.position
                                                     : &c->subbuf[0].end, limits[i], __ATOMIC_RELEASE);
                        g_assert_cmpint(play_snapshot(&f.play, ""), ==, 0);
                        g_assert_cmpint(play_snapshot(&f.play, ""), ==, 0);
                        g_assert_cmpuint(f.play.status->events, <=, 2);
                        assert_events(&f, (unsigned) f.play.status->events);
                        tear_down(&f);
                }
}

static void spoil(struct fixture *f) {
        struct ring_cpu *c = play_ring_cpu(&f->ring, 0);
        uint64_t k = (uint64_t) g_test_rand_int_range(0, 8);

        switch (g_test_rand_int_range(0, 6)) {
        case 0:
                __atomic_store_n(&c->commit.position, c->commit.position + (uint64_t) g_test_rand_int() % 9000,
                                 __ATOMIC_RELEASE);
                break;
        case 1:
                __atomic_store_n(&c->limit, c->limit + SUBBUF * (uint64_t) g_test_rand_int_range(0, 9),
                                 __ATOMIC_RELEASE);
                break;
        case 2:
                c->subbuf[k].end = (uint64_t) g_test_rand_int();
                break;
        case 3:
                c->subbuf[k].end_time = f->time + (uint64_t) g_test_rand_int();
                break;
        case 4:
                ring_data_at(&f->ring.geometry, f->ring.ring, 0)[g_test_rand_int_range(0, 4 * SUBBUF)] =
                        (char) g_test_rand_int();
                break;
        default:
                c->last_time = f->time + (uint64_t) g_test_rand_int_range(-1000, 1000);
                break;
        }
}

/* Random words and bytes, seeded: never an unreadable trace, never the end of the consumer. */
static void test_random(gconstpointer data) {
        uint32_t flags = GPOINTER_TO_UINT(data);
        g_auto(GStrv) lines = NULL, complaints = NULL;
        g_autofree char *errors = NULL;
        struct fixture f;

        set_up(&f, flags);
        for (int i = 0; i < 300; i++) {
                for (int j = g_test_rand_int_range(0, 60); j >= 0; j--)
                        (void) write_paid(&f, (uint64_t) j);
                spoil(&f);
                if (i % 3 == 0)
                        g_assert_cmpint(flags ? play_snapshot(&f.play, "") : play_flush(&f.play), ==, 0);
        }
        g_assert_cmpuint(f.play.status->events, >, 0);
        g_assert_cmpuint(f.play.status->lost_garbage, >, 0);
        play_hang_up(&f.play);
        lines = play_read(f.play.directory, &errors);
        g_assert_cmpuint(g_strv_length(lines), ==, f.play.status->events);
        /* The writer may have found no room in what is left of the ring; nothing else is worth a warning. */
        complaints = g_strsplit(errors, "\n", -1);
        for (char **line = complaints; *line && **line; line++)
                g_assert_true(g_str_has_prefix(*line, "WARNING: Tracer discarded "));
        tear_down(&f);
}

int main(int argc, char *argv[]) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/garbage/in-the-middle", test_in_the_middle);
        g_test_add_func("/garbage/nothing-valid", test_nothing_valid);
        g_test_add_func("/garbage/times", test_times);
        g_test_add_func("/garbage/packet-times", test_packet_times);
        g_test_add_func("/garbage/positions", test_positions);
        g_test_add_func("/garbage/moved-limit", test_moved_limit);
        g_test_add_func("/garbage/discarded", test_discarded);
        g_test_add_func("/garbage/overwrite", test_overwrite);
        g_test_add_data_func("/garbage/random", GUINT_TO_POINTER(0), test_random);
        g_test_add_data_func("/garbage/random-overwrite", GUINT_TO_POINTER(RING_OVERWRITE), test_random);
        return g_test_run();
}
