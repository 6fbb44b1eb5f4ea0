/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The gate: whoever may not know of something is refused in the same words whether it is there or not. */

#include "bare-service.h"
#include "fake-consumer.h"
#include "fake-polkit.h"
#include "fixture.h"

#include <string.h>
#include <unistd.h>

#include "service/bus/clients.h"
#include "service/bus/gate.h"

#define ROOT "/org/tracectl/Tracing1"
#define NAME "org.tracectl.Tracing1."
#define SESSION NAME "Session"
#define PROPERTIES "org.freedesktop.DBus.Properties"
#define DENIED "org.freedesktop.DBus.Error.AccessDenied"
#define UNKNOWN "org.freedesktop.DBus.Error.UnknownObject"

#define MINE ROOT "/session/_31000/mine"
#define FOREIGN ROOT "/session/_31001/theirs"
#define MISSING ROOT "/session/_31001/nothing"

/* The client is user 1000; sessions are 1000's "mine" and 1001's "theirs". */
struct test {
        struct fake_polkit polkit;
        struct bare_service service;
        struct session *theirs;
        sd_bus *client;
};

static void set_up(struct test *t) {
        struct authorizer *authorizer;
        struct failure failure;
        sd_bus *bus;

        *t = (struct test) { 0 };
        fake_polkit_init(&t->polkit, true);
        bus = fake_polkit_connect(&t->polkit);
        g_assert_cmpint(authorizer_new_system(t->polkit.event, bus, &t->polkit.config, &authorizer), ==, 0);
        bare_service_init(&t->service, t->polkit.event, bus, authorizer);
        g_assert_cmpint(gate_install(t->service.bus), >=, 0);
        (void) bare_service_session(&t->service, 1000, "mine");
        t->theirs = bare_service_session(&t->service, 1001, "theirs");
        g_assert_cmpint(session_enable_channel(t->theirs, "c", &(struct channel_options) { 0 },
                                               &(struct channel *) { NULL }, &failure), >=, 0);
        t->client = fake_polkit_connect(&t->polkit);
}

static void tear_down(struct test *t) {
        fake_polkit_assert_idle(&t->polkit);
        fake_polkit_disconnect(&t->client);
        bare_service_done(&t->service);
        fake_polkit_done(&t->polkit);
}

static struct fake_call *call(struct test *t, sd_bus *client, const char *path, const char *interface,
                              const char *member, const char *types, ...) {
        sd_bus_message *m;
        const char *name;
        va_list ap;

        g_assert_cmpint(sd_bus_get_unique_name(t->service.bus->bus, &name), >=, 0);
        g_assert_cmpint(sd_bus_message_new_method_call(client, &m, name, path, interface, member), >=, 0);
        va_start(ap, types);
        if (*types)
                g_assert_cmpint(sd_bus_message_appendv(m, types, ap), >=, 0);
        va_end(ap);
        return fake_call_new(client, m);
}

/* "name: message" of the error that must be the reply. */
static char *refusal(struct test *t, struct fake_call *c) {
        const sd_bus_error *e = sd_bus_message_get_error(fake_call_wait(&t->polkit, c));
        char *text;

        g_assert_nonnull(e);
        text = g_strdup_printf("%s: %s", e->name, e->message);
        fake_call_free(c);
        return text;
}

static const struct {
        const char *interface, *member, *types, *action;
} calls[] = {
        { PROPERTIES, "GetAll", "s", "list" },
        { "org.freedesktop.DBus.Introspectable", "Introspect", "", "list" },
        { "org.freedesktop.DBus.ObjectManager", "GetManagedObjects", "", "list" },
        { SESSION, "Dump", "", "list" },
        { SESSION, "Snapshot", "a{sv}", "read" },
        { SESSION, "OpenStream", "a{sv}", "read" },
        { SESSION, "Start", "a{sv}", "control" },
        { SESSION, "Destroy", "a{sv}", "control" },
        { SESSION, "Nonsense", "", "control" },
        { "not.Ours", "Start", "s", "control" },
        { NULL, "Start", "", "control" },
};

static void test_refusals(void) {
        static const char *const paths[] = {
                FOREIGN, MISSING, FOREIGN "/channel/user/c", MISSING "/channel/user/c", FOREIGN "/event/_31",
                ROOT "/session/_31001", ROOT "/session/01001/theirs", ROOT "/session/_31001/_ff_0a",
        };
        struct test t;

        set_up(&t);
        for (size_t i = 0; i < G_N_ELEMENTS(calls); i++) {
                g_autofree char *action = g_strdup_printf(POLKIT_ACTION "%s-others", calls[i].action), *first = NULL;

                for (size_t k = 0; k < G_N_ELEMENTS(paths); k++) {
                        struct fake_call *c = call(&t, t.client, paths[k], calls[i].interface, calls[i].member,
                                                   calls[i].types, *calls[i].types == 's' ? "" : NULL);
                        g_autofree char *text = NULL;

                        fake_polkit_answer(fake_polkit_question(&t.polkit, t.client, action), false, false);
                        text = refusal(&t, c);
                        g_assert_true(g_str_has_prefix(text, DENIED));
                        if (!first)
                                first = g_strdup(text);
                        g_assert_cmpstr(text, ==, first);
                }
        }
        g_assert_true(manager_find_session(t.service.manager, 1001, "theirs") == t.theirs);
        g_assert_cmpint(t.theirs->state, ==, SESSION_CONFIGURED);
        tear_down(&t);
}

static void test_get_session(void) {
        g_autofree char *a = NULL, *b = NULL;
        struct fake_call *c;
        struct test t;

        set_up(&t);
        c = call(&t, t.client, ROOT, NAME "Manager", "GetSession", "us", 1001, "theirs");
        fake_polkit_answer(fake_polkit_question(&t.polkit, t.client, POLKIT_ACTION "list-others"), false, false);
        a = refusal(&t, c);
        c = call(&t, t.client, ROOT, NAME "Manager", "GetSession", "us", 1001, "nothing");
        fake_polkit_answer(fake_polkit_question(&t.polkit, t.client, POLKIT_ACTION "list-others"), false, false);
        b = refusal(&t, c);
        g_assert_true(g_str_has_prefix(a, DENIED));
        g_assert_cmpstr(a, ==, b);
        tear_down(&t);
}

static void test_own(void) {
        struct fake_call *c;
        struct test t;

        set_up(&t);
        /* Nothing is asked for what is shown; and a method asks but once. */
        fake_call_ok(&t.polkit, call(&t, t.client, MINE, PROPERTIES, "GetAll", "s", SESSION));
        fake_polkit_assert_idle(&t.polkit);
        c = call(&t, t.client, MINE, SESSION, "EnableChannel", "ssa{sv}", "user", "c", 0);
        fake_polkit_answer(fake_polkit_question(&t.polkit, t.client, POLKIT_ACTION "trace-own"), true, false);
        fake_call_ok(&t.polkit, c);
        fake_call_fails(&t.polkit, call(&t, t.client, ROOT "/session/_31000/no", SESSION, "Start", "a{sv}", 0), UNKNOWN,
                        "no");
        /* Nobody's path, and what says nothing of any object. */
        fake_call_fails(&t.polkit, call(&t, t.client, ROOT "/session/x/theirs", SESSION, "Start", "a{sv}", 0), UNKNOWN,
                        "session/x");
        fake_call_ok(&t.polkit, call(&t, t.client, FOREIGN, "org.freedesktop.DBus.Peer", "Ping", ""));
        tear_down(&t);
}

/* One question, with all that rules may look at; one effect. */
static void test_granted(void) {
        g_autofree char *details = NULL;
        GDBusMethodInvocation *question;
        struct fake_call *c;
        struct test t;

        set_up(&t);
        c = call(&t, t.client, FOREIGN, PROPERTIES, "GetAll", "s", SESSION);
        fake_polkit_answer(fake_polkit_question(&t.polkit, t.client, POLKIT_ACTION "list-others"), true, false);
        fake_call_ok(&t.polkit, c);
        c = call(&t, t.client, MISSING, PROPERTIES, "GetAll", "s", SESSION);
        fake_polkit_answer(fake_polkit_question(&t.polkit, t.client, POLKIT_ACTION "list-others"), true, false);
        fake_call_fails(&t.polkit, c, UNKNOWN, "nothing");
        c = call(&t, t.client, FOREIGN, SESSION, "EnableEvent", "sssa{sv}", "user", "c", "shop:*", 0);
        question = fake_polkit_question(&t.polkit, t.client, POLKIT_ACTION "control-others");
        details = fake_polkit_details(question);
        g_assert_cmpstr(details, ==, "domain=user owner=1001 pattern=shop:* session=theirs verb=EnableEvent");
        g_assert_null(t.theirs->rules);
        fake_polkit_answer(question, true, false);
        fake_call_ok(&t.polkit, c);
        g_assert_nonnull(t.theirs->rules);
        g_assert_null(t.theirs->rules->next);
        c = call(&t, t.client, FOREIGN, SESSION, "EnableChannel", "ssa{sv}", "user", "d", 0);
        fake_polkit_answer(fake_polkit_question(&t.polkit, t.client, POLKIT_ACTION "control-others"), true, false);
        fake_call_ok(&t.polkit, c);
        g_assert_nonnull(session_find_channel(t.theirs, false, "d"));
        tear_down(&t);
}

/* Whoever waits for an answer is a client, for whom tracingd stays. */
static void test_waiting_client(void) {
        GDBusMethodInvocation *question;
        struct fake_call *c;
        struct test t;

        set_up(&t);
        g_assert_cmpint(clients_new(t.service.bus, &t.service.bus->clients), >=, 0);
        c = call(&t, t.client, FOREIGN, SESSION, "Start", "a{sv}", 0);
        question = fake_polkit_question(&t.polkit, t.client, POLKIT_ACTION "control-others");
        g_assert_cmpuint(clients_count(t.service.bus->clients), ==, 1);
        fake_polkit_answer(question, false, false);
        fake_call_fails(&t.polkit, c, DENIED, "user 1001 is refused to you");
        tear_down(&t);
}

/* What was there when the question was asked is not any more. */
static void test_gone_meanwhile(void) {
        GDBusMethodInvocation *question;
        struct fake_call *c;
        struct test t;

        set_up(&t);
        c = call(&t, t.client, FOREIGN, SESSION, "EnableChannel", "ssa{sv}", "user", "d", 0);
        question = fake_polkit_question(&t.polkit, t.client, POLKIT_ACTION "control-others");
        manager_remove_session(t.service.manager, t.theirs);
        fake_polkit_answer(question, true, false);
        fake_call_fails(&t.polkit, c, UNKNOWN, "theirs");
        tear_down(&t);
}

static void test_root(void) {
        struct test t;

        set_up(&t);
        fake_polkit_set_uid(&t.polkit, t.client, 0);
        fake_call_ok(&t.polkit, call(&t, t.client, FOREIGN, PROPERTIES, "GetAll", "s", SESSION));
        fake_call_ok(&t.polkit, call(&t, t.client, FOREIGN, SESSION, "Destroy", "a{sv}", 0));
        g_assert_null(manager_find_session(t.service.manager, 1001, "theirs"));
        tear_down(&t);
}

static void test_managed_objects(void) {
        struct fake_call *c;
        const char *path;
        struct test t;
        sd_bus_message *m;

        set_up(&t);
        c = call(&t, t.client, ROOT, "org.freedesktop.DBus.ObjectManager", "GetManagedObjects", "");
        m = fake_call_wait(&t.polkit, c);
        g_assert_cmpint(sd_bus_message_enter_container(m, 'a', "{oa{sa{sv}}}"), >, 0);
        g_assert_cmpint(sd_bus_message_enter_container(m, 'e', "oa{sa{sv}}"), >, 0);
        g_assert_cmpint(sd_bus_message_read(m, "o", &path), >, 0);
        g_assert_cmpstr(path, ==, MINE);
        g_assert_cmpint(sd_bus_message_skip(m, "a{sa{sv}}"), >, 0);
        g_assert_cmpint(sd_bus_message_exit_container(m), >=, 0);
        g_assert_cmpint(sd_bus_message_enter_container(m, 'e', "oa{sa{sv}}"), ==, 0);
        fake_call_free(c);
        tear_down(&t);
}

/* An application of another uid than the client's, and a number that nobody has. */
static void test_applications(void) {
        static const char *const events[] = { "shop:order_paid", NULL };
        g_autofree char *a = NULL, *b = NULL, *path = NULL, *told = NULL;
        GDBusMethodInvocation *question;
        struct fake_application *application;
        struct fixture registration;
        struct fake_call *c;
        struct test t;

        set_up(&t);
        registration = (struct fixture) { .register_fd = t.service.register_fd };
        application = fake_application_register(&registration, events, 0);
        fake_polkit_set_uid(&t.polkit, t.client, getuid() + 1000);
        path = g_strdup_printf(ROOT "/application/_3%lu", (unsigned long) application->id);
        c = call(&t, t.client, path, PROPERTIES, "GetAll", "s", NAME "Application");
        question = fake_polkit_question(&t.polkit, t.client, POLKIT_ACTION "list-others");
        g_assert_cmpuint(fake_polkit_flags(question), ==, 0);
        fake_polkit_answer(question, false, true);
        a = refusal(&t, c);
        c = call(&t, t.client, ROOT "/application/_39", PROPERTIES, "GetAll", "s", NAME "Application");
        fake_polkit_answer(fake_polkit_question(&t.polkit, t.client, POLKIT_ACTION "list-others"), false, true);
        told = refusal(&t, c);
        /* The same but for the path. */
        b = g_strdup_printf("%s: Unknown object '%s'.", UNKNOWN, path);
        g_assert_cmpstr(a, ==, b);
        g_free(b);
        b = g_strdup_printf("%s: Unknown object '%s'.", UNKNOWN, ROOT "/application/_39");
        g_assert_cmpstr(told, ==, b);
        c = call(&t, t.client, path, PROPERTIES, "GetAll", "s", NAME "Application");
        fake_polkit_answer(fake_polkit_question(&t.polkit, t.client, POLKIT_ACTION "list-others"), true, false);
        fake_call_ok(&t.polkit, c);
        fake_application_free(application);
        tear_down(&t);
}

int main(int argc, char *argv[]) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/gate/refusals", test_refusals);
        g_test_add_func("/gate/get-session", test_get_session);
        g_test_add_func("/gate/own", test_own);
        g_test_add_func("/gate/granted", test_granted);
        g_test_add_func("/gate/waiting-client", test_waiting_client);
        g_test_add_func("/gate/gone-meanwhile", test_gone_meanwhile);
        g_test_add_func("/gate/root", test_root);
        g_test_add_func("/gate/managed-objects", test_managed_objects);
        g_test_add_func("/gate/applications", test_applications);
        return g_test_run();
}
