/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Which views are in the message themselves, without descriptors. */

#include "fixture.h"

#define SESSION "org.tracectl.Tracing1.Session"
#define LARGE 300 /* events: their actions have no room in a message */

static const char *const shop[] = { "shop:order_paid", "shop:order_sent", "store:opened", NULL };

static int on_reply(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        bool *done = userdata;

        g_assert_false(sd_bus_message_is_method_error(m, NULL));
        *done = true;
        return 0;
}

struct change {
        sd_bus_slot *slot;
        bool done;
};

static void begin(struct fixture *f, struct change *c, const char *session, const char *member, const char *types, ...) {
        sd_bus_message *m = NULL;
        va_list ap;

        c->done = false;
        g_assert_cmpint(sd_bus_message_new_method_call(f->bus, &m, NULL, session, SESSION, member), >=, 0);
        va_start(ap, types);
        g_assert_cmpint(sd_bus_message_appendv(m, types, ap), >=, 0);
        va_end(ap);
        g_assert_cmpint(sd_bus_call_async(f->bus, &c->slot, m, on_reply, &c->done, 0), >=, 0);
        g_assert_cmpint(sd_bus_flush(f->bus), >=, 0);
        sd_bus_message_unref(m);
}

static void finish(struct fixture *f, struct change *c) {
        while (!c->done) {
                int r = sd_bus_process(f->bus, NULL);

                g_assert_cmpint(r, >=, 0);
                if (r == 0)
                        g_assert_cmpint(sd_bus_wait(f->bus, WAIT_SECONDS * G_USEC_PER_SEC), >, 0);
        }
        sd_bus_slot_unref(c->slot);
}

/* Enables, and has the application apply it; whether the view was in the message. */
static bool enable(struct fixture *f, struct fake_application *a, const char *session, const char *pattern) {
        struct change c;

        begin(f, &c, session, "EnableEvent", "sssa{sv}", "user", "", pattern, 0);
        fake_application_apply(a);
        finish(f, &c);
        return a->inline_data;
}

static bool start_or_stop(struct fixture *f, struct fake_application *a, const char *session, const char *member) {
        struct change c;

        begin(f, &c, session, member, "a{sv}", 0);
        fake_application_apply(a);
        finish(f, &c);
        return a->inline_data;
}

static struct fake_application *new_application(struct fixture *f, const char *const *events, uint32_t minor) {
        struct fake_application *a = fake_application_connect(f);

        a->minor = minor;
        fake_application_begin(a, events, 0);
        fake_application_send(a, &(struct handshake) { .keys = HANDSHAKE_APPLIED, .applied = a->generation }, NULL, 0);
        return a;
}

static void test_known_rings(void) {
        struct fixture *f = fixture_new();
        g_autofree char *session = fixture_session(f, "s");
        struct fake_application *a = new_application(f, shop, HANDSHAKE_MINOR_INLINE);

        fixture_ok(f, session, SESSION, "Start", "a{sv}", 0);
        /* Its rings come with the first, and are all that the next one needs. */
        g_assert_false(enable(f, a, session, "shop:order_paid"));
        g_assert_cmpuint(a->n_fds, ==, 3);
        g_assert_true(enable(f, a, session, "store:opened"));
        g_assert_cmpuint(fake_application_class(a, 0, NULL), >, 0);
        g_assert_cmpuint(fake_application_class(a, 1, NULL), ==, 0);
        g_assert_cmpuint(fake_application_class(a, 2, NULL), >, 0);
        /* Stop takes them away; Start brings them again. */
        g_assert_true(start_or_stop(f, a, session, "Stop"));
        g_assert_cmpuint(a->view.n_actions, ==, 0);
        g_assert_false(start_or_stop(f, a, session, "Start"));
        fake_application_free(a);
        fixture_free(f);
}

/* It says that it does not have them: it gets all of it. */
static void test_asked_for(void) {
        struct fixture *f = fixture_new();
        g_autofree char *session = fixture_session(f, "s");
        struct fake_application *a = new_application(f, shop, HANDSHAKE_MINOR_INLINE);
        struct change c;
        uint64_t generation;

        fixture_ok(f, session, SESSION, "Start", "a{sv}", 0);
        (void) enable(f, a, session, "shop:order_paid");
        begin(f, &c, session, "EnableEvent", "sssa{sv}", "user", "", "store:*", 0);
        g_assert_true(fake_application_recv(a).keys & HANDSHAKE_CONFIG);
        g_assert_nonnull(a->inline_data);
        generation = a->generation;
        fake_application_send(a, &(struct handshake) { .keys = HANDSHAKE_GET, .get = generation }, NULL, 0);
        fake_application_apply(a);
        finish(f, &c);
        g_assert_null(a->inline_data);
        g_assert_cmpuint(a->n_fds, ==, 3);
        g_assert_cmpuint(a->generation, ==, generation);
        fake_application_free(a);
        fixture_free(f);
}

static void test_earlier_version(void) {
        struct fixture *f = fixture_new();
        g_autofree char *session = fixture_session(f, "s");
        struct fake_application *a = new_application(f, shop, HANDSHAKE_MINOR_INLINE - 1);

        fixture_ok(f, session, SESSION, "Start", "a{sv}", 0);
        g_assert_false(enable(f, a, session, "shop:order_paid"));
        g_assert_false(enable(f, a, session, "store:opened"));
        g_assert_cmpuint(a->n_fds, ==, 3);
        fake_application_free(a);
        fixture_free(f);
}

static void test_large(void) {
        struct fixture *f = fixture_new();
        g_autofree char *session = fixture_session(f, "s");
        g_autofree const char **events = g_new0(const char *, LARGE + 1);
        struct fake_application *a;

        for (unsigned i = 0; i < LARGE; i++)
                events[i] = g_strdup_printf("large:event_%u", i);
        a = new_application(f, events, HANDSHAKE_MINOR_INLINE);
        fixture_ok(f, session, SESSION, "Start", "a{sv}", 0);
        g_assert_false(enable(f, a, session, "large:event_1"));
        g_assert_true(enable(f, a, session, "large:event_2"));
        g_assert_false(enable(f, a, session, "large:*"));
        g_assert_cmpuint(a->view.n_actions, ==, LARGE);
        fake_application_free(a);
        for (unsigned i = 0; i < LARGE; i++)
                g_free((char *) events[i]);
        fixture_free(f);
}

int main(int argc, char *argv[]) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/inline/known-rings", test_known_rings);
        g_test_add_func("/inline/asked-for", test_asked_for);
        g_test_add_func("/inline/earlier-version", test_earlier_version);
        g_test_add_func("/inline/large", test_large);
        return g_test_run();
}
