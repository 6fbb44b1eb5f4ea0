/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Writers go on while consumers are killed at random moments, one after the
 * other. In the end everything that was emitted is in the files once, or was
 * counted as discarded.
 */

#undef NDEBUG
#include <glib.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "packets.h"
#include "play-tracingd.h"

#define SUBBUF RING_SUBBUF_SIZE_MIN
#define CPUS 2

static const struct definition paid = {
        .provider = "shop", .name = "paid", .n_fields = 1, .fields = { { DEFINITION_U64, "id" } },
};
static const uint32_t paid_id = 1;

struct fixture {
        struct play play;
        struct play_ring ring;
        GThread *writers[CPUS];
        bool stop;
        uint64_t written[CPUS], discarded[CPUS];
};

struct writer {
        struct fixture *f;
        uint32_t cpu;
};

/* In bursts of different sizes, that fill the ring now and then. */
static gpointer write_on(gpointer data) {
        g_autofree struct writer *w = data;
        struct fixture *f = w->f;
        uint64_t id = 0;

        for (unsigned burst = 1; !__atomic_load_n(&f->stop, __ATOMIC_RELAXED); burst = burst * 7 % 1009) {
                for (unsigned i = 0; i < burst / 4; i++) {
                        int32_t tid = 1000 + (int32_t) (++id / 50 % 3);

                        if (play_ring_write(&f->ring, w->cpu, trace_clock_read_monotonic(0), tid, paid_id, &id,
                                            sizeof(id)))
                                f->written[w->cpu]++;
                        else
                                f->discarded[w->cpu]++;
                }
                g_usleep(300);
        }
        return NULL;
}

static void describe(struct fixture *f) {
        g_assert_cmpint(play_rings(&f->play, 1, 0, "shared", "default", &f->ring), ==, 0);
        g_assert_cmpint(play_classes(&f->play, 1, 0, &paid, &paid_id, 1), ==, 0);
}

static void set_up(struct fixture *f) {
        *f = (struct fixture) {};
        play_start(&f->play, NULL);
        play_ring_new(&f->ring, 0, CPUS, 4, SUBBUF, f->play.created);
        describe(f);
        for (uint32_t i = 0; i < CPUS; i++) {
                struct writer *w = g_new(struct writer, 1);

                *w = (struct writer) { f, i };
                f->writers[i] = g_thread_new("writer", write_on, w);
        }
}

static void stop_writers(struct fixture *f) {
        __atomic_store_n(&f->stop, true, __ATOMIC_RELAXED);
        for (unsigned i = 0; i < CPUS; i++)
                g_thread_join(f->writers[i]);
        g_assert_cmpint(play_stop(&f->play), ==, 0);
}

static void tear_down(struct fixture *f) {
        play_ring_done(&f->ring);
        play_done(&f->play);
}

/* directories: where the chunks are, in their order. */
static void assert_exact(struct fixture *f, char **directories) {
        uint64_t events = 0, discarded = 0, packets = 0, bytes = 0;
        const struct consumer_status *s = f->play.status;

        for (unsigned i = 0; i < CPUS; i++) {
                struct packets p = { .has_events = true };

                for (char **d = directories; *d; d++) {
                        g_autofree char *set = g_build_filename(*d, "user", "1234", "shared", NULL);

                        packets_read(&p, set, "default", i);
                        if (i == 0)
                                bytes += packets_file_size(set, "metadata");
                }
                g_assert_cmpuint(p.first_sequence, ==, 0);
                g_assert_cmpuint(p.events, ==, f->written[i]);
                g_assert_cmpuint(p.discarded, ==, f->discarded[i]);
                events += p.events;
                discarded += p.discarded;
                packets += p.n;
                bytes += p.bytes;
        }
        g_test_message("%" G_GUINT64_FORMAT " events, %" G_GUINT64_FORMAT " discarded, %" G_GUINT64_FORMAT " packets",
                       events, discarded, packets);
        g_assert_cmpuint(s->events, ==, events);
        g_assert_cmpuint(s->lost_ring, ==, discarded);
        g_assert_cmpuint(s->packets, ==, packets);
        g_assert_cmpuint(s->bytes, ==, bytes);
        g_assert_cmpuint(s->lost_output + s->lost_garbage + s->lost_overwrite, ==, 0);
}

static int n_kills(void) {
        return g_strcmp0(g_getenv("TRACECTL_TORTURE"), "1") == 0 ? 2000 : 30;
}

static void pause_randomly(void) {
        g_usleep((gulong) g_test_rand_int_range(0, 8000));
}

static void test_random(void) {
        g_autofree char *errors = NULL;
        struct fixture f;

        set_up(&f);
        for (int i = 0; i < n_kills(); i++) {
                struct consumer_header m;

                pause_randomly();
                play_kill(&f.play);
                play_resume(&f.play);
                /* Now and then it does not even hear everything. */
                if (i % 5 == 0) {
                        g_assert_cmpint(play_rings(&f.play, 1, 0, "shared", "default", &f.ring), ==, 0);
                        play_kill(&f.play);
                        play_resume(&f.play);
                }
                describe(&f);
                g_assert_cmpint(play_resumed(&f.play), ==, 0);
                play_send(&f.play, CONSUMER_FLUSH, &m, sizeof(m), NULL, 0);
        }
        stop_writers(&f);
        assert_exact(&f, (char *[]) { f.play.directory, NULL });
        g_strfreev(play_read(f.play.directory, &errors));
        tear_down(&f);
}

/* Rotations that are asked for again until one answers. */
static void test_rotate(void) {
        g_autoptr(GPtrArray) directories = g_ptr_array_new_with_free_func(g_free);
        struct fixture f;

        set_up(&f);
        for (int i = 0; i < n_kills(); i++) {
                struct consumer_rotate m = {};

                g_snprintf(m.name, sizeof(m.name), "chunk-%i", i);
                g_ptr_array_add(directories, g_build_filename(f.play.directory, m.name, NULL));
                play_send(&f.play, CONSUMER_ROTATE, &m, sizeof(m), NULL, 0);
                g_usleep((gulong) g_test_rand_int_range(0, 2000));
                play_kill(&f.play);
                play_resume(&f.play);
                describe(&f);
                g_assert_cmpint(play_resumed(&f.play), ==, 0);
                g_assert_cmpint(play_rotate(&f.play, m.name, CONSUMER_RESUME), ==, 0);
        }
        stop_writers(&f);
        g_ptr_array_add(directories, g_strdup(f.play.directory));
        g_ptr_array_add(directories, NULL);
        assert_exact(&f, (char **) directories->pdata);
        tear_down(&f);
}

int main(int argc, char *argv[]) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/kill/random", test_random);
        g_test_add_func("/kill/rotate", test_rotate);
        return g_test_run();
}
