/* SPDX-License-Identifier: LGPL-2.1-or-later */
#undef NDEBUG

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "client/libtracectl/tracectl.h"
#include "tests/unit/client/libtracectl/fake-service.h"

#define MANAGER "/org/tracectl/Tracing1 org.tracectl.Tracing1.Manager."

struct fixture {
        struct fake_service *service;
        tracectl_connection *connection;
        tracectl_value *value;
};

static void connect_to(struct fixture *f, const struct fake_script *script) {
        int fd;

        f->service = fake_service_start(script, &fd);
        f->value = NULL;
        g_assert_cmpint(tracectl_connection_new_fd(fd, &f->connection), ==, 0);
}

static char *end(struct fixture *f) {
        tracectl_value_free(f->value);
        tracectl_connection_free(f->connection);
        return fake_service_end(f->service);
}

static void assert_only_call(struct fixture *f, const char *expected) {
        g_autofree char *calls = g_strchomp(end(f));

        g_assert_cmpstr(calls, ==, expected);
}

/* As "[{a=1 b='x'}]". */
static void write_value(GString *s, const tracectl_value *value) {
        switch (tracectl_value_get_type(value)) {
        case TRACECTL_BOOLEAN:
                g_string_append(s, tracectl_value_get_boolean(value) ? "yes" : "no");
                break;
        case TRACECTL_NUMBER:
                g_string_append_printf(s, "%" G_GUINT64_FORMAT, tracectl_value_get_number(value));
                break;
        case TRACECTL_STRING:
                g_string_append_printf(s, "'%s'", tracectl_value_get_string(value));
                break;
        default:
                g_string_append(s, tracectl_value_get_type(value) == TRACECTL_ARRAY ? "[" : "{");
                for (size_t i = 0; i < tracectl_value_get_size(value); i++) {
                        const char *key = tracectl_value_get_key(value, i);

                        g_string_append_printf(s, "%s%s%s", i > 0 ? " " : "", key ? key : "", key ? "=" : "");
                        write_value(s, tracectl_value_get_item(value, i));
                }
                g_string_append(s, tracectl_value_get_type(value) == TRACECTL_ARRAY ? "]" : "}");
        }
}

static void assert_value(const tracectl_value *value, const char *expected) {
        g_autoptr(GString) s = g_string_new(NULL);

        write_value(s, value);
        g_assert_cmpstr(s->str, ==, expected);
}

static void test_info(void) {
        struct fixture f;

        connect_to(&f, &(struct fake_script) {});
        g_assert_cmpint(tracectl_get_info(f.connection, &f.value), ==, 0);
        assert_value(f.value, "{version='0.1.0' clock='x86-tsc' limits={sessions=256 sessions_used=2 "
                              "ring_memory=18446744073709551615} sessions=2 applications=3}");
        assert_only_call(&f, "/org/tracectl/Tracing1 org.freedesktop.DBus.Properties.GetAll "
                             "'org.tracectl.Tracing1.Manager'");
}

static void test_sessions(void) {
        g_autofree char *expected = NULL;
        struct fixture f;

        connect_to(&f, &(struct fake_script) { .n_sessions = 2 });
        g_assert_cmpint(tracectl_list_sessions(f.connection, NULL, &f.value), ==, 0);
        expected = g_strdup_printf("[{owner=%u name='shop1' state='active' mode='record' path='" FAKE_SESSION "'} "
                                   "{owner=%u name='shop2' state='active' mode='record' path='" FAKE_SESSION "'} "
                                   "{owner=4000000000 name='b\x1b[1m' state='stopped' mode='flight-recorder' "
                                   "path='" FAKE_SESSION "'}]", (unsigned) geteuid(), (unsigned) geteuid());
        assert_value(f.value, expected);
        assert_only_call(&f, MANAGER "ListSessions []");
}

static void test_list_options(void) {
        struct tracectl_list_options options = TRACECTL_LIST_OPTIONS_INIT;
        struct fixture f;

        connect_to(&f, &(struct fake_script) {});
        g_assert_cmpint(tracectl_list_sessions(f.connection, &options, &f.value), ==, 0);
        assert_only_call(&f, MANAGER "ListSessions []");
        options.all = 1;
        connect_to(&f, &(struct fake_script) {});
        g_assert_cmpint(tracectl_list_sessions(f.connection, &options, &f.value), ==, 0);
        assert_only_call(&f, MANAGER "ListSessions ['all' b1]");
        options.uid = 0;
        options.pid = 7;
        connect_to(&f, &(struct fake_script) {});
        g_assert_cmpint(tracectl_list_events(f.connection, "user", "", &options, &f.value), ==, 0);
        assert_only_call(&f, MANAGER "ListEvents 'user' '' ['all' b1 'uid' u0]");
        connect_to(&f, &(struct fake_script) {});
        g_assert_cmpint(tracectl_list_applications(f.connection, &options, NULL, &f.value), ==, 0);
        assert_only_call(&f, MANAGER "ListApplications ['all' b1 'uid' u0 'pid' u7]");
        options.size = offsetof(struct tracectl_list_options, uid);
        connect_to(&f, &(struct fake_script) {});
        g_assert_cmpint(tracectl_list_sessions(f.connection, &options, &f.value), ==, 0);
        assert_only_call(&f, MANAGER "ListSessions ['all' b1]");
}

static void test_applications(void) {
        struct tracectl_list_options options = TRACECTL_LIST_OPTIONS_INIT;
        int settled = 5;
        struct fixture f;

        connect_to(&f, &(struct fake_script) { .unsettled = TRUE });
        g_assert_cmpint(tracectl_list_applications(f.connection, NULL, &settled, &f.value), ==, 0);
        g_assert_cmpint(settled, ==, 0);
        assert_value(f.value, "[{pid=7 uid=4000000000 name='sh\nop' unit='' "
                              "path='/org/tracectl/Tracing1/application/1'} "
                              "{pid=812 uid=4000000001 name='till' unit='till.service' "
                              "path='/org/tracectl/Tracing1/application/2'}]");
        assert_only_call(&f, MANAGER "ListApplications []");
        options.pid = 812;
        connect_to(&f, &(struct fake_script) {});
        g_assert_cmpint(tracectl_list_applications(f.connection, &options, NULL, &f.value), ==, 0);
        assert_only_call(&f, MANAGER "ListApplications ['pid' u812]");
}

static void test_events(void) {
        struct fixture f;

        connect_to(&f, &(struct fake_script) {});
        g_assert_cmpint(tracectl_list_events(f.connection, "user", "shop:*", NULL, &f.value), ==, 0);
        assert_value(f.value, "[{domain='user' name='shop:closed' log_level='debug' fields=[]} "
                              "{domain='user' name='shop:order_paid' log_level='info' "
                              "fields=[{name='order' type='u64'} {name='customer' type='string'}]}]");
        assert_only_call(&f, MANAGER "ListEvents 'user' 'shop:*' []");
}

static void test_profile(void) {
        struct tracectl_profile_options options = TRACECTL_PROFILE_OPTIONS_INIT;
        struct fixture f;

        connect_to(&f, &(struct fake_script) {});
        g_assert_cmpint(tracectl_apply_profile(f.connection, "[Session]", NULL, &f.value), ==, 0);
        assert_value(f.value, "{changed=yes before={Session.Start=no Channel main.Event=['shop:*' 'till:*']} "
                              "after={Channel main.SubBufferSize='512K' Session.Start=yes Session.Weight=7}}");
        assert_only_call(&f, MANAGER "ApplyProfile '[Session]' []");

        options.name = "shop";
        options.dry_run = 1;
        options.start = 1;
        connect_to(&f, &(struct fake_script) { .unchanged = TRUE });
        g_assert_cmpint(tracectl_apply_profile(f.connection, "", &options, &f.value), ==, 0);
        assert_value(f.value, "{changed=no before={} after={}}");
        assert_only_call(&f, MANAGER "ApplyProfile '' ['name' 'shop' 'dry-run' b1 'start' b1]");

        connect_to(&f, &(struct fake_script) {});
        g_assert_cmpint(tracectl_apply_profile(f.connection, "[Session]", NULL, NULL), ==, 0);
        assert_only_call(&f, MANAGER "ApplyProfile '[Session]' []");
}

/* Asking for something of another type is harmless. */
static void test_getters(void) {
        struct fixture f;
        const tracectl_value *limits, *version;

        connect_to(&f, &(struct fake_script) {});
        g_assert_cmpint(tracectl_get_info(f.connection, &f.value), ==, 0);
        limits = tracectl_value_lookup(f.value, "limits");
        version = tracectl_value_lookup(f.value, "version");
        g_assert_cmpstr(tracectl_value_get_string(limits), ==, "");
        g_assert_cmpuint(tracectl_value_get_number(version), ==, 0);
        g_assert_cmpint(tracectl_value_get_boolean(version), ==, 0);
        g_assert_cmpuint(tracectl_value_get_size(version), ==, 0);
        g_assert_null(tracectl_value_get_item(limits, 3));
        g_assert_null(tracectl_value_get_key(limits, 3));
        g_assert_null(tracectl_value_get_key(version, 0));
        g_assert_null(tracectl_value_lookup(f.value, "none"));
        g_assert_null(tracectl_value_lookup(NULL, "none"));
        g_assert_cmpstr(tracectl_value_get_string(NULL), ==, "");
        g_assert_cmpuint(tracectl_value_get_number(NULL), ==, 0);
        g_free(end(&f));
        tracectl_value_free(NULL);
}

static int call(struct fixture *f, const char *member) {
        if (strcmp(member, "GetAll") == 0)
                return tracectl_get_info(f->connection, &f->value);
        if (strcmp(member, "ListSessions") == 0)
                return tracectl_list_sessions(f->connection, NULL, &f->value);
        if (strcmp(member, "ListApplications") == 0)
                return tracectl_list_applications(f->connection, NULL, NULL, &f->value);
        if (strcmp(member, "ListEvents") == 0)
                return tracectl_list_events(f->connection, "user", "", NULL, &f->value);
        return tracectl_apply_profile(f->connection, "", NULL, &f->value);
}

static const char *const members[] = { "GetAll", "ListSessions", "ListApplications", "ListEvents", "ApplyProfile" };

static void test_bad_replies(void) {
        for (size_t i = 0; i < G_N_ELEMENTS(members); i++) {
                struct fixture f;

                connect_to(&f, &(struct fake_script) { .bad_reply = members[i] });
                g_assert_cmpint(call(&f, members[i]), <, 0);
                g_assert_null(f.value);
                g_assert_nonnull(strstr(tracectl_connection_get_error(f.connection), "makes no sense"));
                g_free(end(&f));
        }
}

static void test_refused(void) {
        for (size_t i = 0; i < G_N_ELEMENTS(members); i++) {
                struct fixture f;

                connect_to(&f, &(struct fake_script) {
                        .fail = members[i],
                        .error = "org.freedesktop.DBus.Error.Timeout",
                        .message = "The consumer did not answer. Try again.",
                });
                g_assert_cmpint(call(&f, members[i]), <, 0);
                g_assert_null(f.value);
                g_assert_cmpstr(tracectl_connection_get_error(f.connection), ==,
                                "The consumer did not answer. Try again.");
                g_free(end(&f));
        }
}

int main(int argc, char *argv[]) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/service/info", test_info);
        g_test_add_func("/service/sessions", test_sessions);
        g_test_add_func("/service/list-options", test_list_options);
        g_test_add_func("/service/applications", test_applications);
        g_test_add_func("/service/events", test_events);
        g_test_add_func("/service/profile", test_profile);
        g_test_add_func("/service/getters", test_getters);
        g_test_add_func("/service/bad-replies", test_bad_replies);
        g_test_add_func("/service/refused", test_refused);
        return g_test_run();
}
