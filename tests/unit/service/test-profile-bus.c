/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* ApplyProfile, Dump and Limits as a client sees them, and calls that must be refused. */

#include "fixture.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define MANAGER "/org/tracectl/Tracing1", "org.tracectl.Tracing1.Manager"
#define SESSION "org.tracectl.Tracing1.Session"
#define ERROR "org.tracectl.Tracing1.Error."

static const char *const shop[] = { "shop:order_paid", NULL };

static char *profile_text(struct fixture *f, const char *start, const char *rest) {
        return g_strdup_printf("[Session]\nName=s\nDirectory=%s\nStart=%s\n[Channel c]\nSubBufferSize=4K\n"
                               "SubBufferCount=2\n%s", f->output, start, rest);
}

static void append_side(GString *seen, sd_bus_message *m) {
        const char *key, *contents, *value;
        char type;

        g_assert_cmpint(sd_bus_message_enter_container(m, 'a', "{sv}"), >, 0);
        while (sd_bus_message_enter_container(m, 'e', "sv") > 0) {
                g_assert_cmpint(sd_bus_message_read(m, "s", &key), >, 0);
                g_assert_cmpint(sd_bus_message_peek_type(m, &type, &contents), >, 0);
                g_string_append_printf(seen, "%s=", key);
                if (strcmp(contents, "s") == 0) {
                        g_assert_cmpint(sd_bus_message_read(m, "v", "s", &value), >, 0);
                        g_string_append(seen, value);
                } else {
                        g_assert_cmpint(sd_bus_message_enter_container(m, 'v', "as"), >, 0);
                        g_assert_cmpint(sd_bus_message_enter_container(m, 'a', "s"), >, 0);
                        while (sd_bus_message_read(m, "s", &value) > 0)
                                g_string_append_printf(seen, "[%s]", value);
                        g_assert_cmpint(sd_bus_message_exit_container(m), >=, 0);
                        g_assert_cmpint(sd_bus_message_exit_container(m), >=, 0);
                }
                g_string_append(seen, " ");
                g_assert_cmpint(sd_bus_message_exit_container(m), >=, 0);
        }
        g_assert_cmpint(sd_bus_message_exit_container(m), >=, 0);
}

static void assert_applies(struct fixture *f, const char *text, bool dry_run, const char *before, const char *after) {
        g_autoptr(GString) b = g_string_new(NULL), a = g_string_new(NULL);
        sd_bus_message *reply;
        int changed;

        reply = fixture_call(f, MANAGER, "ApplyProfile", NULL, "sa{sv}", text, 2, "name", "s", "shop", "dry-run", "b",
                             (int) dry_run);
        g_assert_cmpint(sd_bus_message_read(reply, "b", &changed), >, 0);
        append_side(b, reply);
        append_side(a, reply);
        g_assert_cmpstr(b->str, ==, before);
        g_assert_cmpstr(a->str, ==, after);
        g_assert_cmpint(changed, ==, *before || *after);
        sd_bus_message_unref(reply);
}

static void test_apply(void) {
        struct fixture *f = fixture_new();
        g_autofree char *first = profile_text(f, "yes", "Event=shop:*\n");
        g_autofree char *second = profile_text(f, "no", "DisabledEvent=shop:*\n");
        g_autofree char *session = g_strdup_printf("/org/tracectl/Tracing1/session/%u/s", (unsigned) getuid());
        g_autofree char *origin = NULL, *after = NULL;
        struct fake_application *a = fake_application_register(f, shop, 0);

        after = g_strdup_printf("Session.Mode=record Session.Directory=%s Session.Start=yes Channel c.SubBufferSize=4K "
                                "Channel c.SubBufferCount=2 Channel c.Mode=discard Channel c.Enabled=yes "
                                "Channel c.Event=[shop:*] ", f->output);
        assert_applies(f, first, true, "", after);
        fixture_fails(f, ERROR "NoSuchSession", "'s'", MANAGER, "GetSession", "us", (unsigned) getuid(), "s");
        assert_applies(f, first, false, "", after);
        fixture_wait_string(f, session, SESSION, "State", "active");
        origin = fixture_get_string(f, session, SESSION, "Origin");
        g_assert_cmpstr(origin, ==, "profile shop");
        fake_application_apply(a);
        g_assert_cmpuint(a->view.n_actions, ==, 1);
        assert_applies(f, first, false, "", "");
        /* Start=no does not stop it. */
        assert_applies(f, second, false, "Channel c.Event=[shop:*] Channel c.DisabledEvent= ",
                       "Channel c.Event= Channel c.DisabledEvent=[shop:*] ");
        fake_application_apply(a);
        g_assert_cmpuint(a->view.n_actions, ==, 0);
        fixture_wait_string(f, session, SESSION, "State", "active");
        fake_application_free(a);
        fixture_free(f);
}

/* Nothing of a profile is done where some of it cannot be any more. */
static void test_cannot_change(void) {
        struct fixture *f = fixture_new();
        g_autofree char *first = profile_text(f, "yes", "Event=shop:*\n");
        static const char *const others[] = {
                "SubBufferSize=8K\nEvent=x:*\n",
                "Mode=overwrite\nEvent=x:*\n",
                "Context=ip\nEvent=x:*\n",
                "Event=x:*\n[Session]\nMode=flight-recorder\n",
                "Event=x:*\n[Session]\nDirectory=/elsewhere\n",
        };

        fixture_ok(f, MANAGER, "ApplyProfile", "sa{sv}", first, 0);
        for (size_t i = 0; i < G_N_ELEMENTS(others); i++) {
                g_autofree char *text = profile_text(f, "yes", others[i]);

                fixture_fails(f, ERROR "CannotChange", "cannot be changed any more", MANAGER, "ApplyProfile", "sa{sv}",
                              text, 0);
        }
        assert_applies(f, first, false, "", "");
        fixture_free(f);
}

static void test_start_fails(void) {
        struct fixture *f = fixture_new();
        g_autofree char *text = profile_text(f, "no", "Event=shop:*\n");
        g_autofree char *session = g_strdup_printf("/org/tracectl/Tracing1/session/%u/s", (unsigned) getuid());

        f->answer_error = EACCES;
        g_atomic_int_set(&f->answer_type, CONSUMER_OUTPUT);
        fixture_fails(f, ERROR "Output", "Permission denied", MANAGER, "ApplyProfile", "sa{sv}", text, 1, "start", "b",
                      1);
        /* The session is there, and the next try is but its start. */
        fixture_wait_string(f, session, SESSION, "State", "configured");
        g_atomic_int_set(&f->answer_type, 0);
        fixture_ok(f, MANAGER, "ApplyProfile", "sa{sv}", text, 1, "start", "b", 1);
        fixture_wait_string(f, session, SESSION, "State", "active");
        fixture_free(f);
}

static void test_refusals(void) {
        sd_bus_error error = SD_BUS_ERROR_NULL;
        struct fixture *f = fixture_new();
        uint32_t n = 1;
        struct fake_application *a = fake_application_register(f, shop, 0);

        fixture_fails(f, ERROR "InvalidOption", "pass its text", MANAGER, "ApplyProfile", "sa{sv}", "", 0);
        fixture_fails(f, ERROR "InvalidName", "'a/b'", MANAGER, "ApplyProfile", "sa{sv}", "[Session]\n", 1, "name", "s",
                      "a/b");
        fixture_fails(f, ERROR "NoSuchProfile", "'none-such'", MANAGER, "ApplyProfile", "sa{sv}", "", 1, "name", "s",
                      "none-such");
        fixture_fails(f, ERROR "InvalidProfile", "Profile 'p', line 2: Unknown key 'Nme'", MANAGER, "ApplyProfile",
                      "sa{sv}", "[Session]\nNme=x\n", 1, "name", "s", "p");
        fixture_fails(f, ERROR "InvalidProfile", "The profile names no session", MANAGER, "ApplyProfile", "sa{sv}",
                      "[Session]\n", 0);
        fixture_fails(f, ERROR "InvalidOption", "'dry-run' has type 's'; it must be a boolean", MANAGER, "ApplyProfile",
                      "sa{sv}", "[Session]\n", 1, "dry-run", "s", "yes");
        fixture_fails(f, ERROR "UnknownOption", "known are: name, dry-run, start, persistent", MANAGER, "ApplyProfile",
                      "sa{sv}", "[Session]\n", 1, "force", "b", 1);
        fixture_fails(f, ERROR "Output", "Directory=", MANAGER, "ApplyProfile", "sa{sv}", "[Session]\nName=s\n", 0);
        /* What an event that is there shows. */
        fixture_fails(f, ERROR "EventInOtherChannel", "shop:order_paid", MANAGER, "ApplyProfile", "sa{sv}",
                      "[Session]\nName=s\nDirectory=/x\n[Channel c]\nEvent=shop:*\n[Channel d]\nEvent=*:order_paid\n",
                      0);
        g_assert_cmpint(sd_bus_get_property_trivial(f->bus, NULL, MANAGER, "Sessions", &error, 'u', &n), >=, 0);
        g_assert_cmpuint(n, ==, 0);
        fake_application_free(a);
        fixture_free(f);
}

static void test_dump(void) {
        struct fixture *f = fixture_new();
        g_autofree char *text = profile_text(f, "yes", "Event=shop:*\nContext=vtid\n"), *copy = NULL;
        g_autofree char *session = g_strdup_printf("/org/tracectl/Tracing1/session/%u/s", (unsigned) getuid());
        sd_bus_message *reply;
        const char *dump;

        fixture_ok(f, MANAGER, "ApplyProfile", "sa{sv}", text, 0);
        reply = fixture_call(f, session, SESSION, "Dump", NULL, "");
        g_assert_cmpint(sd_bus_message_read(reply, "s", &dump), >, 0);
        copy = g_strdup(dump);
        sd_bus_message_unref(reply);
        g_assert_nonnull(strstr(copy, "Start=yes"));
        g_assert_nonnull(strstr(copy, "Context=vtid\nEvent=shop:*"));
        assert_applies(f, copy, false, "", "");
        fixture_free(f);
}

static uint64_t limit(struct fixture *f, const char *wanted) {
        sd_bus_error error = SD_BUS_ERROR_NULL;
        uint64_t value = UINT64_MAX, v;
        sd_bus_message *reply = NULL;
        const char *name;

        g_assert_cmpint(sd_bus_get_property(f->bus, NULL, MANAGER, "Limits", &error, &reply, "a{st}"), >=, 0);
        g_assert_cmpint(sd_bus_message_enter_container(reply, 'a', "{st}"), >, 0);
        while (sd_bus_message_read(reply, "{st}", &name, &v) > 0)
                if (strcmp(name, wanted) == 0)
                        value = v;
        sd_bus_message_unref(reply);
        return value;
}

static void test_limits(void) {
        struct fixture *f = fixture_new();
        g_autofree char *session = fixture_session(f, "s");
        struct fake_application *a = fake_application_register(f, shop, 0);

        g_assert_cmpuint(limit(f, "sessions"), ==, 256);
        g_assert_cmpuint(limit(f, "sessions-used"), ==, 1);
        g_assert_cmpuint(limit(f, "applications-used"), ==, 1);
        g_assert_cmpuint(limit(f, "definitions-used"), ==, 1);
        g_assert_cmpuint(limit(f, "streams-used"), ==, 0);
        g_assert_cmpuint(limit(f, "ring-memory"), >, 0);
        fixture_ok(f, session, SESSION, "EnableEvent", "sssa{sv}", "user", "", "*", 0);
        fixture_ok(f, session, SESSION, "Start", "a{sv}", 0);
        fake_application_apply(a);
        g_assert_cmpuint(limit(f, "channels-used"), ==, 1);
        g_assert_cmpuint(limit(f, "rules-used"), ==, 1);
        g_assert_cmpuint(limit(f, "streams-used"), ==, 1);
        g_assert_cmpuint(limit(f, "ring-memory-used"), >, 0);
        fixture_ok(f, session, SESSION, "Destroy", "a{sv}", 0);
        g_assert_cmpuint(limit(f, "sessions-used"), ==, 0);
        g_assert_cmpuint(limit(f, "channels-used"), ==, 0);
        g_assert_cmpuint(limit(f, "rules-used"), ==, 0);
        fake_application_free(a);
        fixture_free(f);
}

/* Names that are none, of every object that has one. What they say is shown as text, never done. */
static void test_names(void) {
        struct fixture *f = fixture_new();
        g_autofree char *session = fixture_session(f, "s"), *long_name = g_strnfill(300, 'n');
        const char *const bad[] = { "", "a/b", "..", "-x", "a b", "a\nb", "a\x1b[2J", "gr\xc3\xbcn", long_name };

        for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
                char *error = NULL;

                g_assert_null(fixture_call(f, MANAGER, "CreateSession", &error, "sa{sv}", bad[i], 1, "directory", "s",
                                           f->output));
                g_assert_true(g_str_has_prefix(error, ERROR "InvalidName: "));
                for (const char *c = error; *c; c++)
                        g_assert_false(g_ascii_iscntrl(*c));
                g_assert_cmpuint(strlen(error), <, 600);
                g_free(error);
                if (*bad[i])
                        fixture_fails(f, ERROR "InvalidName", "no name for a channel", session, SESSION,
                                      "EnableChannel", "ssa{sv}", "user", bad[i], 0);
                if (*bad[i])
                        fixture_fails(f, ERROR "InvalidName", "no name for a snapshot", session, SESSION, "Snapshot",
                                      "a{sv}", 1, "name", "s", bad[i]);
                fixture_fails(f, ERROR "NoSuchSession", "list of sessions", MANAGER, "GetSession", "us",
                              (unsigned) getuid(), bad[i]);
        }
        fixture_fails(f, ERROR "InvalidName", "'a\\x0ab\\x1b'", MANAGER, "CreateSession", "sa{sv}", "a\nb\x1b", 1,
                      "directory", "s", f->output);
        fixture_fails(f, ERROR "UnknownOption", "'a\\x0ab'", session, SESSION, "Start", "a{sv}", 1, "a\nb", "s", "");
        fixture_fails(f, ERROR "InvalidPattern", "\\x07", session, SESSION, "EnableEvent", "sssa{sv}", "user", "",
                      "a:\x07", 0);
        fixture_free(f);
}

int main(int argc, char *argv[]) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/profile-bus/apply", test_apply);
        g_test_add_func("/profile-bus/cannot-change", test_cannot_change);
        g_test_add_func("/profile-bus/start-fails", test_start_fails);
        g_test_add_func("/profile-bus/refusals", test_refusals);
        g_test_add_func("/profile-bus/dump", test_dump);
        g_test_add_func("/profile-bus/limits", test_limits);
        g_test_add_func("/profile-bus/names", test_names);
        return g_test_run();
}
