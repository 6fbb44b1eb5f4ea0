/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Users' shares of the main loop: who calls without a pause is held back and refused, others are answered meanwhile. */

#include "bare-service.h"
#include "fake-consumer.h"
#include "fake-polkit.h"

#include <string.h>

#include "service/bus/gate.h"
#include "service/bus/share.h"

#define ROOT "/org/tracectl/Tracing1"
#define NAME "org.tracectl.Tracing1."
#define LIMITS "org.freedesktop.DBus.Error.LimitsExceeded"

#define HELD_MAX 256
#define UNKNOWN_MAX 64
#define READ_MAX 64
#define CLIENTS 3
#define CALLS (CLIENTS * 120) /* the bus passes on 128 of a connection that are not answered */

struct test {
        struct fake_polkit polkit;
        struct bare_service service;
        struct share *share;
        sd_bus *clients[CLIENTS], *other;
        struct fake_call *calls[CALLS];
        sd_bus_slot *behind;
        size_t n_passed; /* calls that are not held, or have their turn */
};

static int on_passed(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        struct test *t = userdata;

        t->n_passed += sd_bus_message_is_method_call(m, NULL, NULL) > 0;
        return 0;
}

/* real: the bus says whose a connection is, and has to be asked. */
static void set_up(struct test *t, bool real) {
        struct authorizer *authorizer;
        sd_bus *bus;

        *t = (struct test) { 0 };
        fake_polkit_init(&t->polkit, false);
        if (real)
                t->polkit.config.uid_of = NULL;
        bus = fake_polkit_connect(&t->polkit);
        g_assert_cmpint(authorizer_new_system(t->polkit.event, bus, &t->polkit.config, &authorizer), ==, 0);
        bare_service_init(&t->service, t->polkit.event, bus, authorizer);
        g_assert_cmpint(gate_install(t->service.bus), >=, 0);
        /* The filter that is added last is called first. */
        g_assert_cmpint(sd_bus_add_filter(t->service.bus->bus, &t->behind, on_passed, t), >=, 0);
        g_assert_cmpint(share_new(t->service.bus, &t->share), >=, 0);
        for (size_t i = 0; i < CLIENTS; i++)
                t->clients[i] = fake_polkit_connect(&t->polkit);
        t->other = fake_polkit_connect(&t->polkit);
        fake_polkit_set_uid(&t->polkit, t->other, 1001);
}

static void run_until_held(struct test *t, size_t n) {
        while (share_count(t->share) != n)
                g_assert_cmpint(sd_event_run(t->polkit.event, UINT64_C(10000000)), >, 0);
}

static void tear_down(struct test *t) {
        for (size_t i = 0; i < CALLS; i++)
                if (t->calls[i])
                        fake_call_free(t->calls[i]);
        fake_polkit_disconnect(&t->other);
        for (size_t i = 0; i < CLIENTS; i++)
                if (t->clients[i])
                        fake_polkit_disconnect(&t->clients[i]);
        share_free(t->share);
        sd_bus_slot_unref(t->behind);
        bare_service_done(&t->service);
        fake_polkit_done(&t->polkit);
}

static struct fake_call *call(struct test *t, sd_bus *client, const char *interface, const char *member) {
        sd_bus_message *m;
        const char *name;

        g_assert_cmpint(sd_bus_get_unique_name(t->service.bus->bus, &name), >=, 0);
        g_assert_cmpint(sd_bus_message_new_method_call(client, &m, name, ROOT, interface, member), >=, 0);
        if (strcmp(member, "ListSessions") == 0)
                g_assert_cmpint(sd_bus_message_append(m, "a{sv}", 0), >=, 0);
        return fake_call_new(client, m);
}

/* Calls that have to wait for an answer come faster than that. What is not held is refused; others are served. */
static void test_flood(void) {
        size_t refused = 0;
        struct test t;

        set_up(&t, false);
        for (size_t i = 0; i < CALLS; i++)
                t.calls[i] = call(&t, t.clients[i % CLIENTS], NAME "Manager", "ListSessions");
        run_until_held(&t, HELD_MAX);
        fake_call_ok(&t.polkit, call(&t, t.other, NAME "Manager", "ListSessions"));
        for (size_t i = 0; i < CALLS; i++) {
                const sd_bus_error *e = sd_bus_message_get_error(fake_call_wait(&t.polkit, t.calls[i]));

                if (!e)
                        continue;
                g_assert_cmpstr(e->name, ==, LIMITS);
                g_assert_true(g_str_has_prefix(e->message, "256 of your calls are waiting already; "));
                refused++;
        }
        g_assert_cmpuint(refused, >, 0);
        g_assert_cmpuint(refused, <=, CALLS - HELD_MAX);
        tear_down(&t);
}

/* Without a turn of the loop until the bus has told everybody. */
static void hang_up(struct test *t, sd_bus **client) {
        g_autofree char *name = NULL;
        const char *unique;
        int owned = 1;

        g_assert_cmpint(sd_bus_get_unique_name(*client, &unique), >=, 0);
        name = g_strdup(unique);
        fake_polkit_disconnect(client);
        while (owned) {
                sd_bus_message *reply = NULL;

                g_assert_cmpint(sd_bus_call_method(t->other, "org.freedesktop.DBus", "/org/freedesktop/DBus",
                                                   "org.freedesktop.DBus", "NameHasOwner", NULL, &reply, "s", name),
                                >=, 0);
                g_assert_cmpint(sd_bus_message_read(reply, "b", &owned), >, 0);
                sd_bus_message_unref(reply);
        }
}

/* Nobody waits for what is held of a connection that has ended: it is dropped, and nothing of it done. */
static void test_gone(void) {
        struct test t;
        size_t passed;

        set_up(&t, false);
        for (size_t i = 0; i < CALLS; i++)
                t.calls[i] = call(&t, t.clients[i % CLIENTS], NAME "Manager", "ListSessions");
        run_until_held(&t, HELD_MAX);
        for (size_t i = 0; i < CALLS; i++) {
                fake_call_free(t.calls[i]);
                t.calls[i] = NULL;
        }
        for (size_t i = 0; i < CLIENTS; i++)
                hang_up(&t, &t.clients[i]);
        passed = t.n_passed;
        run_until_held(&t, 0);
        /* The news are behind what the clients have sent; of that many messages one has a turn. */
        g_assert_cmpuint(t.n_passed, <=, passed + CALLS / READ_MAX + CLIENTS);
        tear_down(&t);
}

/* In order, though the bus has to be asked first whose the connection is. Beyond so many they are refused. */
static void test_unknown(void) {
        struct test t;

        set_up(&t, true);
        for (size_t i = 0; i <= UNKNOWN_MAX; i++)
                t.calls[i] = call(&t, t.clients[0], "org.freedesktop.DBus.Peer", "Ping");
        run_until_held(&t, UNKNOWN_MAX);
        fake_call_wait(&t.polkit, t.calls[UNKNOWN_MAX - 1]);
        for (size_t i = 0; i < UNKNOWN_MAX; i++)
                g_assert_true(t.calls[i]->reply && !sd_bus_message_get_error(t.calls[i]->reply));
        g_assert_cmpuint(share_count(t.share), ==, 0);
        g_assert_cmpstr(sd_bus_message_get_error(fake_call_wait(&t.polkit, t.calls[UNKNOWN_MAX]))->name, ==, LIMITS);
        fake_call_ok(&t.polkit, call(&t, t.clients[0], "org.freedesktop.DBus.Peer", "Ping"));
        tear_down(&t);
}

int main(int argc, char *argv[]) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/share/flood", test_flood);
        g_test_add_func("/share/gone", test_gone);
        g_test_add_func("/share/unknown", test_unknown);
        return g_test_run();
}
