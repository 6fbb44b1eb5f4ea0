/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The system authorizer, and that of a user's bus: what polkit is asked, and what becomes of its answers. */

#include "fake-polkit.h"

#include <string.h>
#include <unistd.h>

#include "service/bus/errors.h"

#define DENIED "org.freedesktop.DBus.Error.AccessDenied"
#define NEEDS_PASSWORD "org.freedesktop.DBus.Error.InteractiveAuthorizationRequired"
#define LIMITS "org.freedesktop.DBus.Error.LimitsExceeded"
#define CALLS_PER_UID 16
#define NAMES_KEPT 128

struct test {
        struct fake_polkit polkit;
        struct authorizer *authorizer;
        sd_bus *service, *client;
        unsigned runs;  /* of methods that were allowed */
        unsigned shown; /* of them, that may know of what they asked about */
};

/* Ask(action, owner, session, domain, pattern, quiet) asks, then counts. */
static int on_ask(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        const char *session, *domain, *pattern;
        struct test *t = userdata;
        struct question question;
        struct failure failure;
        uint32_t action, owner;
        int r, quiet;

        g_assert_cmpint(sd_bus_message_read(m, "uusssb", &action, &owner, &session, &domain, &pattern, &quiet), >, 0);
        question = (struct question) {
                .action = (enum action) action,
                .owner = owner,
                .session = *session ? session : NULL,
                .domain = *domain ? domain : NULL,
                .pattern = *pattern ? pattern : NULL,
                .quiet = quiet,
        };
        r = t->authorizer->check(t->authorizer, m, &question, &failure);
        if (r < 0)
                return error_set(error, &failure);
        if (r == 0)
                return 1;
        t->runs++;
        t->shown += t->authorizer->shows(t->authorizer, m, owner);
        return sd_bus_reply_method_return(m, NULL);
}

/* Twice(): a question, the same with less said, and another. */
static int on_twice(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        static const struct question questions[] = {
                { ACTION_LIST, 1001, "s", "user", "a:b" },
                { ACTION_LIST, 1001, "s" },
                { ACTION_CONTROL, 1001, "s" },
        };
        struct test *t = userdata;
        struct failure failure;
        int r;

        for (size_t i = 0; i < G_N_ELEMENTS(questions); i++) {
                r = t->authorizer->check(t->authorizer, m, &questions[i], &failure);
                if (r < 0)
                        return error_set(error, &failure);
                if (r == 0)
                        return 1;
        }
        t->runs++;
        return sd_bus_reply_method_return(m, NULL);
}

/* Who(u owner): the caller, and whether it may know of that uid. */
static int on_who(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        struct test *t = userdata;
        struct failure failure;
        uint32_t owner;
        uid_t uid;
        int r;

        g_assert_cmpint(sd_bus_message_read(m, "u", &owner), >, 0);
        r = t->authorizer->caller(t->authorizer, m, &uid, &failure);
        if (r < 0)
                return error_set(error, &failure);
        return sd_bus_reply_method_return(m, "ub", (uint32_t) uid, (int) t->authorizer->shows(t->authorizer, m, owner));
}

static const sd_bus_vtable vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD("Ask", "uusssb", NULL, on_ask, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("Twice", NULL, NULL, on_twice, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("Who", "u", "ub", on_who, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_VTABLE_END,
};

static void set_up(struct test *t, bool present, uint64_t usec) {
        *t = (struct test) { 0 };
        fake_polkit_init(&t->polkit, present);
        t->polkit.config.polkit_usec = t->polkit.config.password_usec = usec;
        t->service = fake_polkit_connect(&t->polkit);
        t->client = fake_polkit_connect(&t->polkit);
        g_assert_cmpint(sd_bus_add_object_vtable(t->service, NULL, "/t", "t.T", vtable, t), >=, 0);
        g_assert_cmpint(authorizer_new_system(t->polkit.event, t->service, &t->polkit.config, &t->authorizer), ==, 0);
}

static void tear_down(struct test *t) {
        authorizer_free(t->authorizer);
        fake_polkit_disconnect(&t->client);
        fake_polkit_disconnect(&t->service);
        fake_polkit_done(&t->polkit);
}

static sd_bus_message *message(struct test *t, sd_bus *client, const char *member) {
        sd_bus_message *m;
        const char *name;

        g_assert_cmpint(sd_bus_get_unique_name(t->service, &name), >=, 0);
        g_assert_cmpint(sd_bus_message_new_method_call(client, &m, name, "/t", "t.T", member), >=, 0);
        return m;
}

static struct fake_call *ask(struct test *t, sd_bus *client, enum action action, uid_t owner, bool interactive) {
        sd_bus_message *m = message(t, client, "Ask");

        g_assert_cmpint(sd_bus_message_append(m, "uusssb", action, owner, "", "", "", 0), >=, 0);
        g_assert_cmpint(sd_bus_message_set_allow_interactive_authorization(m, interactive), >=, 0);
        return fake_call_new(client, m);
}

static uint32_t who(struct test *t, sd_bus *client, uid_t owner, bool *ret_shown) {
        sd_bus_message *m = message(t, client, "Who");
        struct fake_call *call;
        uint32_t uid;
        int shown;

        g_assert_cmpint(sd_bus_message_append(m, "u", owner), >=, 0);
        call = fake_call_new(client, m);
        g_assert_cmpint(sd_bus_message_read(fake_call_wait(&t->polkit, call), "ub", &uid, &shown), >, 0);
        *ret_shown = shown;
        fake_call_free(call);
        return uid;
}

static const char *const others[] = {
        [ACTION_LIST] = POLKIT_ACTION "list-others",
        [ACTION_TRACE] = POLKIT_ACTION "trace-others",
        [ACTION_CONTROL] = POLKIT_ACTION "control-others",
        [ACTION_READ] = POLKIT_ACTION "read-others",
};

static void test_yes(void) {
        struct test t;

        set_up(&t, true, 0);
        for (enum action action = ACTION_LIST; action <= ACTION_READ; action++)
                for (uid_t owner = 1000; owner <= 1001; owner++) {
                        const char *wanted = owner == 1000 ? POLKIT_ACTION "trace-own" : others[action];
                        struct fake_call *call = ask(&t, t.client, action, owner, false);
                        GDBusMethodInvocation *question = fake_polkit_question(&t.polkit, t.client, wanted);

                        /* Nothing happens before the answer, and it is good for this once. */
                        g_assert_cmpuint(t.runs, ==, 0);
                        g_assert_cmpuint(fake_polkit_flags(question), ==, 0);
                        fake_polkit_answer(question, true, false);
                        fake_call_ok(&t.polkit, call);
                        g_assert_cmpuint(t.runs, ==, 1);
                        g_assert_cmpuint(t.shown, ==, 1);
                        t.runs = t.shown = 0;
                }
        tear_down(&t);
}

static void test_details(void) {
        static const struct {
                enum action action;
                uid_t owner;
                const char *session, *domain, *pattern, *details;
        } cases[] = {
                { ACTION_CONTROL, 1001, "s-1", "user", "shop:*",
                  "domain=user owner=1001 pattern=shop:* session=s-1 verb=Ask" },
                { ACTION_TRACE, 1001, "s-1", "", "", "owner=1001 session=s-1 target-uid=1001 verb=Ask" },
                { ACTION_LIST, OWNER_ANY, "", "", "", "owner=all verb=Ask" },
                /* A name that no session can have could be made to deceive whoever is asked. */
                { ACTION_LIST, 1001, "s\nowner: 1000", "", "", "owner=1001 verb=Ask" },
        };
        struct test t;

        set_up(&t, true, 0);
        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                sd_bus_message *m = message(&t, t.client, "Ask");
                g_autofree char *details = NULL;
                GDBusMethodInvocation *question;
                struct fake_call *call;

                g_assert_cmpint(sd_bus_message_append(m, "uusssb", cases[i].action, cases[i].owner, cases[i].session,
                                                      cases[i].domain, cases[i].pattern, 0), >=, 0);
                call = fake_call_new(t.client, m);
                question = fake_polkit_question(&t.polkit, t.client, others[cases[i].action]);
                details = fake_polkit_details(question);
                g_assert_cmpstr(details, ==, cases[i].details);
                fake_polkit_answer(question, true, false);
                fake_call_ok(&t.polkit, call);
        }
        tear_down(&t);
}

static void test_no(void) {
        struct test t;
        struct fake_call *call;

        set_up(&t, true, 0);
        call = ask(&t, t.client, ACTION_CONTROL, 1001, false);
        fake_polkit_answer(fake_polkit_question(&t.polkit, t.client, others[ACTION_CONTROL]), false, false);
        fake_call_fails(&t.polkit, call, DENIED,
                        "the tracing of user 1001 is refused to you (" POLKIT_ACTION "control-others)");
        call = ask(&t, t.client, ACTION_LIST, OWNER_ANY, false);
        fake_polkit_answer(fake_polkit_question(&t.polkit, t.client, others[ACTION_LIST]), false, false);
        fake_call_fails(&t.polkit, call, DENIED, "the tracing of other users is refused");
        call = ask(&t, t.client, ACTION_TRACE, 1000, true);
        fake_polkit_answer(fake_polkit_question(&t.polkit, t.client, POLKIT_ACTION "trace-own"), false, false);
        fake_call_fails(&t.polkit, call, DENIED, "Access to tracing is refused to you");
        g_assert_cmpuint(t.runs, ==, 0);
        tear_down(&t);
}

static void test_password(void) {
        GDBusMethodInvocation *question;
        struct fake_call *call;
        struct test t;

        set_up(&t, true, 0);
        call = ask(&t, t.client, ACTION_READ, 1001, false);
        fake_polkit_answer(fake_polkit_question(&t.polkit, t.client, others[ACTION_READ]), false, true);
        fake_call_fails(&t.polkit, call, NEEDS_PASSWORD, "allow interactive authorization");
        /* Allowed, but polkit found no agent. */
        call = ask(&t, t.client, ACTION_READ, 1001, true);
        question = fake_polkit_question(&t.polkit, t.client, others[ACTION_READ]);
        g_assert_cmpuint(fake_polkit_flags(question), ==, 1);
        fake_polkit_answer(question, false, true);
        fake_call_fails(&t.polkit, call, DENIED, "start an agent");
        call = ask(&t, t.client, ACTION_READ, 1001, true);
        question = fake_polkit_question(&t.polkit, t.client, others[ACTION_READ]);
        fake_polkit_answer(question, true, false);
        fake_call_ok(&t.polkit, call);
        g_assert_cmpuint(t.runs, ==, 1);
        tear_down(&t);
}

static void test_quiet(void) {
        sd_bus_message *m;
        GDBusMethodInvocation *question;
        struct fake_call *call;
        struct test t;

        set_up(&t, true, 0);
        m = message(&t, t.client, "Ask");
        g_assert_cmpint(sd_bus_message_append(m, "uusssb", ACTION_LIST, OWNER_ANY, "", "", "", 1), >=, 0);
        g_assert_cmpint(sd_bus_message_set_allow_interactive_authorization(m, 1), >=, 0);
        call = fake_call_new(t.client, m);
        question = fake_polkit_question(&t.polkit, t.client, others[ACTION_LIST]);
        g_assert_cmpuint(fake_polkit_flags(question), ==, 0);
        fake_polkit_answer(question, false, true);
        fake_call_fails(&t.polkit, call, DENIED, "needs a password");
        tear_down(&t);
}

static void answer_with_nonsense(GDBusMethodInvocation *question) {
        g_autoptr(GDBusMessage) reply = g_dbus_message_new_method_reply(g_dbus_method_invocation_get_message(question));
        g_autoptr(GError) error = NULL;

        g_dbus_message_set_body(reply, g_variant_new("(b)", TRUE));
        g_dbus_connection_send_message(g_dbus_method_invocation_get_connection(question), reply,
                                       G_DBUS_SEND_MESSAGE_FLAGS_NONE, NULL, &error);
        g_assert_no_error(error);
        g_object_unref(question);
}

/* Whatever is no clear yes is a denial, of one's own, too. */
static void test_failures(void) {
        static const char *const errors[] = {
                "org.freedesktop.PolicyKit1.Error.Failed",
                "org.freedesktop.PolicyKit1.Error.Cancelled",
                "org.freedesktop.DBus.Error.NoReply",
                "org.freedesktop.DBus.Error.NameHasNoOwner",
                "org.freedesktop.systemd1.UnitMasked",
        };
        struct test t;

        set_up(&t, true, 0);
        for (uid_t owner = 1000; owner <= 1001; owner++)
                for (size_t i = 0; i < G_N_ELEMENTS(errors) + 2; i++) {
                        struct fake_call *call = ask(&t, t.client, ACTION_TRACE, owner, true);
                        GDBusMethodInvocation *question = fake_polkit_wait(&t.polkit, "CheckAuthorization");

                        if (i == G_N_ELEMENTS(errors))
                                answer_with_nonsense(question);
                        else if (i > G_N_ELEMENTS(errors))
                                fake_polkit_answer(question, true, true);
                        else
                                g_dbus_method_invocation_return_dbus_error(question, errors[i], "no");
                        if (i == 2) /* polkit may still be asking */
                                g_object_unref(fake_polkit_wait(&t.polkit, "CancelCheckAuthorization"));
                        fake_call_fails(&t.polkit, call, DENIED, "polkit did not say");
                }
        g_assert_cmpuint(t.runs, ==, 0);
        tear_down(&t);
}

/* What is known of the caller's process is polkit's subject, with the uid that the bus has told. */
static void test_process(void) {
        g_autoptr(GVariant) subject = NULL;
        GDBusMethodInvocation *question;
        struct fake_call *call;
        guint64 start_time;
        const char *kind;
        struct test t;
        gint32 uid;

        set_up(&t, true, 0);
        authorizer_free(t.authorizer);
        t.polkit.config.pid = getpid();
        g_assert_cmpint(authorizer_new_system(t.polkit.event, t.service, &t.polkit.config, &t.authorizer), ==, 0);
        call = ask(&t, t.client, ACTION_TRACE, 1001, false);
        question = fake_polkit_wait(&t.polkit, "CheckAuthorization");
        g_variant_get_child(g_dbus_method_invocation_get_parameters(question), 0, "(&s@a{sv})", &kind, &subject);
        g_assert_cmpstr(kind, ==, "unix-process");
        g_assert_true(g_variant_lookup(subject, "uid", "i", &uid));
        g_assert_cmpint(uid, ==, 1000);
        g_assert_true(g_variant_lookup(subject, "start-time", "t", &start_time));
        g_assert_cmpuint(start_time, >, 0);
        fake_polkit_answer(question, true, false);
        fake_call_ok(&t.polkit, call);
        g_assert_cmpuint(t.runs, ==, 1);
        tear_down(&t);
}

static void test_absent(void) {
        struct test t;

        set_up(&t, false, 0);
        fake_call_ok(&t.polkit, ask(&t, t.client, ACTION_TRACE, 1000, false));
        g_assert_cmpuint(t.runs, ==, 1);
        for (enum action action = ACTION_LIST; action <= ACTION_READ; action++)
                fake_call_fails(&t.polkit, ask(&t, t.client, action, 1001, true), DENIED, "Without polkit");
        g_assert_cmpuint(t.runs, ==, 1);
        tear_down(&t);
}

static void test_root(void) {
        struct test t;

        set_up(&t, true, 0);
        fake_polkit_set_uid(&t.polkit, t.client, 0);
        fake_call_ok(&t.polkit, ask(&t, t.client, ACTION_CONTROL, 1001, false));
        g_assert_cmpuint(t.shown, ==, 1);
        fake_polkit_assert_idle(&t.polkit);
        tear_down(&t);
}

static void test_timeout(void) {
        g_autofree char *id = NULL, *cancelled = NULL;
        GDBusMethodInvocation *question, *cancel;
        struct fake_call *call;
        struct test t;

        set_up(&t, true, 50000);
        call = ask(&t, t.client, ACTION_TRACE, 1000, true);
        question = fake_polkit_wait(&t.polkit, "CheckAuthorization");
        id = fake_polkit_cancellation(question);
        fake_call_fails(&t.polkit, call, DENIED, "polkit did not say");
        cancel = fake_polkit_wait(&t.polkit, "CancelCheckAuthorization");
        g_variant_get_child(g_dbus_method_invocation_get_parameters(cancel), 0, "s", &cancelled);
        g_assert_cmpstr(cancelled, ==, id);
        g_object_unref(cancel);
        /* Too late. */
        fake_polkit_answer(question, true, false);
        g_assert_cmpuint(t.runs, ==, 0);
        tear_down(&t);
}

static void test_vanished(void) {
        g_autofree char *id = NULL, *cancelled = NULL;
        GDBusMethodInvocation *question, *cancel;
        struct fake_call *call;
        sd_bus *other;
        struct test t;

        set_up(&t, true, 0);
        other = fake_polkit_connect(&t.polkit);
        call = ask(&t, other, ACTION_TRACE, 1000, true);
        question = fake_polkit_question(&t.polkit, other, POLKIT_ACTION "trace-own");
        id = fake_polkit_cancellation(question);
        fake_call_free(call);
        fake_polkit_disconnect(&other);
        cancel = fake_polkit_wait(&t.polkit, "CancelCheckAuthorization");
        g_variant_get_child(g_dbus_method_invocation_get_parameters(cancel), 0, "s", &cancelled);
        g_assert_cmpstr(cancelled, ==, id);
        g_object_unref(cancel);
        fake_polkit_answer(question, true, false);
        /* What comes later is served; the other has had no effect. */
        call = ask(&t, t.client, ACTION_TRACE, 1000, false);
        fake_polkit_answer(fake_polkit_wait(&t.polkit, "CheckAuthorization"), true, false);
        fake_call_ok(&t.polkit, call);
        g_assert_cmpuint(t.runs, ==, 1);
        tear_down(&t);
}

static void test_two_callers(void) {
        GDBusMethodInvocation *question[2];
        struct fake_call *call[2];
        sd_bus *other;
        bool shown;
        struct test t;

        set_up(&t, true, 0);
        other = fake_polkit_connect(&t.polkit);
        fake_polkit_set_uid(&t.polkit, other, 1001);
        call[0] = ask(&t, t.client, ACTION_TRACE, 1000, true);
        question[0] = fake_polkit_question(&t.polkit, t.client, POLKIT_ACTION "trace-own");
        call[1] = ask(&t, other, ACTION_CONTROL, 1000, false);
        question[1] = fake_polkit_question(&t.polkit, other, others[ACTION_CONTROL]);
        /* Who asks for nothing is answered at once. */
        g_assert_cmpuint(who(&t, t.client, 1000, &shown), ==, 1000);
        fake_polkit_answer(question[1], true, false);
        fake_call_ok(&t.polkit, call[1]);
        g_assert_cmpuint(t.runs, ==, 1);
        g_assert_null(call[0]->reply);
        fake_polkit_answer(question[0], false, false);
        fake_call_fails(&t.polkit, call[0], DENIED, "refused");
        g_assert_cmpuint(t.runs, ==, 1);
        fake_polkit_disconnect(&other);
        tear_down(&t);
}

static void test_two_questions(void) {
        struct fake_call *call;
        struct test t;

        set_up(&t, true, 0);
        call = fake_call_new(t.client, message(&t, t.client, "Twice"));
        fake_polkit_answer(fake_polkit_question(&t.polkit, t.client, others[ACTION_LIST]), true, false);
        fake_polkit_answer(fake_polkit_question(&t.polkit, t.client, others[ACTION_CONTROL]), true, false);
        fake_call_ok(&t.polkit, call);
        g_assert_cmpuint(t.runs, ==, 1);
        call = fake_call_new(t.client, message(&t, t.client, "Twice"));
        fake_polkit_answer(fake_polkit_question(&t.polkit, t.client, others[ACTION_LIST]), true, false);
        fake_polkit_answer(fake_polkit_question(&t.polkit, t.client, others[ACTION_CONTROL]), false, false);
        fake_call_fails(&t.polkit, call, DENIED, "refused");
        g_assert_cmpuint(t.runs, ==, 1);
        tear_down(&t);
}

static void test_limits(void) {
        GDBusMethodInvocation *questions[CALLS_PER_UID];
        struct fake_call *calls[CALLS_PER_UID], *call;
        g_autofree char *longest = g_strnfill(1025, 'x');
        sd_bus_message *m;
        sd_bus *other;
        struct test t;

        set_up(&t, true, 0);
        other = fake_polkit_connect(&t.polkit);
        fake_polkit_set_uid(&t.polkit, other, 1001);
        for (size_t i = 0; i < CALLS_PER_UID; i++) {
                calls[i] = ask(&t, t.client, ACTION_TRACE, 1000, false);
                questions[i] = fake_polkit_wait(&t.polkit, "CheckAuthorization");
        }
        fake_call_fails(&t.polkit, ask(&t, t.client, ACTION_TRACE, 1000, false), LIMITS, "16 calls wait for polkit");
        call = ask(&t, other, ACTION_TRACE, 1001, false);
        fake_polkit_answer(fake_polkit_wait(&t.polkit, "CheckAuthorization"), true, false);
        fake_call_ok(&t.polkit, call);
        for (size_t i = 0; i < CALLS_PER_UID; i++)
                fake_polkit_answer(questions[i], true, false);
        for (size_t i = 0; i < CALLS_PER_UID; i++)
                fake_call_ok(&t.polkit, calls[i]);
        g_assert_cmpuint(t.runs, ==, CALLS_PER_UID + 1);
        m = message(&t, t.client, "Ask");
        g_assert_cmpint(sd_bus_message_append(m, "uusssb", ACTION_TRACE, 1000, "", "", longest, 0), >=, 0);
        fake_call_fails(&t.polkit, fake_call_new(t.client, m), LIMITS, "shorten it");
        fake_polkit_disconnect(&other);
        tear_down(&t);
}

static void test_callers(void) {
        sd_bus *clients[NAMES_KEPT];
        struct test t;
        bool shown;

        set_up(&t, true, 0);
        for (int i = 0; i < 3; i++) {
                g_assert_cmpuint(who(&t, t.client, 1000, &shown), ==, 1000);
                g_assert_true(shown);
                g_assert_cmpuint(who(&t, t.client, 1001, &shown), ==, 1000);
                g_assert_false(shown);
        }
        g_assert_cmpuint(t.polkit.asked_uids, ==, 1);
        for (size_t i = 0; i < NAMES_KEPT; i++) {
                clients[i] = fake_polkit_connect(&t.polkit);
                fake_polkit_set_uid(&t.polkit, clients[i], 2000 + i);
                g_assert_cmpuint(who(&t, clients[i], 1000, &shown), ==, 2000 + i);
        }
        g_assert_cmpuint(t.polkit.asked_uids, ==, 1 + NAMES_KEPT);
        /* There is room for more connections than a bus allows. */
        (void) who(&t, t.client, 1000, &shown);
        (void) who(&t, clients[0], 1000, &shown);
        g_assert_cmpuint(t.polkit.asked_uids, ==, 1 + NAMES_KEPT);
        g_assert_true(t.authorizer->shows(t.authorizer, NULL, 1001));
        for (size_t i = 0; i < NAMES_KEPT; i++)
                fake_polkit_disconnect(&clients[i]);
        tear_down(&t);
}

/* What the bus itself says, when the test says nothing. */
static void test_real_caller(void) {
        struct test t;
        bool shown;

        set_up(&t, true, 0);
        authorizer_free(t.authorizer);
        g_assert_cmpint(authorizer_new_system(t.polkit.event, t.service, &(struct authorizer_config) { 0 },
                                              &t.authorizer), ==, 0);
        g_assert_cmpuint(who(&t, t.client, getuid(), &shown), ==, getuid());
        g_assert_true(shown);
        tear_down(&t);
}

static void test_user_bus(void) {
        uid_t other = getuid() == 1234 ? 1235 : 1234;
        sd_bus *root, *stranger;
        sd_bus_message *m;
        struct test t;
        bool shown;

        set_up(&t, true, 0);
        authorizer_free(t.authorizer);
        g_assert_cmpint(authorizer_new_user(t.service, &t.polkit.config, &t.authorizer), ==, 0);
        root = fake_polkit_connect(&t.polkit);
        stranger = fake_polkit_connect(&t.polkit);
        fake_polkit_set_uid(&t.polkit, t.client, getuid());
        fake_polkit_set_uid(&t.polkit, root, 0);
        fake_polkit_set_uid(&t.polkit, stranger, other);
        fake_call_ok(&t.polkit, ask(&t, t.client, ACTION_READ, getuid(), false));
        fake_call_ok(&t.polkit, ask(&t, root, ACTION_CONTROL, getuid(), false));
        g_assert_cmpuint(t.shown, ==, 2);
        /* Root's sessions here are the user's. */
        g_assert_cmpuint(who(&t, root, getuid(), &shown), ==, getuid());
        g_assert_true(shown);
        fake_call_fails(&t.polkit, ask(&t, stranger, ACTION_LIST, other, true), DENIED, "use the system service");
        m = message(&t, stranger, "Who");
        g_assert_cmpint(sd_bus_message_append(m, "u", (uint32_t) other), >=, 0);
        fake_call_fails(&t.polkit, fake_call_new(stranger, m), DENIED, "use the system service");
        fake_polkit_assert_idle(&t.polkit);
        fake_polkit_disconnect(&root);
        fake_polkit_disconnect(&stranger);
        tear_down(&t);
}

int main(int argc, char *argv[]) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/polkit/yes", test_yes);
        g_test_add_func("/polkit/details", test_details);
        g_test_add_func("/polkit/no", test_no);
        g_test_add_func("/polkit/password", test_password);
        g_test_add_func("/polkit/quiet", test_quiet);
        g_test_add_func("/polkit/failures", test_failures);
        g_test_add_func("/polkit/process", test_process);
        g_test_add_func("/polkit/absent", test_absent);
        g_test_add_func("/polkit/root", test_root);
        g_test_add_func("/polkit/timeout", test_timeout);
        g_test_add_func("/polkit/vanished", test_vanished);
        g_test_add_func("/polkit/two-callers", test_two_callers);
        g_test_add_func("/polkit/two-questions", test_two_questions);
        g_test_add_func("/polkit/limits", test_limits);
        g_test_add_func("/polkit/callers", test_callers);
        g_test_add_func("/polkit/real-caller", test_real_caller);
        g_test_add_func("/polkit/user-bus", test_user_bus);
        return g_test_run();
}
