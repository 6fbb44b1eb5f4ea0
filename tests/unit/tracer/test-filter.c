/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Filters in the library: what passes is in the ring and nothing else, with each
 * kind of call, in both forms of writers, for several actions of one event and
 * for two daemons, while they change, and when a view's filter is broken.
 */

#undef NDEBUG

#include <errno.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "common/clock.h"
#include "protocol/view.h"
#include "tests/unit/tracer/world.h"
#include "tracer/sys.h"
#include "tracer/wait.h"

/* What arrived: class ids and the values. */
static struct {
        uint32_t id[16];
        uint64_t value[16];
        unsigned n;
} seen;

static void note(uint32_t cpu, int32_t pid, int32_t tid, uint64_t time, uint32_t id, const char *payload,
                 uint64_t size, void *userdata) {
        if (seen.n < G_N_ELEMENTS(seen.id)) {
                seen.id[seen.n] = id;
                memcpy(&seen.value[seen.n], payload, sizeof(seen.value[0]));
        }
        seen.n++;
}

static void init(struct world *w, uint32_t form) {
        uint64_t (*payload_size)(uint32_t id, const char *payload, uint64_t room);

        world_init(w);
        payload_size = w->user.reader.payload_size;
        if (form) {
                fixture_done(&w->user.rings);
                fixture_init(&w->user.rings, form, TRACE_CLOCK_TSC, 4, 16384);
        }
        reader_init(&w->user.reader, &w->user.rings, note, NULL);
        w->user.reader.payload_size = payload_size;
}

static void set_filters(struct fake_daemon *f, uint32_t reply, const char *const *filters, uint32_t n) {
        f->filters = filters;
        f->n_filters = n;
        fake_apply(f, reply, true);
}

static void set_filter(struct fake_daemon *f, const char *filter) {
        static const char *one[1];

        one[0] = filter;
        set_filters(f, HANDSHAKE_CONFIG, one, 1);
}

static unsigned consume(struct fake_daemon *f) {
        seen.n = 0;
        (void) fake_consume(f);
        return seen.n;
}

/* The event in question alone is traced, with values 0 to 9; those in the set (bit by bit) must arrive. */
static void assert_passes(struct fake_daemon *f, uint32_t event, const char *filter, uint32_t set) {
        unsigned n = 0;

        g_test_message("%s", filter);
        set_filter(f, filter);
        for (uint64_t value = 0; value < 10; value++)
                if (event == 0)
                        program_trace_fixed(value);
                else
                        program_trace_string(value);
        (void) consume(f);
        for (uint64_t value = 0; value < 10; value++)
                if (set & 1u << value) {
                        g_assert_cmpuint(n, <, seen.n);
                        g_assert_cmpuint(seen.id[n], ==, fake_class_filtered(f, event, 0));
                        g_assert_cmpuint(seen.value[n++], ==, value);
                }
        g_assert_cmpuint(n, ==, seen.n);
}

static void check_values(struct fake_daemon *f) {
        g_autofree char *contexts = g_strdup_printf("$ctx.vpid == %i && $ctx.vtid == %i && $ctx.ip > 0 && value == 3",
                                                    getpid(), sys_gettid());

        assert_passes(f, 0, "value > 6", 0x380);
        assert_passes(f, 0, "value & 1 && value != 5", 0x28a);
        assert_passes(f, 0, "0", 0);
        assert_passes(f, 0, "1", 0x3ff);
        assert_passes(f, 0, "text == '*'", 0); /* a field of the other event */
        assert_passes(f, 1, "text == 'a str*' && value < 2", 3);
        assert_passes(f, 1, "text != 'a str*'", 0);
        assert_passes(f, 1, "value == 9 || text == '*b*'", 0x200);
        assert_passes(f, 1, "value == 'x'", 0);
        g_assert_cmpint(prctl(PR_SET_NAME, "a-name"), ==, 0);
        assert_passes(f, 0, "$ctx.procname == 'a-*' && value == 1", 2);
        assert_passes(f, 1, "$ctx.procname == 'b-*'", 0);
        assert_passes(f, 0, contexts, 8);
        assert_passes(f, 1, contexts, 8);
        /* A call that hands over something else than the event's fields. */
        set_filter(f, "value >= 0");
        program_trace_format("formatted");
        g_assert_cmpuint(consume(f), ==, 0);
        /* Whatever the channel's contexts are. */
        g_assert_cmpuint(fixture_discarded(&f->rings), ==, 0);
}

static void join(struct world *w, uint32_t form) {
        init(w, form);
        program_register();
        world_join(&w->user);
}

static void values_rseq(void) {
        struct world w;

        if (!ring_rseq_of_thread())
                return;
        join(&w, 0);
        check_values(&w.user);
        world_done(&w);
}

static void values_locked(void) {
        struct world w;

        join(&w, RING_LOCKED);
        check_values(&w.user);
        world_done(&w);
}

/* One event in several sessions: each action decides for itself. */
static void several_actions(void) {
        static const char *const filters[] = { "value < 3", NULL, "value == 2", "$ctx.vpid == 0", "value == 2" };
        struct world w;

        join(&w, 0);
        set_filters(&w.user, HANDSHAKE_CONFIG, filters, G_N_ELEMENTS(filters));
        program_trace_fixed(2);
        g_assert_cmpuint(consume(&w.user), ==, 4);
        for (unsigned i = 0; i < 4; i++)
                g_assert_cmpuint(seen.id[i], ==, fake_class_filtered(&w.user, 0, i < 3 ? i : 4));
        program_trace_string(3);
        g_assert_cmpuint(consume(&w.user), ==, 1);
        g_assert_cmpuint(seen.id[0], ==, fake_class_filtered(&w.user, 1, 1));
        world_done(&w);
}

/* What one daemon filters, the other has whole. */
static void two_daemons(void) {
        static const char *const filters[] = { "value == 8" };
        struct world w;

        join(&w, 0);
        world_join(&w.system);
        set_filters(&w.user, HANDSHAKE_CONFIG, filters, 1);
        program_trace(7);
        g_assert_cmpuint(consume(&w.user), ==, 0);
        g_assert_cmpuint(fake_consume(&w.system), ==, 2);
        program_trace(8);
        g_assert_cmpuint(consume(&w.user), ==, 2);
        g_assert_cmpuint(fake_consume(&w.system), ==, 2);
        /* The other way round; then the one that has the filter goes, and its memory with it. */
        set_filters(&w.user, HANDSHAKE_CONFIG, NULL, 0);
        set_filters(&w.system, HANDSHAKE_CONFIG, filters, 1);
        program_trace(7);
        g_assert_cmpuint(consume(&w.user), ==, 2);
        g_assert_cmpuint(fake_consume(&w.system), ==, 0);
        fake_apply(&w.system, HANDSHAKE_CONFIG, false);
        program_trace(8);
        g_assert_cmpuint(consume(&w.user), ==, 2);
        g_assert_cmpuint(fake_consume(&w.system), ==, 0);
        world_done(&w);
}

/* From the first view on, which comes with READY. */
static void from_the_start(void) {
        static const char *const filters[] = { "value == 8" };
        struct world w;

        init(&w, 0);
        w.user.filters = filters;
        w.user.n_filters = 1;
        program_register();
        world_join(&w.user);
        program_trace(7);
        program_trace(8);
        g_assert_cmpuint(consume(&w.user), ==, 2);
        world_done(&w);
}

static gint stop;

static gpointer trace_on(gpointer unused) {
        for (uint64_t i = 0; !g_atomic_int_get(&stop); i++) {
                program_trace_fixed(i % 10);
                program_trace_string(i % 10);
        }
        return NULL;
}

static void only_small(uint32_t cpu, int32_t pid, int32_t tid, uint64_t time, uint32_t id, const char *payload,
                       uint64_t size, void *userdata) {
        uint64_t value;

        memcpy(&value, payload, sizeof(value));
        g_assert_cmpuint(value, <, 4);
}

/* Filters come and go under two threads that trace: no record that none of them lets pass, no memory gone too early. */
static void changed_meanwhile(void) {
        static const char *const texts[] = {
                "value < 4", "value == 2 && $ctx.vpid > 0", "text == '*' && value < 2 || 0", "!(value > 3)",
        };
        struct world w;
        GThread *threads[2];

        join(&w, 0);
        set_filter(&w.user, texts[0]);
        reader_init(&w.user.reader, &w.user.rings, only_small, NULL);
        w.user.reader.payload_size = w.system.reader.payload_size;
        for (unsigned i = 0; i < G_N_ELEMENTS(threads); i++)
                threads[i] = g_thread_new("trace", trace_on, NULL);
        for (unsigned i = 0; i < 300; i++) {
                set_filter(&w.user, texts[i % G_N_ELEMENTS(texts)]);
                (void) fake_consume(&w.user);
        }
        g_atomic_int_set(&stop, 1);
        for (unsigned i = 0; i < G_N_ELEMENTS(threads); i++)
                g_thread_join(threads[i]);
        g_assert_cmpuint(w.user.reader.events, >, 0);
        world_done(&w);
}

/* A view whose filter cannot be run is refused, and nothing is recorded then. */
static void broken(void) {
        static const char *const filters[] = { "value == 8" }, *const others[] = { "value == 7" };
        struct world w;

        join(&w, 0);
        for (unsigned i = 0; i < 2; i++) {
                g_autoptr(GByteArray) view = NULL;
                struct filter_instruction *last;
                struct handshake h;

                set_filters(&w.user, HANDSHAKE_CONFIG, filters, 1);
                program_trace(8);
                g_assert_cmpuint(consume(&w.user), ==, 2);
                w.user.filters = others;
                view = fake_make_view(&w.user, true);
                last = (struct filter_instruction *) (view->data + view->len) - 1;
                if (i == 0)
                        last->op = FILTER_AND; /* PASS */
                else
                        g_byte_array_set_size(view, view->len - 8);
                g_assert_true(fake_send(&w.user, HANDSHAKE_CONFIG, view));
                h = fake_expect(&w.user, HANDSHAKE_ERRNO);
                g_assert_cmpuint(h.error, ==, EBADMSG);
                g_assert_cmpuint(h.generation, ==, w.user.generation);
                program_trace(7);
                program_trace(8);
                g_assert_cmpuint(consume(&w.user), ==, 0);
        }
        world_done(&w);
}

int main(int argc, char **argv) {
        static const struct world_test tests[] = {
                { "/filter/values-rseq", values_rseq, false },
                { "/filter/values-locked", values_locked, false },
                { "/filter/several-actions", several_actions, false },
                { "/filter/two-daemons", two_daemons, false },
                { "/filter/from-the-start", from_the_start, false },
                { "/filter/changed-meanwhile", changed_meanwhile, false },
                { "/filter/broken", broken, false },
        };

        return world_run_tests(argc, argv, tests, G_N_ELEMENTS(tests));
}
