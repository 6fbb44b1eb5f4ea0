/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* How the service begins and ends, and its connections: the control socket, and message buses that the test starts. */

#include "running.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "service/bus/control.h"
#include "service/log.h"

#define NO_CLIENT_USEC (50 * 1000)

static const char *const shop[] = { "shop:order_paid", NULL };

/* What happened on a connection, a word each. */
static int on_signal(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        const char *path = sd_bus_message_get_path(m), *member = sd_bus_message_get_member(m);
        uint8_t type;

        g_assert_cmpint(sd_bus_message_get_type(m, &type), >=, 0);
        if (type == SD_BUS_MESSAGE_SIGNAL && path && g_str_has_prefix(path, ROOT))
                g_string_append_printf(userdata, "%s ", member);
        return 0;
}

static GString *watch(sd_bus *bus) {
        GString *seen = g_string_new(NULL);

        g_assert_cmpint(sd_bus_add_filter(bus, NULL, on_signal, seen), >=, 0);
        return seen;
}

static void process_until(sd_bus *bus, GString *seen, const char *text) {
        while (!strstr(seen->str, text)) {
                int r = sd_bus_process(bus, NULL);

                g_assert_cmpint(r, >=, 0);
                if (r == 0 && sd_bus_wait(bus, WAIT_SECONDS * G_USEC_PER_SEC) == 0)
                        g_error("'%s' does not come: %s", text, seen->str);
        }
}

/* Everything that was sent to it before is there once the bus, or the service, has answered. */
static void process_all(sd_bus *bus) {
        sd_bus_message *reply = NULL;

        g_assert_cmpint(sd_bus_call_method(bus, sd_bus_is_bus_client(bus) > 0 ? "org.freedesktop.DBus" : NULL, "/",
                                           "org.freedesktop.DBus.Peer", "Ping", NULL, &reply, ""), >=, 0);
        sd_bus_message_unref(reply);
        while (sd_bus_process(bus, NULL) > 0)
                ;
}

static void test_control(void) {
        struct running *l = running_prepare(0);
        g_autofree char *session = NULL;
        GString *seen;
        sd_bus *other;

        running_begin(l);
        l->f.bus = running_connect_control(l);
        other = running_connect_control(l);
        seen = watch(other);
        g_assert_cmpint(running_call_manager(other, "ListSessions"), >=, 0);
        session = fixture_session(&l->f, "s");
        process_until(other, seen, "InterfacesAdded SessionNew ");
        fixture_ok(&l->f, session, BUS_NAME ".Session", "Destroy", "a{sv}", 0);
        process_until(other, seen, "InterfacesRemoved SessionRemoved ");
        g_string_free(seen, TRUE);
        /* One that hangs up leaves the others alone. */
        sd_bus_close_unref(other);
        g_assert_cmpint(running_call_manager(l->f.bus, "ListSessions"), >=, 0);
        running_finish(l);
}

static void test_control_limit(void) {
        struct running *l = running_prepare(0);
        int fds[CONTROL_CONNECTIONS_MAX];
        char byte;

        running_begin(l);
        for (size_t i = 0; i < CONTROL_CONNECTIONS_MAX - 1; i++)
                fds[i] = running_control_socket(l);
        l->f.bus = running_connect_control(l);
        g_assert_cmpint(running_call_manager(l->f.bus, "ListSessions"), >=, 0);
        fds[CONTROL_CONNECTIONS_MAX - 1] = running_control_socket(l);
        g_assert_cmpint(recv(fds[CONTROL_CONNECTIONS_MAX - 1], &byte, 1, 0), ==, 0);
        for (size_t i = 0; i < CONTROL_CONNECTIONS_MAX; i++)
                close(fds[i]);
        running_finish(l);
}

/* Ping, laid out as the specification of D-Bus says: host's byte order, three fields aligned to 8. */
static size_t write_ping(uint8_t *to, uint32_t serial) {
        static const struct {
                uint8_t code;
                char type;
                const char *value;
        } fields[] = { { 1, 'o', ROOT }, { 2, 's', "org.freedesktop.DBus.Peer" }, { 3, 's', "Ping" } };
        uint8_t order = G_BYTE_ORDER == G_LITTLE_ENDIAN ? 'l' : 'B';
        uint32_t head[3] = { 0, serial, 0 };
        size_t at = 16, end = 16;

        for (size_t i = 0; i < G_N_ELEMENTS(fields); i++) {
                uint32_t length = strlen(fields[i].value);

                at = (end + 7) & ~(size_t) 7;
                memcpy(to + at, (uint8_t[]) { fields[i].code, 1, fields[i].type, 0 }, 4);
                memcpy(to + at + 4, &length, 4);
                memcpy(to + at + 8, fields[i].value, length + 1);
                end = at + 8 + length + 1;
        }
        head[2] = end - 16;
        memcpy(to, (uint8_t[]) { order, 1, 0, 1 }, 4);
        memcpy(to + 4, head, sizeof(head));
        return (end + 7) & ~(size_t) 7;
}

static ssize_t receive(int fd, uint8_t *to, size_t size) {
        struct pollfd poll_fd = { .fd = fd, .events = POLLIN };
        ssize_t n;

        g_assert_cmpint(poll(&poll_fd, 1, 10000), ==, 1);
        n = recv(fd, to, size, 0);
        g_assert_cmpint(n, >, 0);
        return n;
}

/* Calls that come with one read (of 200 bytes and more) together with the end of the authentication are all answered. */
static void test_control_at_once(void) {
        g_autofree char *uid = g_strdup_printf("%u", getuid());
        struct running *l = running_prepare(0);
        uint8_t sent[1024] = { 0 }, got[1024];
        size_t n = 1, answered = 0;
        int fd;

        /* The user's number in decimal, each of its digits in hexadecimal. */
        n += (size_t) sprintf((char *) sent + n, "AUTH EXTERNAL ");
        for (const char *c = uid; *c; c++)
                n += (size_t) sprintf((char *) sent + n, "%02x", *c);
        n += (size_t) sprintf((char *) sent + n, "\r\n");
        running_begin(l);
        fd = running_control_socket(l);
        g_assert_cmpint(send(fd, sent, n, 0), ==, (ssize_t) n);
        g_assert_cmpint(receive(fd, got, sizeof(got)), >, 3);
        g_assert_cmpint(memcmp(got, "OK ", 3), ==, 0);
        memset(sent, 0, sizeof(sent));
        n = (size_t) sprintf((char *) sent, "BEGIN\r\n");
        for (uint32_t serial = 1; serial <= 2; serial++)
                n += write_ping(sent + n, serial);
        g_assert_cmpint(send(fd, sent, n, 0), ==, (ssize_t) n);
        /* A reply says by 5, in a field of type u, which call it answers. */
        while (answered < 2) {
                static const uint8_t field[] = { 5, 1, 'u', 0 };
                ssize_t end = receive(fd, got, sizeof(got));

                for (ssize_t i = 0; i + 4 <= end; i++)
                        answered += memcmp(got + i, field, 4) == 0;
        }
        close(fd);
        running_finish(l);
}

/* What the signals say is what GetManagedObjects and GetAll say. */
static int on_added(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        const char *path, *interface;
        GString *seen = userdata;

        if (!sd_bus_message_is_signal(m, "org.freedesktop.DBus.ObjectManager", "InterfacesAdded"))
                return 0;
        g_assert_cmpint(sd_bus_message_read(m, "o", &path), >, 0);
        g_assert_cmpint(sd_bus_message_enter_container(m, 'a', "{sa{sv}}"), >, 0);
        while (sd_bus_message_enter_container(m, 'e', "sa{sv}") > 0) {
                g_assert_cmpint(sd_bus_message_read(m, "s", &interface), >, 0);
                g_assert_cmpint(sd_bus_message_enter_container(m, 'a', "{sv}"), >, 0);
                while (sd_bus_message_enter_container(m, 'e', "sv") > 0) {
                        const char *name;

                        g_assert_cmpint(sd_bus_message_read(m, "s", &name), >, 0);
                        g_string_append_printf(seen, "%s.%s ", interface, name);
                        g_assert_cmpint(sd_bus_message_skip(m, "v"), >, 0);
                        g_assert_cmpint(sd_bus_message_exit_container(m), >=, 0);
                }
                g_assert_cmpint(sd_bus_message_exit_container(m), >=, 0);
                g_assert_cmpint(sd_bus_message_exit_container(m), >=, 0);
        }
        return 0;
}

static char *all_properties(struct fixture *f, const char *path, const char *interface) {
        GString *all = g_string_new(NULL);
        sd_bus_message *reply;
        const char *name;

        reply = fixture_call(f, path, "org.freedesktop.DBus.Properties", "GetAll", NULL, "s", interface);
        g_assert_cmpint(sd_bus_message_enter_container(reply, 'a', "{sv}"), >, 0);
        while (sd_bus_message_enter_container(reply, 'e', "sv") > 0) {
                g_assert_cmpint(sd_bus_message_read(reply, "s", &name), >, 0);
                g_string_append_printf(all, "%s.%s ", interface, name);
                g_assert_cmpint(sd_bus_message_skip(reply, "v"), >, 0);
                g_assert_cmpint(sd_bus_message_exit_container(reply), >=, 0);
        }
        sd_bus_message_unref(reply);
        return g_string_free(all, FALSE);
}

static int on_changed(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        const char *name;

        if (!sd_bus_message_is_signal(m, "org.freedesktop.DBus.Properties", "PropertiesChanged"))
                return 0;
        g_assert_cmpint(sd_bus_message_skip(m, "s"), >, 0);
        g_assert_cmpint(sd_bus_message_enter_container(m, 'a', "{sv}"), >, 0);
        while (sd_bus_message_enter_container(m, 'e', "sv") > 0) {
                g_assert_cmpint(sd_bus_message_read(m, "s", &name), >, 0);
                g_string_append_printf(userdata, "%s ", name);
                g_assert_cmpint(sd_bus_message_skip(m, "v"), >, 0);
                g_assert_cmpint(sd_bus_message_exit_container(m), >=, 0);
        }
        return 0;
}

static void test_signal_contents(void) {
        struct running *l = running_prepare(0);
        g_autoptr(GString) added = g_string_new(NULL), changed = g_string_new(NULL);
        g_autofree char *session = NULL, *all = NULL;

        running_begin(l);
        l->f.bus = running_connect_control(l);
        g_assert_cmpint(sd_bus_add_filter(l->f.bus, NULL, on_added, added), >=, 0);
        g_assert_cmpint(sd_bus_add_filter(l->f.bus, NULL, on_changed, changed), >=, 0);
        session = fixture_session(&l->f, "s");
        process_all(l->f.bus);
        all = all_properties(&l->f, session, BUS_NAME ".Session");
        g_assert_cmpstr(added->str, ==, all);
        fixture_ok(&l->f, session, BUS_NAME ".Session", "Start", "a{sv}", 0);
        process_all(l->f.bus);
        g_assert_cmpstr(changed->str, ==, "State Reason Output OutputError ConsumerUnit ");
        running_finish(l);
}

/* Its counts as Stop would have returned them. */
static int on_stopped(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        GString *seen = userdata;
        const char *name;

        if (!sd_bus_message_is_signal(m, BUS_NAME ".Session", "Stopped"))
                return 0;
        g_assert_cmpint(sd_bus_message_enter_container(m, 'a', "{sv}"), >, 0);
        while (sd_bus_message_enter_container(m, 'e', "sv") > 0) {
                g_assert_cmpint(sd_bus_message_read(m, "s", &name), >, 0);
                g_string_append_printf(seen, "%s ", name);
                g_assert_cmpint(sd_bus_message_skip(m, "v"), >, 0);
                g_assert_cmpint(sd_bus_message_exit_container(m), >=, 0);
        }
        return 0;
}

static void test_stopped_late(void) {
        struct fixture *f = fixture_new_usec(100 * 1000);
        g_autofree char *session = fixture_session(f, "s"), *state = NULL;
        g_autoptr(GString) seen = g_string_new(NULL);
        struct fake_consumer *c;
        struct fake_message *m;

        g_assert_cmpint(sd_bus_add_filter(f->bus, NULL, on_stopped, seen), >=, 0);
        fixture_ok(f, session, BUS_NAME ".Session", "Start", "a{sv}", 0);
        c = fake_consumer_next(f);
        f->answer_error = -1;
        f->answer_type = CONSUMER_STOP;
        fixture_ok(f, session, BUS_NAME ".Session", "Stop", "a{sv}", 0);
        m = fake_consumer_wait(c, CONSUMER_STOP);
        state = fixture_get_string(f, session, BUS_NAME ".Session", "State");
        g_assert_cmpstr(state, ==, "stopping");
        process_all(f->bus);
        g_assert_cmpstr(seen->str, ==, "");
        fake_consumer_answer(c, m, 0);
        process_until(f->bus, seen, "events ");
        g_assert_nonnull(strstr(seen->str, "discarded lost-ring lost-output "));
        fake_message_free(m);
        fixture_free(f);
}

/* A client that has not called gets nothing, whatever it asked the bus for. */
static void test_unicast(void) {
        struct running *l = running_prepare(0);
        g_autofree char *session = NULL;
        GString *seen, *silent;
        sd_bus *bus, *stranger;

        running_start_bus(l);
        running_begin(l);
        bus = running_connect_bus(l);
        stranger = running_connect_bus(l);
        seen = watch(bus);
        silent = watch(stranger);
        g_assert_cmpint(sd_bus_match_signal(stranger, NULL, BUS_NAME, NULL, NULL, NULL, on_signal, silent), >=, 0);
        g_assert_cmpint(running_call_manager(bus, "ListSessions"), >=, 0);
        l->f.bus = running_connect_control(l);
        session = fixture_session(&l->f, "s");
        process_until(bus, seen, "InterfacesAdded SessionNew ");
        process_all(stranger);
        g_assert_cmpstr(silent->str, ==, "");
        g_assert_cmpint(running_call_manager(stranger, "ListSessions"), >=, 0);
        fixture_ok(&l->f, session, BUS_NAME ".Session", "Destroy", "a{sv}", 0);
        process_until(bus, seen, "InterfacesRemoved SessionRemoved ");
        process_until(stranger, silent, "InterfacesRemoved SessionRemoved ");
        g_string_free(seen, TRUE);
        g_string_free(silent, TRUE);
        sd_bus_close_unref(bus);
        sd_bus_close_unref(stranger);
        running_finish(l);
}

/* Of applications those are told that have asked for them. */
static void test_bus_applications(void) {
        struct running *l = running_prepare(0);
        struct fake_application *a;
        GString *seen, *silent;
        sd_bus *bus, *other;

        running_start_bus(l);
        running_begin(l);
        bus = running_connect_bus(l);
        other = running_connect_bus(l);
        seen = watch(bus);
        silent = watch(other);
        g_assert_cmpint(running_call_manager(bus, "ListApplications"), >=, 0);
        g_assert_cmpint(running_call_manager(other, "ListSessions"), >=, 0);
        a = fake_application_register(&l->f, shop, 0);
        process_until(bus, seen, "InterfacesAdded ");
        fake_application_free(a);
        process_until(bus, seen, "InterfacesRemoved ");
        g_assert_cmpint(running_call_manager(other, "ListSessions"), >=, 0);
        process_all(other);
        g_assert_cmpstr(silent->str, ==, "");
        g_string_free(seen, TRUE);
        g_string_free(silent, TRUE);
        sd_bus_close_unref(bus);
        sd_bus_close_unref(other);
        running_finish(l);
}

static int on_owner(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        *(bool *) userdata = true;
        return 0;
}

/* Returns when somebody owns the name, with a client that knows. */
static sd_bus *wait_for_name(struct running *l) {
        sd_bus *bus = running_connect_bus(l);
        sd_bus_slot *slot = NULL;
        bool owned = false;

        g_assert_cmpint(sd_bus_match_signal(bus, &slot, "org.freedesktop.DBus", NULL, "org.freedesktop.DBus",
                                            "NameOwnerChanged", on_owner, &owned), >=, 0);
        for (;;) {
                sd_bus_creds *creds = NULL;
                int r = sd_bus_get_name_creds(bus, BUS_NAME, SD_BUS_CREDS_UNIQUE_NAME, &creds);

                sd_bus_creds_unref(creds);
                if (r >= 0) {
                        sd_bus_slot_unref(slot);
                        return bus;
                }
                owned = false;
                while (!owned) {
                        r = sd_bus_process(bus, NULL);
                        g_assert_cmpint(r, >=, 0);
                        if (r == 0)
                                g_assert_cmpint(sd_bus_wait(bus, WAIT_SECONDS * G_USEC_PER_SEC), >, 0);
                }
        }
}

static void test_bus_comes_and_goes(void) {
        struct running *l = running_prepare(0);
        g_autofree char *session = NULL;
        sd_bus *bus;

        /* It is ready without one. */
        running_begin(l);
        l->f.bus = running_connect_control(l);
        session = fixture_session(&l->f, "s");
        for (int i = 0; i < 2; i++) {
                GString *seen;

                running_start_bus(l);
                bus = wait_for_name(l);
                seen = watch(bus);
                g_assert_cmpint(running_call_manager(bus, "ListSessions"), >=, 0);
                fixture_ok(&l->f, session, BUS_NAME ".Session", "EnableChannel", "ssa{sv}", "user",
                           i == 0 ? "a" : "b", 0);
                process_until(bus, seen, "InterfacesAdded ");
                g_string_free(seen, TRUE);
                running_stop_bus(l);
                sd_bus_close_unref(bus);
                g_assert_cmpint(running_call_manager(l->f.bus, "ListSessions"), >=, 0);
        }
        running_finish(l);
}

static void test_idle(void) {
        struct running *l = running_prepare(NO_CLIENT_USEC);

        running_begin(l);
        running_join(l);
        running_finish(l);
}

/* A client keeps it, and so does a session when the client is gone. */
static void test_idle_use(void) {
        struct running *l = running_prepare(NO_CLIENT_USEC);
        g_autofree char *session = NULL;

        running_begin(l);
        l->f.bus = running_connect_control(l);
        session = fixture_session(&l->f, "s");
        sd_bus_close_unref(l->f.bus);
        l->f.bus = running_connect_control(l);
        fixture_ok(&l->f, session, BUS_NAME ".Session", "Destroy", "a{sv}", 0);
        l->f.bus = sd_bus_close_unref(l->f.bus);
        running_join(l);
        running_finish(l);
}

static void test_idle_bus(void) {
        struct running *l = running_prepare(NO_CLIENT_USEC);
        sd_bus_creds *creds = NULL;
        sd_bus *bus;

        running_start_bus(l);
        bus = running_connect_bus(l);
        running_begin(l);
        /* The client stays, so it stays. */
        g_assert_cmpint(running_call_manager(bus, "ListSessions"), >=, 0);
        g_assert_cmpint(recv(l->notify_fd, &(char) { 0 }, 1, MSG_DONTWAIT), <, 0);
        sd_bus_close_unref(bus);
        running_join(l);
        bus = running_connect_bus(l);
        g_assert_cmpint(sd_bus_get_name_creds(bus, BUS_NAME, SD_BUS_CREDS_UNIQUE_NAME, &creds), <, 0);
        sd_bus_close_unref(bus);
        running_finish(l);
}

static void test_lists_of_everybody(void) {
        struct running *l = running_prepare(0);
        g_autofree char *session = NULL;
        struct fake_application *a;
        sd_bus_message *reply;

        running_begin(l);
        l->f.bus = running_connect_control(l);
        session = fixture_session(&l->f, "s");
        a = fake_application_register(&l->f, shop, 0);
        reply = fixture_call(&l->f, MANAGER, "ListSessions", NULL, "a{sv}", 1, "all", "b", 1);
        g_assert_cmpint(sd_bus_message_enter_container(reply, 'a', "(ussso)"), >, 0);
        g_assert_false(sd_bus_message_at_end(reply, false));
        sd_bus_message_unref(reply);
        reply = fixture_call(&l->f, MANAGER, "ListApplications", NULL, "a{sv}", 1, "all", "b", 1);
        g_assert_cmpint(sd_bus_message_skip(reply, "b"), >, 0);
        g_assert_cmpint(sd_bus_message_enter_container(reply, 'a', "(uusso)"), >, 0);
        g_assert_false(sd_bus_message_at_end(reply, false));
        sd_bus_message_unref(reply);
        reply = fixture_call(&l->f, MANAGER, "ListEvents", NULL, "ssa{sv}", "user", "*", 1, "uid", "u", getuid());
        g_assert_cmpint(sd_bus_message_enter_container(reply, 'a', "(sssa{sv})"), >, 0);
        g_assert_false(sd_bus_message_at_end(reply, false));
        sd_bus_message_unref(reply);
        if (getuid() != 0)
                fixture_fails(&l->f, SD_BUS_ERROR_ACCESS_DENIED, "own user", MANAGER, "ListSessions", "a{sv}", 1, "uid",
                              "u", getuid() + 1);
        fake_application_free(a);
        running_finish(l);
}

int main(int argc, char *argv[]) {
        g_test_init(&argc, &argv, NULL);
        signal(SIGPIPE, SIG_IGN);
        log_open(g_test_verbose(), false);
        g_test_add_func("/life/control", test_control);
        g_test_add_func("/life/control-limit", test_control_limit);
        g_test_add_func("/life/control-at-once", test_control_at_once);
        g_test_add_func("/life/signal-contents", test_signal_contents);
        g_test_add_func("/life/stopped-late", test_stopped_late);
        g_test_add_func("/life/unicast", test_unicast);
        g_test_add_func("/life/bus-comes-and-goes", test_bus_comes_and_goes);
        g_test_add_func("/life/bus-applications", test_bus_applications);
        g_test_add_func("/life/idle", test_idle);
        g_test_add_func("/life/idle-use", test_idle_use);
        g_test_add_func("/life/idle-bus", test_idle_bus);
        g_test_add_func("/life/lists-of-everybody", test_lists_of_everybody);
        return g_test_run();
}
