/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Random interleavings of what clients and applications do, against a whole
 * tracingd whose threads run as they like: registering, hanging up, registering
 * again with the same numbers, other definitions, not looking at the socket;
 * starting and stopping two sessions, enabling and disabling rules. A plain
 * model says what each application must record.
 *
 *   - Whenever a change of rules, Start or Stop is answered with none pending, each
 *     application that has a view has the right one.
 *   - Those that are pending are those that do not look.
 *   - When nothing happens any more, each has the right view, and those that
 *     are listed are those that live.
 *
 * TRACECTL_SEED repeats a run, as far as threads let it.
 */

#include "fixture.h"

#include <poll.h>
#include <stdlib.h>

#include "player.h"

#define MANAGER "/org/tracectl/Tracing1", "org.tracectl.Tracing1.Manager"
#define SESSION "org.tracectl.Tracing1.Session"

enum { PLAYERS = 12, SESSIONS = 2, PATTERNS = 4, CHANGES = 1000, CHANGES_LONG = 100000 };

static const char *const patterns[PATTERNS] = { "shop:*", "store:*", "shop:order_paid", "bank:open" };

struct world {
        struct fixture *f;
        GRand *random;
        struct player players[PLAYERS];
        char *session[SESSIONS];
        bool active[SESSIONS];
        char *rule[SESSIONS][PATTERNS];
        bool enabled[SESSIONS][PATTERNS];
        unsigned n_changes, n_registered, n_hung_up, n_pending;
};

struct reply {
        sd_bus_message *message;
        bool promises; /* it waits for applications, and says how many have not acknowledged */
        uint32_t pending;
};

static unsigned up_to(struct world *w, unsigned n) {
        return (unsigned) g_rand_int_range(w->random, 0, (gint32) n);
}

/* How many sessions record this event by the model. */
static unsigned wanted(const struct world *w, const char *event) {
        unsigned n = 0;

        for (int s = 0; s < SESSIONS; s++) {
                bool matches = false;

                for (int i = 0; i < PATTERNS; i++)
                        matches |= w->enabled[s][i] && g_pattern_match_simple(patterns[i], event);
                n += w->active[s] && matches;
        }
        return n;
}

static bool is_right(const struct world *w, const struct player *p) {
        const char *const *events = player_events(p->set);

        for (unsigned i = 0; events[i]; i++)
                if (p->recorded[i] != wanted(w, events[i]))
                        return false;
        return true;
}

/* Something that an application does. */
static void play(struct world *w) {
        struct player *p = &w->players[up_to(w, PLAYERS)];

        if (p->frozen)
                return;
        if (p->state == PLAYER_OFF) {
                player_register(p, w->f, up_to(w, PLAYER_SETS));
                w->n_registered++;
                return;
        }
        switch (up_to(w, 10)) {
        case 0:
                player_hang_up(p);
                w->n_hung_up++;
                break;
        case 1:
                /* A process: its socket is given the number that was just left. */
                player_hang_up(p);
                player_register(p, w->f, up_to(w, PLAYER_SETS));
                w->n_hung_up++;
                w->n_registered++;
                break;
        case 2:
                if (p->state == PLAYER_READY)
                        player_change(p, up_to(w, PLAYER_SETS));
                break;
        default:
                player_step(p);
        }
}

static bool step_all(struct world *w) {
        bool any = false;

        for (int i = 0; i < PLAYERS; i++)
                any |= player_step(&w->players[i]);
        return any;
}

/* Until an application or the client has something to read. */
static void wait_for_something(struct world *w) {
        struct pollfd fds[PLAYERS + 1] = { { .fd = sd_bus_get_fd(w->f->bus), .events = POLLIN } };

        for (int i = 0; i < PLAYERS; i++)
                fds[i + 1] = (struct pollfd) { .fd = w->players[i].frozen ? -1 : w->players[i].fd, .events = POLLIN };
        g_assert_cmpint(poll(fds, PLAYERS + 1, WAIT_SECONDS * 1000), >, 0);
}

static int on_reply(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        struct reply *reply = userdata;

        if (sd_bus_message_is_method_error(m, NULL))
                g_error("%s", sd_bus_message_get_error(m)->message);
        reply->message = sd_bus_message_ref(m);
        return 0;
}

static void begin(struct world *w, const char *path, const char *member, struct reply *reply, const char *types, ...) {
        sd_bus_message *m = NULL;
        va_list ap;

        g_assert_cmpint(sd_bus_message_new_method_call(w->f->bus, &m, NULL, path, SESSION, member), >=, 0);
        va_start(ap, types);
        g_assert_cmpint(sd_bus_message_appendv(m, types, ap), >=, 0);
        va_end(ap);
        g_assert_cmpint(sd_bus_call_async(w->f->bus, NULL, m, on_reply, reply, 0), >=, 0);
        g_assert_cmpint(sd_bus_flush(w->f->bus), >=, 0);
        sd_bus_message_unref(m);
}

static void begin_event(struct world *w, int s, int i, struct reply *reply) {
        if (w->enabled[s][i] && up_to(w, 2)) {
                w->enabled[s][i] = false;
                begin(w, w->session[s], up_to(w, 2) ? "DisableEvent" : "RemoveEvent", reply, "oa{sv}", w->rule[s][i],
                      0);
                return;
        }
        w->enabled[s][i] = true;
        begin(w, w->session[s], "EnableEvent", reply, "sssa{sv}", "user", "", patterns[i], 0);
}

static void begin_change(struct world *w, int s, int i, struct reply *reply) {
        reply->promises = w->active[s];
        if (up_to(w, 3) > 0) {
                begin_event(w, s, i, reply);
                return;
        }
        w->active[s] = !w->active[s];
        reply->promises = true;
        begin(w, w->session[s], w->active[s] ? "Start" : "Stop", reply, "a{sv}", 0);
}

static void read_pending(sd_bus_message *m, uint32_t *ret) {
        const char *key;

        g_assert_cmpint(sd_bus_message_enter_container(m, 'a', "{sv}"), >, 0);
        while (sd_bus_message_enter_container(m, 'e', "sv") > 0) {
                uint64_t value = 0;

                g_assert_cmpint(sd_bus_message_read(m, "s", &key), >, 0);
                if (g_str_equal(key, "pending")) {
                        g_assert_cmpint(sd_bus_message_read(m, "v", "t", &value), >, 0);
                        *ret = (uint32_t) value;
                } else
                        g_assert_cmpint(sd_bus_message_skip(m, "v"), >, 0);
                sd_bus_message_exit_container(m);
        }
}

static void read_reply(struct world *w, int s, int i, struct reply *reply) {
        const char *path;
        uint64_t generation;

        if (sd_bus_message_has_signature(reply->message, "otu")) {
                g_assert_cmpint(sd_bus_message_read(reply->message, "otu", &path, &generation, &reply->pending), >, 0);
                g_free(w->rule[s][i]);
                w->rule[s][i] = g_strdup(path);
        } else if (sd_bus_message_has_signature(reply->message, "tu"))
                g_assert_cmpint(sd_bus_message_read(reply->message, "tu", &generation, &reply->pending), >, 0);
        else
                read_pending(reply->message, &reply->pending);
        sd_bus_message_unref(reply->message);
}

static unsigned count_frozen(const struct world *w, bool wrong) {
        unsigned n = 0;

        for (int i = 0; i < PLAYERS; i++)
                n += w->players[i].frozen && (!wrong || (w->players[i].state == PLAYER_READY &&
                                                         !is_right(w, &w->players[i])));
        return n;
}

/* Nothing that an application has read since then can be older than the reply. */
static void check_promise(struct world *w, const struct reply *reply) {
        unsigned frozen = count_frozen(w, false);

        if (!reply->promises)
                return;
        g_assert_cmpuint(reply->pending, <=, frozen);
        g_assert_cmpuint(reply->pending, >=, count_frozen(w, true));
        w->n_pending += reply->pending > 0;
        for (int i = 0; i < PLAYERS; i++) {
                struct player *p = &w->players[i];

                if (p->state == PLAYER_READY && !p->frozen)
                        g_assert_true(is_right(w, p));
        }
}

static void change(struct world *w) {
        int s = (int) up_to(w, SESSIONS), i = (int) up_to(w, PATTERNS);
        struct reply reply = { 0 };

        for (unsigned n = up_to(w, 4); n > 0; n--)
                play(w);
        begin_change(w, s, i, &reply);
        for (unsigned n = up_to(w, 20); n > 0; n--)
                play(w);
        while (!reply.message) {
                int r = sd_bus_process(w->f->bus, NULL);

                g_assert_cmpint(r, >=, 0);
                if (r == 0 && !reply.message && !step_all(w))
                        wait_for_something(w);
        }
        read_reply(w, s, i, &reply);
        check_promise(w, &reply);
        w->n_changes++;
}

static bool is_quiet(const struct world *w) {
        for (int i = 0; i < PLAYERS; i++) {
                const struct player *p = &w->players[i];

                if (p->state != PLAYER_OFF && (p->state != PLAYER_READY || p->owes || !is_right(w, p)))
                        return false;
        }
        return true;
}

/* Whether what is listed is what lives. */
static bool list_is_right(struct world *w) {
        sd_bus_message *m = fixture_call(w->f, MANAGER, "ListApplications", NULL, "a{sv}", 0);
        unsigned n = 0, expected = 0;
        int settled;

        g_assert_cmpint(sd_bus_message_read(m, "b", &settled), >, 0);
        g_assert_cmpint(sd_bus_message_enter_container(m, 'a', "(uusso)"), >, 0);
        while (sd_bus_message_skip(m, "(uusso)") > 0)
                n++;
        sd_bus_message_unref(m);
        for (int i = 0; i < PLAYERS; i++)
                expected += w->players[i].state != PLAYER_OFF;
        return n == expected;
}

static void settle(struct world *w) {
        for (int i = 0; i < PLAYERS; i++)
                w->players[i].frozen = false;
        while (step_all(w) || !is_quiet(w)) {
                while (sd_bus_process(w->f->bus, NULL) > 0)
                        ;
                if (!step_all(w) && !is_quiet(w))
                        wait_for_something(w);
        }
        /* Those that have hung up are noticed, and announced. */
        while (!list_is_right(w)) {
                while (sd_bus_process(w->f->bus, NULL) > 0)
                        ;
                sd_bus_wait(w->f->bus, G_USEC_PER_SEC);
        }
}

static void begin_world(struct world *w, guint32 seed) {
        *w = (struct world) { .f = fixture_new(), .random = g_rand_new_with_seed(seed) };
        for (int i = 0; i < PLAYERS; i++)
                player_init(&w->players[i]);
        for (int s = 0; s < SESSIONS; s++) {
                g_autofree char *name = g_strdup_printf("s%i", s);

                w->session[s] = fixture_session(w->f, name);
        }
}

static void end_world(struct world *w) {
        for (int i = 0; i < PLAYERS; i++)
                player_hang_up(&w->players[i]);
        for (int s = 0; s < SESSIONS; s++) {
                g_free(w->session[s]);
                for (int i = 0; i < PATTERNS; i++)
                        g_free(w->rule[s][i]);
        }
        g_rand_free(w->random);
        fixture_free(w->f);
}

static void test_interleavings(void) {
        const char *text = g_getenv("TRACECTL_SEED");
        guint32 seed = text ? (guint32) strtoul(text, NULL, 10) : 1;
        bool is_long = g_getenv("TRACECTL_TORTURE");
        unsigned n = is_long ? CHANGES_LONG : CHANGES;
        struct world w;

        begin_world(&w, seed);
        while (w.n_changes < n) {
                change(&w);
                if (up_to(&w, 8) == 0)
                        settle(&w);
                for (int i = 0; i < PLAYERS; i++)
                        w.players[i].frozen = false;
                /* Rarely, since a client then waits for half a second, or for two. */
                if (up_to(&w, 64) == 0)
                        w.players[up_to(&w, PLAYERS)].frozen = true;
        }
        settle(&w);
        g_test_message("seed %u: %u changes, %u of them with some pending, %u registrations, %u hang-ups", seed,
                       w.n_changes, w.n_pending, w.n_registered, w.n_hung_up);
        end_world(&w);
}

int main(int argc, char *argv[]) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/registry-stress/interleavings", test_interleavings);
        return g_test_run();
}
