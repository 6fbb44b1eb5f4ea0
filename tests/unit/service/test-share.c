/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Users' shares of the main loop: who calls without a pause is held back and refused, others are answered meanwhile. */

#include "bare-service.h"
#include "fake-consumer.h"
#include "fake-polkit.h"

#include <string.h>
#include <time.h>

#include "service/bus/gate.h"
#include "service/bus/listing.h"
#include "service/bus/share.h"

#define ROOT "/org/tracectl/Tracing1"
#define NAME "org.tracectl.Tracing1."
#define LIMITS "org.freedesktop.DBus.Error.LimitsExceeded"

#define HELD_MAX 256
#define UNKNOWN_MAX 64
#define UNKNOWN_MANY 256
#define UNKNOWN_MAX_OF_MANY 4
#define UNKNOWN_ALL_MAX 1024
#define LATE_FEW 256
#define READ_MAX 64
#define CLIENTS 3
#define CALLS (CLIENTS * 120) /* the bus passes on 128 of a connection that are not answered */
#define MANY_CLIENTS 8
#define CALLS_ALL (MANY_CLIENTS * 120)
#define CROWD (UNKNOWN_MANY / UNKNOWN_MAX + (UNKNOWN_ALL_MAX - UNKNOWN_MANY) / UNKNOWN_MAX_OF_MANY)
#define ATTEMPTS 100
#define TURN_NSEC (15 * 1000 * 1000) /* more than a user has of a window */

struct test {
        struct fake_polkit polkit;
        struct bare_service service;
        struct share *share;
        sd_bus *clients[CLIENTS], *other, *aside;
        struct fake_call *calls[CALLS_ALL];
        sd_bus_slot *behind;
        size_t n_passed; /* calls that are not held, or have their turn */
        bool over;       /* a list that is made in turns is to end */
};

static struct test *listed;

static uint64_t cpu_nsec(void) {
        struct timespec t;

        g_assert_no_errno(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t));
        return (uint64_t) t.tv_sec * 1000000000 + (uint64_t) t.tv_nsec;
}

/* A turn that is too long, but for the first one, which is the call's own. */
static int append_slowly(struct listing *l) {
        uint64_t began = cpu_nsec();

        while (l->pid > 0 && cpu_nsec() < began + TURN_NSEC)
                ;
        l->pid = 1;
        return listed->over;
}

static int on_passed(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        struct test *t = userdata;

        t->n_passed += sd_bus_message_is_method_call(m, NULL, NULL) > 0;
        if (sd_bus_message_is_method_call(m, NULL, "ListSlowly") > 0) {
                listed = t;
                return listing_reply(t->service.bus, m,
                                     &(struct listing) { .append = append_slowly, .caller = 1000, .owner = 1000 });
        }
        return 0;
}

/* real: the bus says whose a connection is, and is asked by a connection aside, whose answers wait for answer(). */
static void set_up(struct test *t, bool real) {
        struct authorizer *authorizer;
        sd_bus *bus;

        *t = (struct test) { 0 };
        fake_polkit_init(&t->polkit, false);
        if (real) {
                t->aside = fake_polkit_connect(&t->polkit);
                g_assert_cmpint(sd_bus_detach_event(t->aside), >=, 0);
                t->polkit.config.aside = t->aside;
                t->polkit.config.uid_of = NULL;
        }
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

/* Goes on until condition holds. The loop has always something to do while calls are held, so time is what ends it. */
#define RUN_UNTIL(t, condition)                                                                      \
        do {                                                                                         \
                gint64 _end = g_get_monotonic_time() + 20 * G_USEC_PER_SEC;                          \
                while (!(condition)) {                                                               \
                        g_assert_cmpint(g_get_monotonic_time(), <, _end);                            \
                        g_assert_cmpint(sd_event_run((t)->polkit.event, G_USEC_PER_SEC), >=, 0);     \
                }                                                                                    \
        } while (0)

static void run_until_held(struct test *t, size_t n) {
        RUN_UNTIL(t, share_count(t->share) == n);
}

static void answer(struct test *t) {
        g_assert_cmpint(sd_bus_attach_event(t->aside, t->polkit.event, SD_EVENT_PRIORITY_NORMAL), >=, 0);
}

static void tear_down(struct test *t) {
        for (size_t i = 0; i < CALLS_ALL; i++)
                if (t->calls[i])
                        fake_call_free(t->calls[i]);
        fake_polkit_disconnect(&t->other);
        for (size_t i = 0; i < CLIENTS; i++)
                if (t->clients[i])
                        fake_polkit_disconnect(&t->clients[i]);
        share_free(t->share);
        sd_bus_slot_unref(t->behind);
        bare_service_done(&t->service);
        if (t->aside)
                fake_polkit_disconnect(&t->aside);
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

static struct fake_call *ping(struct test *t, sd_bus *client) {
        return call(t, client, "org.freedesktop.DBus.Peer", "Ping");
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

/* Without a turn of the loop until the service has the news: the bus answers it behind them. */
static void hang_up(struct test *t, sd_bus **client) {
        g_autofree char *name = NULL;
        const char *unique;
        int owned = 1;

        g_assert_cmpint(sd_bus_get_unique_name(*client, &unique), >=, 0);
        name = g_strdup(unique);
        fake_polkit_disconnect(client);
        while (owned) {
                sd_bus_message *reply = NULL;

                g_assert_cmpint(sd_bus_call_method(t->service.bus->bus, "org.freedesktop.DBus",
                                                   "/org/freedesktop/DBus", "org.freedesktop.DBus", "NameHasOwner",
                                                   NULL, &reply, "s", name), >=, 0);
                g_assert_cmpint(sd_bus_message_read(reply, "b", &owned), >, 0);
                sd_bus_message_unref(reply);
        }
}

/* Nobody waits for what is held of a connection that has ended: it is dropped, and nothing of it done. */
static void test_gone(void) {
        struct test t;
        size_t passed;

        set_up(&t, false);
        /* With the first caller the service asks for news, which the bus knows of when that one has the reply. */
        fake_call_ok(&t.polkit, ping(&t, t.other));
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
        answer(&t);
        fake_call_wait(&t.polkit, t.calls[UNKNOWN_MAX - 1]);
        for (size_t i = 0; i < UNKNOWN_MAX; i++)
                g_assert_true(t.calls[i]->reply && !sd_bus_message_get_error(t.calls[i]->reply));
        g_assert_cmpuint(share_count(t.share), ==, 0);
        g_assert_cmpstr(sd_bus_message_get_error(fake_call_wait(&t.polkit, t.calls[UNKNOWN_MAX]))->name, ==, LIMITS);
        fake_call_ok(&t.polkit, call(&t, t.clients[0], "org.freedesktop.DBus.Peer", "Ping"));
        tear_down(&t);
}

/* Of many connections that are not known each has a few, and all together so many. */
static void test_unknown_crowd(void) {
        struct fake_call *calls[UNKNOWN_ALL_MAX], *beyond[2] = { NULL };
        sd_bus *crowd[CROWD + 1];
        struct test t;
        size_t n = 0;

        set_up(&t, true);
        for (size_t i = 0; i < G_N_ELEMENTS(crowd); i++)
                crowd[i] = fake_polkit_connect(&t.polkit);
        for (size_t i = 0; i < CROWD; i++) {
                size_t max = n < UNKNOWN_MANY ? UNKNOWN_MAX : UNKNOWN_MAX_OF_MANY;

                for (size_t k = 0; k < max; k++)
                        calls[n++] = ping(&t, crowd[i]);
                run_until_held(&t, n);
                if (n == UNKNOWN_MANY + UNKNOWN_MAX_OF_MANY)
                        beyond[0] = ping(&t, crowd[i]);
        }
        g_assert_cmpuint(n, ==, UNKNOWN_ALL_MAX);
        beyond[1] = ping(&t, crowd[CROWD]);
        fake_call_fails(&t.polkit, beyond[0], LIMITS, "4 of your calls are waiting already; ");
        fake_call_fails(&t.polkit, beyond[1], LIMITS, "0 of your calls are waiting already; ");
        g_assert_cmpuint(share_count(t.share), ==, UNKNOWN_ALL_MAX);
        /* Nobody asks for them any more. */
        for (size_t i = 0; i < n; i++)
                fake_call_free(calls[i]);
        for (size_t i = 0; i < G_N_ELEMENTS(crowd); i++)
                fake_polkit_disconnect(&crowd[i]);
        tear_down(&t);
}

static size_t count_refused(const struct test *t) {
        size_t n = 0;

        for (size_t i = 0; i < CALLS_ALL; i++)
                n += t->calls[i] && t->calls[i]->reply &&
                     sd_bus_message_is_method_error(t->calls[i]->reply, LIMITS) > 0;
        return n;
}

/* Who calls on is refused later than who has called too much once, and nobody else is. */
static void test_later(void) {
        sd_bus *many[MANY_CLIENTS];
        struct test t;

        set_up(&t, false);
        for (size_t i = 0; i < MANY_CLIENTS; i++)
                many[i] = fake_polkit_connect(&t.polkit);
        for (size_t i = 0; i < CALLS_ALL; i++)
                t.calls[i] = call(&t, many[i % MANY_CLIENTS], NAME "Manager", "ListSessions");
        run_until_held(&t, HELD_MAX);
        RUN_UNTIL(&t, count_refused(&t) >= LATE_FEW);
        fake_call_ok(&t.polkit, ping(&t, t.other));
        g_assert_cmpuint(count_refused(&t), ==, LATE_FEW);
        for (size_t i = 0; i < MANY_CLIENTS; i++)
                fake_polkit_disconnect(&many[i]);
        tear_down(&t);
}

/* Whether it was held back. */
static bool ping_held(struct test *t, sd_bus *client) {
        struct fake_call *call = ping(t, client);
        bool held = false;

        while (!call->reply) {
                g_assert_cmpint(sd_event_run(t->polkit.event, UINT64_C(10000000)), >, 0);
                held = held || share_count(t->share) > 0;
        }
        fake_call_ok(&t->polkit, call);
        return held;
}

/* What is done for a call in later turns counts as well: its user's next call waits for others, nobody else's does. */
static void test_later_turns(void) {
        struct fake_call *list;
        bool held = false;
        struct test t;

        set_up(&t, false);
        list = call(&t, t.clients[0], NAME "Manager", "ListSlowly");
        for (unsigned i = 0; i < ATTEMPTS && !held; i++) {
                g_assert_false(ping_held(&t, t.other));
                g_assert_false(ping_held(&t, t.other));
                held = ping_held(&t, t.clients[1]);
        }
        g_assert_true(held);
        t.over = true;
        fake_call_ok(&t.polkit, list);
        tear_down(&t);
}

int main(int argc, char *argv[]) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/share/flood", test_flood);
        g_test_add_func("/share/gone", test_gone);
        g_test_add_func("/share/unknown", test_unknown);
        g_test_add_func("/share/unknown-crowd", test_unknown_crowd);
        g_test_add_func("/share/later", test_later);
        g_test_add_func("/share/later-turns", test_later_turns);
        return g_test_run();
}
