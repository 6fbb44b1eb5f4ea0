/* SPDX-License-Identifier: LGPL-2.1-or-later */
#undef NDEBUG

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "client/libtracectl/tracectl.h"
#include "tests/unit/client/libtracectl/fake-service.h"

#define CALL FAKE_SESSION " org.tracectl.Tracing1.Session."
#define OBJECTS FAKE_SESSION " org.freedesktop.DBus.ObjectManager.GetManagedObjects "
#define CREATE "/org/tracectl/Tracing1 org.tracectl.Tracing1.Manager.CreateSession 'shop' []"

struct fixture {
        struct fake_service *service;
        tracectl_connection *connection;
        tracectl_session *session;
        tracectl_value *value;
};

static void connect_session(struct fixture *f, const struct fake_script *script) {
        int fd;

        f->service = fake_service_start(script, &fd);
        f->value = NULL;
        g_assert_cmpint(tracectl_connection_new_fd(fd, &f->connection), ==, 0);
        g_assert_cmpint(tracectl_session_create(f->connection, "shop", NULL, &f->session), ==, 0);
}

static char *end(struct fixture *f) {
        tracectl_value_free(f->value);
        tracectl_session_free(f->session);
        tracectl_connection_free(f->connection);
        return g_strchomp(fake_service_end(f->service));
}

static void assert_calls(struct fixture *f, const char *expected) {
        g_autofree char *calls = end(f);

        g_assert_cmpstr(calls, ==, expected);
}

static const char *text_of(const tracectl_value *list, size_t i, const char *key) {
        return tracectl_value_get_string(tracectl_value_lookup(tracectl_value_get_item(list, i), key));
}

static void test_info(void) {
        struct fixture f;

        connect_session(&f, &(struct fake_script) {});
        g_assert_cmpint(tracectl_session_get_info(f.session, &f.value), ==, 0);
        g_assert_cmpstr(tracectl_value_get_string(tracectl_value_lookup(f.value, "consumer_unit")), ==,
                        "tracectl-consumer-1000-shop");
        g_assert_cmpuint(tracectl_value_get_number(tracectl_value_lookup(f.value, "events_recorded")), ==, 1234);
        assert_calls(&f, CREATE "\n" FAKE_SESSION " org.freedesktop.DBus.Properties.GetAll "
                         "'org.tracectl.Tracing1.Session'");
}

static void test_channels(void) {
        const tracectl_value *main_channel;
        struct fixture f;

        connect_session(&f, &(struct fake_script) {});
        g_assert_cmpint(tracectl_session_get_channels(f.session, &f.value), ==, 0);
        g_assert_cmpuint(tracectl_value_get_size(f.value), ==, 2);
        g_assert_cmpstr(text_of(f.value, 0, "name"), ==, "b");
        g_assert_cmpstr(text_of(f.value, 0, "path"), ==, FAKE_SESSION "/channel/user/b");
        main_channel = tracectl_value_get_item(f.value, 1);
        g_assert_cmpstr(text_of(f.value, 1, "name"), ==, "main");
        g_assert_cmpuint(tracectl_value_get_number(tracectl_value_lookup(main_channel, "sub_buffer_size")), ==, 524288);
        g_assert_cmpint(tracectl_value_get_boolean(tracectl_value_lookup(main_channel, "enabled")), ==, 1);
        g_assert_cmpuint(tracectl_value_get_size(tracectl_value_lookup(main_channel, "contexts")), ==, 2);
        assert_calls(&f, CREATE "\n" FAKE_SESSION " org.freedesktop.DBus.ObjectManager.GetManagedObjects");
}

static void test_events(void) {
        struct fixture f;

        connect_session(&f, &(struct fake_script) {});
        g_assert_cmpint(tracectl_session_get_events(f.session, &f.value), ==, 0);
        g_assert_cmpuint(tracectl_value_get_size(f.value), ==, 3);
        g_assert_cmpstr(text_of(f.value, 0, "channel"), ==, "b");
        g_assert_cmpstr(text_of(f.value, 0, "pattern"), ==, "shop:*");
        g_assert_cmpstr(text_of(f.value, 1, "pattern"), ==, "a:b");
        g_assert_cmpstr(text_of(f.value, 1, "channel"), ==, "main");
        g_assert_cmpstr(text_of(f.value, 2, "domain"), ==, "user");
        g_assert_cmpstr(text_of(f.value, 2, "path"), ==, FAKE_SESSION "/event/1");
        g_free(end(&f));
}

/* By the pattern: in every channel, or in one. */
static void test_disable_and_remove(void) {
        struct fixture f;

        connect_session(&f, &(struct fake_script) {});
        g_assert_cmpint(tracectl_session_disable_event(f.session, "user", "", "shop:*", NULL), ==, 0);
        assert_calls(&f, CREATE "\n" OBJECTS "\n" CALL "DisableEvent '" FAKE_SESSION "/event/2' []\n" CALL
                         "DisableEvent '" FAKE_SESSION "/event/1' []");
        connect_session(&f, &(struct fake_script) {});
        g_assert_cmpint(tracectl_session_remove_event(f.session, "user", "main", "shop:*", NULL), ==, 0);
        assert_calls(&f, CREATE "\n" OBJECTS "\n" CALL "RemoveEvent '" FAKE_SESSION "/event/1' []");
}

static void test_no_such_event(void) {
        struct fixture f;

        connect_session(&f, &(struct fake_script) {});
        g_assert_cmpint(tracectl_session_remove_event(f.session, "user", "", "shop:x", NULL), ==, -ENOENT);
        g_assert_cmpstr(tracectl_connection_get_error(f.connection), ==,
                        "The session has no rule for the events 'shop:x'.");
        g_assert_cmpstr(tracectl_connection_get_error_name(f.connection), ==,
                        "org.tracectl.Tracing1.Error.NoSuchEvent");
        g_assert_cmpint(tracectl_session_disable_event(f.session, "user", "b", "a:b", NULL), ==, -ENOENT);
        g_assert_cmpstr(tracectl_connection_get_error(f.connection), ==,
                        "The session has no rule for the events 'a:b' in channel b.");
        g_assert_cmpint(tracectl_session_disable_event(f.session, "kernel", "", "a:b", NULL), ==, -ENOENT);
        g_free(end(&f));
}

static void test_channel_and_context(void) {
        struct fixture f;

        connect_session(&f, &(struct fake_script) {});
        g_assert_cmpint(tracectl_session_disable_channel(f.session, "user", "main", NULL), ==, 0);
        g_assert_cmpint(tracectl_session_add_context(f.session, "user", "", "vpid"), ==, 0);
        assert_calls(&f, CREATE "\n" CALL "DisableChannel 'user' 'main' []\n" CALL "AddContext 'user' '' 'vpid' []");
}

static void test_clear_rotate_dump(void) {
        char *path = NULL, *profile = NULL;
        struct fixture f;

        connect_session(&f, &(struct fake_script) {});
        g_assert_cmpint(tracectl_session_clear(f.session), ==, 0);
        g_assert_cmpint(tracectl_session_rotate(f.session, NULL), ==, 0);
        g_assert_cmpint(tracectl_session_rotate(f.session, &path), ==, 0);
        g_assert_cmpstr(path, ==, "/var/lib/shop/chunk-1");
        g_assert_cmpint(tracectl_session_dump(f.session, &profile), ==, 0);
        g_assert_cmpstr(profile, ==, "[Session]\nName=shop\n");
        free(path);
        free(profile);
        assert_calls(&f, CREATE "\n" CALL "Clear []\n" CALL "Rotate []\n" CALL "Rotate []\n"
                         FAKE_SESSION " org.tracectl.Tracing1.Session.Dump");
}

static void test_snapshot(void) {
        char *path = NULL;
        struct fixture f;

        connect_session(&f, &(struct fake_script) {});
        g_assert_cmpint(tracectl_session_snapshot(f.session, "monday", &path, NULL), ==, 0);
        g_assert_cmpstr(path, ==, "/tmp/x");
        free(path);
        assert_calls(&f, CREATE "\n" CALL "Snapshot ['name' 'monday']");
}

static void test_bad_replies(void) {
        static const char *const members[] = { "GetAll", "GetManagedObjects", "Rotate", "Dump" };

        for (size_t i = 0; i < G_N_ELEMENTS(members); i++) {
                char *text = NULL;
                struct fixture f;
                int r;

                connect_session(&f, &(struct fake_script) { .bad_reply = members[i] });
                if (i == 0)
                        r = tracectl_session_get_info(f.session, &f.value);
                else if (i == 1)
                        r = tracectl_session_get_events(f.session, &f.value);
                else
                        r = (i == 2 ? tracectl_session_rotate : tracectl_session_dump)(f.session, &text);
                g_assert_cmpint(r, <, 0);
                g_assert_null(f.value);
                g_assert_null(text);
                g_assert_nonnull(strstr(tracectl_connection_get_error(f.connection), "makes no sense"));
                g_free(end(&f));
        }
}

int main(int argc, char *argv[]) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/rules/info", test_info);
        g_test_add_func("/rules/channels", test_channels);
        g_test_add_func("/rules/events", test_events);
        g_test_add_func("/rules/disable-and-remove", test_disable_and_remove);
        g_test_add_func("/rules/no-such-event", test_no_such_event);
        g_test_add_func("/rules/channel-and-context", test_channel_and_context);
        g_test_add_func("/rules/clear-rotate-dump", test_clear_rotate_dump);
        g_test_add_func("/rules/snapshot", test_snapshot);
        g_test_add_func("/rules/bad-replies", test_bad_replies);
        return g_test_run();
}
