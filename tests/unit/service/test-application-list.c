/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* ListApplications of many: a list is made in several turns of the main loop, in which others are answered. */

#undef NDEBUG

#include "fixture.h"

#define MANAGER "/org/tracectl/Tracing1", "org.tracectl.Tracing1.Manager"
#define N 400
#define CALLS 3
#define ATTEMPTS 50

struct listed {
        unsigned n_replies, n_applications, place; /* place: of the list among the replies */
};

static int on_list(sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        struct listed *l = userdata;
        int settled;

        l->place = l->n_replies++;
        g_assert_cmpint(sd_bus_message_read(reply, "b", &settled), >, 0);
        g_assert_true(settled);
        g_assert_cmpint(sd_bus_message_enter_container(reply, 'a', "(uusso)"), >, 0);
        while (sd_bus_message_skip(reply, "(uusso)") > 0)
                l->n_applications++;
        return 0;
}

static int on_other(sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        struct listed *l = userdata;

        g_assert_false(sd_bus_message_is_method_error(reply, NULL));
        l->n_replies++;
        return 0;
}

static void list_and_call(sd_bus *bus, struct listed *l) {
        g_assert_cmpint(sd_bus_call_method_async(bus, NULL, NULL, MANAGER, "ListApplications", on_list, l, "a{sv}", 0),
                        >=, 0);
        for (unsigned i = 0; i < CALLS; i++)
                g_assert_cmpint(sd_bus_call_method_async(bus, NULL, NULL, MANAGER, "ListSessions", on_other, l,
                                                         "a{sv}", 0), >=, 0);
        while (l->n_replies < 1 + CALLS) {
                g_assert_cmpint(sd_bus_wait(bus, G_USEC_PER_SEC), >=, 0);
                while (sd_bus_process(bus, NULL) > 0)
                        ;
        }
}

static void wait_for_count(struct fixture *f, uint32_t wanted) {
        uint32_t n;

        do
                g_assert_cmpint(sd_bus_get_property_trivial(f->bus, NULL, MANAGER, "Applications", NULL, 'u', &n), >=, 0);
        while (n != wanted);
}

static void test_turns(void) {
        static const char *const shop[] = { "shop:order", NULL };
        struct fixture *f = fixture_new();
        struct fake_application *a[N];
        unsigned attempts = 0;
        struct listed l;

        for (unsigned i = 0; i < N; i++)
                a[i] = fake_application_register(f, shop, 0);
        wait_for_count(f, N);
        /* Where this thread was kept from the processor between its calls, they come too late. */
        do {
                l = (struct listed) { 0 };
                list_and_call(f->bus, &l);
                g_assert_cmpuint(l.n_applications, ==, N);
                g_assert_cmpuint(++attempts, <=, ATTEMPTS);
        } while (l.place != CALLS);
        for (unsigned i = 0; i < N; i++)
                fake_application_free(a[i]);
        /* None of those that have gone is listed. */
        wait_for_count(f, 0);
        l = (struct listed) { 0 };
        list_and_call(f->bus, &l);
        g_assert_cmpuint(l.n_applications, ==, 0);
        fixture_free(f);
}

int main(int argc, char *argv[]) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/application-list/turns", test_turns);
        return g_test_run();
}
