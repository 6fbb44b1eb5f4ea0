/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Whom polkit is asked about: a process, or where that does not do the name of a connection. */

#include "fake-polkit.h"

#include <string.h>
#include <unistd.h>

#include "service/bus/polkit.h"
#include "service/registry/peer.h"

#define ERROR "org.freedesktop.PolicyKit1.Error."
#define UNMAPPED "org.gtk.GDBus.UnmappedGError.Quark._g_2dfile_2derror_2dquark.Code4"

struct test {
        struct fake_polkit polkit;
        sd_bus *service;
        struct polkit_check *check;
        enum polkit_answer answer;
        unsigned n_answers;
};

static void on_answer(enum polkit_answer answer, void *userdata) {
        struct test *t = userdata;

        t->answer = answer;
        t->n_answers++;
        t->check = polkit_check_free(t->check);
}

static void set_up(struct test *t) {
        *t = (struct test) { 0 };
        fake_polkit_init(&t->polkit, true);
        t->service = fake_polkit_connect(&t->polkit);
}

static void tear_down(struct test *t) {
        fake_polkit_assert_idle(&t->polkit);
        polkit_check_free(t->check);
        fake_polkit_disconnect(&t->service);
        fake_polkit_done(&t->polkit);
}

/* About this process, as much of it as the caller wants to be known. */
static void ask(struct test *t, bool pid, bool start_time, uid_t uid) {
        static const char *const details[] = { "verb", "Start", NULL };
        struct polkit_question question = { .action = POLKIT_ACTION "trace-own", .details = details, .uid = uid };

        g_assert_null(t->check);
        t->answer = POLKIT_ABSENT;
        question.usec = 20 * G_USEC_PER_SEC;
        g_assert_cmpint(sd_bus_get_unique_name(t->service, &question.sender), >=, 0);
        question.process.pid = pid ? getpid() : 0;
        if (start_time)
                g_assert_cmpint(process_identity(getpid(), -1, &question.process.start_time), ==, 0);
        g_assert_cmpint(polkit_ask(t->service, &question, on_answer, t, &t->check), ==, 0);
}

static GDBusMethodInvocation *question_about_process(struct test *t, uid_t uid) {
        GDBusMethodInvocation *question = fake_polkit_wait(&t->polkit, "CheckAuthorization");
        g_autofree char *details = fake_polkit_details(question);
        g_autoptr(GVariant) subject = NULL;
        guint64 start_time, expected;
        const char *kind;
        guint32 pid;
        gint32 asked;

        g_variant_get_child(g_dbus_method_invocation_get_parameters(question), 0, "(&s@a{sv})", &kind, &subject);
        g_assert_cmpstr(kind, ==, "unix-process");
        g_assert_cmpuint(g_variant_n_children(subject), ==, 3);
        g_assert_true(g_variant_lookup(subject, "pid", "u", &pid));
        g_assert_true(g_variant_lookup(subject, "start-time", "t", &start_time));
        g_assert_true(g_variant_lookup(subject, "uid", "i", &asked));
        g_assert_cmpint(process_identity(getpid(), -1, &expected), ==, 0);
        g_assert_cmpuint(pid, ==, getpid());
        g_assert_cmpuint(start_time, ==, expected);
        g_assert_cmpint(asked, ==, (gint32) uid);
        g_assert_cmpstr(details, ==, "verb=Start");
        return question;
}

static GDBusMethodInvocation *question_about_name(struct test *t) {
        GDBusMethodInvocation *question = fake_polkit_question(&t->polkit, t->service, POLKIT_ACTION "trace-own");
        g_autofree char *details = fake_polkit_details(question);

        g_assert_cmpstr(details, ==, "verb=Start");
        return question;
}

static void assert_answer(struct test *t, enum polkit_answer answer) {
        unsigned n = t->n_answers;

        while (t->n_answers == n)
                g_assert_cmpint(sd_event_run(t->polkit.event, 20 * G_USEC_PER_SEC), >, 0);
        g_assert_cmpint(t->answer, ==, answer);
        g_assert_cmpuint(t->n_answers, ==, n + 1);
}

static void test_process(void) {
        struct test t;

        set_up(&t);
        for (int i = 0; i < 2; i++) {
                ask(&t, true, true, i == 0 ? 1000 : INT32_MAX);
                fake_polkit_answer(question_about_process(&t, i == 0 ? 1000 : INT32_MAX), i == 0, false);
                assert_answer(&t, i == 0 ? POLKIT_YES : POLKIT_NO);
        }
        tear_down(&t);
}

/* A process that has ended, or is hidden, polkit cannot tell of: the name then, once. */
static void test_unseen(void) {
        struct test t;

        set_up(&t);
        for (int i = 0; i < 3; i++) {
                GDBusMethodInvocation *question;

                ask(&t, true, true, 1000);
                g_dbus_method_invocation_return_dbus_error(question_about_process(&t, 1000),
                                                           i == 0 ? UNMAPPED : ERROR "Failed", "no");
                question = question_about_name(&t);
                g_assert_cmpuint(t.n_answers, ==, (unsigned) i);
                if (i < 2)
                        fake_polkit_answer(question, i == 0, i == 1);
                else
                        g_dbus_method_invocation_return_dbus_error(question, ERROR "Failed", "no");
                assert_answer(&t, i == 0 ? POLKIT_YES : i == 1 ? POLKIT_CHALLENGE : POLKIT_FAILED);
        }
        tear_down(&t);
}

/* Any other error is an answer. */
static void test_errors(void) {
        static const char *const errors[] = { ERROR "Cancelled", ERROR "NotAuthorized", "org.freedesktop.DBus.Error.Failed" };
        struct test t;

        set_up(&t);
        for (size_t i = 0; i < G_N_ELEMENTS(errors); i++) {
                ask(&t, true, true, 1000);
                g_dbus_method_invocation_return_dbus_error(question_about_process(&t, 1000), errors[i], "no");
                assert_answer(&t, POLKIT_FAILED);
        }
        tear_down(&t);
}

/* Also where polkit would take the uid for none. */
static void test_unknown(void) {
        struct test t;

        set_up(&t);
        for (int i = 0; i < 4; i++) {
                ask(&t, i != 0, i != 1, i == 2 ? (uid_t) INT32_MAX + 1 : i == 3 ? UINT32_MAX - 1 : 1000);
                fake_polkit_answer(question_about_name(&t), true, false);
                assert_answer(&t, POLKIT_YES);
        }
        tear_down(&t);
}

/* The second question is cancelled as the first is. */
static void test_given_up(void) {
        struct test t;

        set_up(&t);
        for (int i = 0; i < 2; i++) {
                GDBusMethodInvocation *question, *cancelled;
                g_autofree char *id = NULL;
                const char *cancelled_id;

                ask(&t, true, true, 1000);
                question = question_about_process(&t, 1000);
                if (i == 1) {
                        g_dbus_method_invocation_return_dbus_error(question, ERROR "Failed", "no");
                        question = question_about_name(&t);
                }
                id = fake_polkit_cancellation(question);
                t.check = polkit_check_free(t.check);
                cancelled = fake_polkit_wait(&t.polkit, "CancelCheckAuthorization");
                g_variant_get(g_dbus_method_invocation_get_parameters(cancelled), "(&s)", &cancelled_id);
                g_assert_cmpstr(cancelled_id, ==, id);
                g_object_unref(cancelled);
                fake_polkit_answer(question, true, false);
        }
        g_assert_cmpuint(t.n_answers, ==, 0);
        tear_down(&t);
}

int main(int argc, char *argv[]) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/polkit-subject/process", test_process);
        g_test_add_func("/polkit-subject/unseen", test_unseen);
        g_test_add_func("/polkit-subject/errors", test_errors);
        g_test_add_func("/polkit-subject/unknown", test_unknown);
        g_test_add_func("/polkit-subject/given-up", test_given_up);
        return g_test_run();
}
