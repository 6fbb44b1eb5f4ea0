/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Views that are in a message themselves, for rings that the program has. Each test is a process of its own. */

#undef NDEBUG

#include "tests/unit/tracer/world.h"

static void one(struct world *w) {
        world_init(w);
        g_unsetenv("XDG_RUNTIME_DIR");
        program_register();
        world_join(&w->system);
        world_assert_recorded(w, 2, 0);
}

static void send_inline(struct fake_daemon *f, bool on) {
        g_autoptr(GByteArray) view = fake_make_view(f, on);

        g_assert_true(fake_send_inline(f, view, NULL, 0));
}

static void assert_applied(struct fake_daemon *f) {
        g_assert_cmpuint(fake_expect(f, HANDSHAKE_APPLIED).applied, ==, f->generation);
}

static void on_and_off(void) {
        struct world w;

        one(&w);
        for (unsigned i = 0; i < 3; i++) {
                send_inline(&w.system, false);
                assert_applied(&w.system);
                world_assert_recorded(&w, 0, 0);
                send_inline(&w.system, true);
                assert_applied(&w.system);
                world_assert_recorded(&w, 2, 0);
        }
        world_done(&w);
}

/* Rings that it does not have: it asks for them, and records as before until they come. */
static void unknown_rings(void) {
        struct world w;
        uint64_t known;

        one(&w);
        known = w.system.ring_id;
        w.system.ring_id += 100;
        send_inline(&w.system, true);
        g_assert_cmpuint(fake_expect(&w.system, HANDSHAKE_GET).get, ==, w.system.generation);
        world_assert_recorded(&w, 2, 0);
        w.system.ring_id = 0;
        send_inline(&w.system, true);
        (void) fake_expect(&w.system, HANDSHAKE_GET);
        world_assert_recorded(&w, 2, 0);
        w.system.ring_id = known;
        fake_apply(&w.system, HANDSHAKE_CONFIG, true);
        world_assert_recorded(&w, 2, 0);
        world_done(&w);
}

/* What is no view is refused, as one that comes in a file. */
static void broken_view(void) {
        struct world w;
        GByteArray *view;

        one(&w);
        view = fake_make_view(&w.system, true);
        view->data[0] ^= 1;
        g_assert_true(fake_send_inline(&w.system, view, NULL, 0));
        g_assert_cmpuint(fake_expect(&w.system, HANDSHAKE_ERRNO).generation, ==, w.system.generation);
        world_assert_recorded(&w, 0, 0);
        g_byte_array_unref(view);
        /* It has given its rings up with that. */
        send_inline(&w.system, true);
        (void) fake_expect(&w.system, HANDSHAKE_GET);
        fake_apply(&w.system, HANDSHAKE_CONFIG, true);
        world_assert_recorded(&w, 2, 0);
        world_done(&w);
}

/* Descriptors do not come with it: that ends the connection, after which the program comes back. */
static void with_descriptors(void) {
        struct world w;
        GByteArray *view;
        struct handshake h;

        one(&w);
        view = fake_make_view(&w.system, true);
        g_assert_true(fake_send_inline(&w.system, view, &w.system.rings.ring_fd, 1));
        g_byte_array_unref(view);
        g_assert_false(fake_receive(&w.system, &h));
        fake_hang_up(&w.system);
        fake_accept(&w.system);
        fake_apply(&w.system, HANDSHAKE_READY, true);
        world_assert_recorded(&w, 2, 0);
        world_done(&w);
}

int main(int argc, char *argv[]) {
        static const struct world_test tests[] = {
                { .name = "inline/on-and-off", .func = on_and_off },
                { .name = "inline/unknown-rings", .func = unknown_rings },
                { .name = "inline/broken-view", .func = broken_view },
                { .name = "inline/with-descriptors", .func = with_descriptors },
        };

        return world_run_tests(argc, argv, tests, G_N_ELEMENTS(tests));
}
