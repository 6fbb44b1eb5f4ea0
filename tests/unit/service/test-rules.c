/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Rules with log levels, exclusions and filters: over the bus, to what an application is told. */

#include "fixture.h"

#include <string.h>

#include "protocol/filter-code.h"
#include "protocol/filter.h"

#define ERROR "org.tracectl.Tracing1.Error."
#define SESSION "org.tracectl.Tracing1.Session"
#define EVENT "org.tracectl.Tracing1.Event"

static const char *const shop[] = { "shop:failed@3", "shop:paid@6", "shop:looked@14", "store:paid@6", NULL };
enum { FAILED, PAID, LOOKED, STORE, N_EVENTS };

struct shop {
        struct fixture *f;
        char *session;
        struct fake_application *application;
};

static void set_up(struct shop *s) {
        s->f = fixture_new();
        s->session = fixture_session(s->f, "s");
        s->application = fake_application_register(s->f, shop, 0);
}

static void tear_down(struct shop *s) {
        fake_application_free(s->application);
        fixture_free(s->f);
        g_free(s->session);
}

static void start(struct shop *s) {
        fixture_ok(s->f, s->session, SESSION, "Start", "a{sv}", 0);
        fake_application_apply(s->application);
}

/* With one option of a string. */
static void enable(struct shop *s, const char *pattern, const char *key, const char *value) {
        fixture_ok(s->f, s->session, SESSION, "EnableEvent", "sssa{sv}", "user", "", pattern, 1, key, "s", value);
}

static void assert_on(struct shop *s, const char *wanted) {
        char on[N_EVENTS + 1] = "";

        for (uint32_t i = 0; i < N_EVENTS; i++)
                on[i] = fake_application_class(s->application, i, NULL) ? '1' : '0';
        g_assert_cmpstr(on, ==, wanted);
}

/* The action of an event, which must be its only one. */
static const struct view_action *action_of(struct shop *s, uint32_t event) {
        const struct view *view = &s->application->view;
        const struct view_action *found = NULL;

        for (uint32_t i = 0; i < view->n_actions; i++) {
                const struct view_action *a = view_action_at(view, i);

                if (a->event != event)
                        continue;
                g_assert_null(found);
                found = a;
        }
        g_assert_nonnull(found);
        return found;
}

struct input {
        struct filter_input input;
        uint64_t value;
};

static bool piece(const struct filter_input *input, unsigned number, struct filter_piece *ret) {
        const struct input *i = (const struct input *) input;

        *ret = (struct filter_piece) { .data = (const char *) &i->value, .size = sizeof(i->value) };
        return number == 0;
}

/* Whether a record with this value of the field is made. */
static bool passes(struct shop *s, uint32_t event, uint64_t value) {
        const struct view_action *a = action_of(s, event);
        const struct view *view = &s->application->view;
        struct input input = { .input = { .piece = piece }, .value = value };

        return a->filter == 0 ||
               filter_run(view_filter_code(view, view_filter_at(view, a->filter)), &input.input);
}

static void test_levels(void) {
        struct shop s;

        set_up(&s);
        enable(&s, "shop:*", "loglevel", "info");
        start(&s);
        assert_on(&s, "1100");
        /* More rules add to it. */
        enable(&s, "*", "loglevel-only", "debug");
        fake_application_apply(s.application);
        assert_on(&s, "1110");
        tear_down(&s);
}

static void test_exclude(void) {
        struct shop s;

        set_up(&s);
        fixture_ok(s.f, s.session, SESSION, "EnableEvent", "sssa{sv}", "user", "", "*", 1, "exclude", "as", 2,
                   "shop:l*", "shop:failed");
        start(&s);
        assert_on(&s, "0101");
        tear_down(&s);
}

static void test_filters(void) {
        struct shop s;

        set_up(&s);
        enable(&s, "shop:paid", "filter", "value > 7");
        enable(&s, "shop:*", "filter", "value == 3");
        enable(&s, "shop:failed", "loglevel", "error");
        enable(&s, "store:paid", "filter", "customer == \"x\"");
        start(&s);
        /* Of an event that lacks the field, nothing can pass. */
        assert_on(&s, "1110");
        /* Either of two filters; one rule without a filter is enough. */
        g_assert_true(passes(&s, PAID, 8));
        g_assert_true(passes(&s, PAID, 3));
        g_assert_false(passes(&s, PAID, 7));
        g_assert_true(passes(&s, LOOKED, 3));
        g_assert_false(passes(&s, LOOKED, 8));
        g_assert_cmpuint(action_of(&s, FAILED)->filter, ==, 0);
        g_assert_cmpuint(s.application->view.n_filters, ==, 2);
        tear_down(&s);
}

/* More of them than fit into one program record too much, not too little. */
static void test_many_filters(void) {
        struct shop s;

        set_up(&s);
        for (int i = 0; i < FILTER_BIND_MAX; i++) {
                g_autofree char *filter = g_strdup_printf("value == %i", i);

                enable(&s, "shop:paid", "filter", filter);
        }
        start(&s);
        g_assert_true(passes(&s, PAID, FILTER_BIND_MAX - 1));
        g_assert_false(passes(&s, PAID, FILTER_BIND_MAX));
        fixture_ok(s.f, s.session, SESSION, "Stop", "a{sv}", 0);
        tear_down(&s);
        set_up(&s);
        for (int i = 0; i <= FILTER_BIND_MAX; i++) {
                g_autofree char *filter = g_strdup_printf("value == %i", i);

                enable(&s, "shop:paid", "filter", filter);
        }
        start(&s);
        g_assert_cmpuint(action_of(&s, PAID)->filter, ==, 0);
        tear_down(&s);
}

static char *enabled_path(struct shop *s, const char *key, const char *value) {
        sd_bus_message *reply = fixture_call(s->f, s->session, SESSION, "EnableEvent", NULL, "sssa{sv}", "user", "",
                                             "shop:*", key ? 1 : 0, key, "s", value);
        const char *path;
        char *copy;

        g_assert_nonnull(reply);
        g_assert_cmpint(sd_bus_message_read(reply, "o", &path), >, 0);
        copy = g_strdup(path);
        sd_bus_message_unref(reply);
        return copy;
}

static void assert_property(struct shop *s, const char *path, const char *property, const char *wanted) {
        g_autofree char *value = fixture_get_string(s->f, path, EVENT, property);

        g_assert_cmpstr(value, ==, wanted);
}

static void test_identity(void) {
        g_autofree char *plain = NULL, *filtered = NULL, *again = NULL, *other = NULL, *level = NULL;
        struct shop s;

        set_up(&s);
        plain = enabled_path(&s, NULL, NULL);
        filtered = enabled_path(&s, "filter", "value > 7");
        again = enabled_path(&s, "filter", " value > 7 ");
        other = enabled_path(&s, "filter", "value > 8");
        level = enabled_path(&s, "loglevel", "err");
        g_assert_cmpstr(plain, !=, filtered);
        g_assert_cmpstr(filtered, ==, again);
        g_assert_cmpstr(filtered, !=, other);
        assert_property(&s, filtered, "Pattern", "shop:*");
        assert_property(&s, filtered, "Filter", "value > 7");
        assert_property(&s, filtered, "LogLevel", "");
        assert_property(&s, level, "LogLevel", "error");
        assert_property(&s, level, "LogLevelOnly", "");
        assert_property(&s, plain, "Filter", "");
        /* Taken away one by one: then the filters decide. */
        start(&s);
        g_assert_true(passes(&s, PAID, 0));
        fixture_ok(s.f, s.session, SESSION, "RemoveEvent", "oa{sv}", plain, 0);
        fake_application_apply(s.application);
        g_assert_true(passes(&s, FAILED, 0));
        g_assert_false(passes(&s, PAID, 7));
        g_assert_true(passes(&s, PAID, 8));
        fixture_ok(s.f, s.session, SESSION, "DisableEvent", "oa{sv}", filtered, 0);
        fake_application_apply(s.application);
        g_assert_false(passes(&s, PAID, 8));
        g_assert_true(passes(&s, PAID, 9));
        tear_down(&s);
}

static void test_exclude_property(void) {
        sd_bus_error error = SD_BUS_ERROR_NULL;
        g_auto(GStrv) exclude = NULL;
        struct shop s;
        sd_bus_message *reply;
        const char *path;

        set_up(&s);
        reply = fixture_call(s.f, s.session, SESSION, "EnableEvent", NULL, "sssa{sv}", "user", "", "*", 2, "exclude",
                             "as", 2, "b:*", "a:*", "loglevel-only", "s", "notice");
        g_assert_cmpint(sd_bus_message_read(reply, "o", &path), >, 0);
        g_assert_cmpint(sd_bus_get_property_strv(s.f->bus, "org.tracectl.Tracing1", path, EVENT, "Exclude", &error,
                                                 &exclude), >=, 0);
        g_assert_cmpuint(g_strv_length(exclude), ==, 2);
        g_assert_cmpstr(exclude[0], ==, "a:*");
        assert_property(&s, path, "LogLevelOnly", "notice");
        sd_bus_message_unref(reply);
        tear_down(&s);
}

static void test_refusals(void) {
        static const struct {
                const char *key, *type, *value, *error, *text;
        } cases[] = {
                { "filter", "s", "value >", "InvalidOption", "'value >' is wrong at its end" },
                { "filter", "s", "value ? 1", "InvalidOption", "wrong at character 7, '? 1'" },
                { "filter", "s", "", "InvalidOption", "wrong at its end" },
                { "loglevel", "s", "loud", "InvalidOption", "known are: emergency" },
                { "loglevel-only", "s", "", "InvalidOption", "Unknown log level ''" },
                { "exclude", "s", "a:b", "InvalidOption", "must be an array of strings (as)" },
                { "level", "s", "x", "UnknownOption", "known are: exclude, file, filter, kind, loglevel, loglevel-only, probe" },
        };
        struct shop s;

        set_up(&s);
        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_autofree char *error = g_strconcat(ERROR, cases[i].error, NULL);

                fixture_fails(s.f, error, cases[i].text, s.session, SESSION, "EnableEvent", "sssa{sv}", "user", "", "*",
                              1, cases[i].key, cases[i].type, cases[i].value);
        }
        fixture_fails(s.f, ERROR "InvalidOption", "say either", s.session, SESSION, "EnableEvent", "sssa{sv}", "user",
                      "", "*", 2, "loglevel", "s", "info", "loglevel-only", "s", "info");
        fixture_fails(s.f, ERROR "InvalidPattern", "'shop:*'", s.session, SESSION, "EnableEvent", "sssa{sv}", "user",
                      "", "*", 1, "exclude", "as", 1, "shop");
        tear_down(&s);
}

/* An event is in one channel: what log levels and exclusions keep apart may be in two. */
static void test_channels(void) {
        struct shop s;

        set_up(&s);
        fixture_ok(s.f, s.session, SESSION, "EnableChannel", "ssa{sv}", "user", "c", 0);
        enable(&s, "shop:*", "loglevel", "error");
        fixture_fails(s.f, ERROR "EventInOtherChannel", "'channel0'", s.session, SESSION, "EnableEvent", "sssa{sv}",
                      "user", "c", "shop:*", 0);
        fixture_fails(s.f, ERROR "EventInOtherChannel", "'channel0'", s.session, SESSION, "EnableEvent", "sssa{sv}",
                      "user", "c", "shop:*", 1, "loglevel-only", "s", "alert");
        fixture_ok(s.f, s.session, SESSION, "EnableEvent", "sssa{sv}", "user", "c", "shop:*", 1, "loglevel-only", "s",
                   "info");
        fixture_fails(s.f, ERROR "EventInOtherChannel", "rule 'shop:* loglevel>=error'", s.session, SESSION,
                      "EnableEvent", "sssa{sv}", "user", "c", "*:failed", 0);
        fixture_ok(s.f, s.session, SESSION, "EnableEvent", "sssa{sv}", "user", "c", "*", 1, "exclude", "as", 1,
                   "shop:failed");
        start(&s);
        assert_on(&s, "1111");
        g_assert_cmpuint(action_of(&s, FAILED)->ring, !=, action_of(&s, PAID)->ring);
        g_assert_cmpuint(action_of(&s, STORE)->ring, ==, action_of(&s, PAID)->ring);
        tear_down(&s);
}

int main(int argc, char *argv[]) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/rules/levels", test_levels);
        g_test_add_func("/rules/exclude", test_exclude);
        g_test_add_func("/rules/exclude-property", test_exclude_property);
        g_test_add_func("/rules/filters", test_filters);
        g_test_add_func("/rules/many-filters", test_many_filters);
        g_test_add_func("/rules/identity", test_identity);
        g_test_add_func("/rules/refusals", test_refusals);
        g_test_add_func("/rules/channels", test_channels);
        return g_test_run();
}
