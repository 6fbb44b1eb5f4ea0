/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The bus: the interfaces are those of the XML file, and every bad argument gets its own sentence. */

#include "fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <string.h>
#include <unistd.h>

#define ROOT "/org/tracectl/Tracing1"
#define NAME "org.tracectl.Tracing1."
#define MANAGER ROOT, NAME "Manager"
#define SESSION NAME "Session"
#define ERROR NAME "Error."

static const char *const shop[] = { "shop:order_paid", "shop:order_sent", "store:opened", NULL };
static const char *xml_path;

static int compare_strings(const void *a, const void *b) {
        return strcmp(*(const char *const *) a, *(const char *const *) b);
}

static void add_args(GString *line, GDBusArgInfo **args) {
        for (; args && *args; args++)
                g_string_append_printf(line, " %s:%s", (*args)->name, (*args)->signature);
}

/* A line for each member, sorted: the same for the same interface. */
static char *describe(GDBusInterfaceInfo *info) {
        g_autoptr(GPtrArray) lines = g_ptr_array_new_with_free_func(g_free);

        for (GDBusMethodInfo **m = info->methods; m && *m; m++) {
                GString *line = g_string_new(NULL);

                g_string_append_printf(line, "method %s in", (*m)->name);
                add_args(line, (*m)->in_args);
                g_string_append(line, " out");
                add_args(line, (*m)->out_args);
                g_ptr_array_add(lines, g_string_free(line, FALSE));
        }
        for (GDBusSignalInfo **s = info->signals; s && *s; s++) {
                GString *line = g_string_new(NULL);

                g_string_append_printf(line, "signal %s", (*s)->name);
                add_args(line, (*s)->args);
                g_ptr_array_add(lines, g_string_free(line, FALSE));
        }
        for (GDBusPropertyInfo **p = info->properties; p && *p; p++)
                g_ptr_array_add(lines, g_strdup_printf("property %s:%s %i", (*p)->name, (*p)->signature,
                                                       (int) (*p)->flags));
        qsort(lines->pdata, lines->len, sizeof(gpointer), compare_strings);
        g_ptr_array_add(lines, NULL);
        return g_strjoinv("\n", (char **) lines->pdata);
}

static void assert_interface(struct fixture *f, GDBusNodeInfo *wanted, const char *path, const char *name) {
        g_autoptr(GDBusNodeInfo) node = NULL;
        g_autoptr(GError) error = NULL;
        g_autofree char *a = NULL, *b = NULL;
        sd_bus_message *reply;
        const char *xml;

        reply = fixture_call(f, path, "org.freedesktop.DBus.Introspectable", "Introspect", NULL, "");
        g_assert_cmpint(sd_bus_message_read(reply, "s", &xml), >, 0);
        node = g_dbus_node_info_new_for_xml(xml, &error);
        g_assert_no_error(error);
        g_assert_nonnull(g_dbus_node_info_lookup_interface(node, name));
        g_assert_nonnull(g_dbus_node_info_lookup_interface(wanted, name));
        a = describe(g_dbus_node_info_lookup_interface(node, name));
        b = describe(g_dbus_node_info_lookup_interface(wanted, name));
        g_assert_cmpstr(a, ==, b);
        sd_bus_message_unref(reply);
}

static void test_interfaces(void) {
        struct fixture *f = fixture_new();
        g_autoptr(GDBusNodeInfo) wanted = NULL;
        g_autoptr(GError) error = NULL;
        g_autofree char *xml = NULL, *session = fixture_session(f, "s"), *application = NULL;
        struct fake_application *a = fake_application_register(f, shop, 0);
        sd_bus_message *reply;
        const char *channel, *event;

        g_file_get_contents(xml_path, &xml, NULL, &error);
        g_assert_no_error(error);
        wanted = g_dbus_node_info_new_for_xml(xml, &error);
        g_assert_no_error(error);
        assert_interface(f, wanted, ROOT, NAME "Manager");
        assert_interface(f, wanted, session, SESSION);
        reply = fixture_call(f, session, SESSION, "EnableChannel", NULL, "ssa{sv}", "user", "c", 0);
        g_assert_cmpint(sd_bus_message_read(reply, "o", &channel), >, 0);
        assert_interface(f, wanted, channel, NAME "Channel");
        sd_bus_message_unref(reply);
        reply = fixture_call(f, session, SESSION, "EnableEvent", NULL, "sssa{sv}", "user", "c", "*", 0);
        g_assert_cmpint(sd_bus_message_read(reply, "o", &event), >, 0);
        assert_interface(f, wanted, event, NAME "Event");
        sd_bus_message_unref(reply);
        application = g_strdup_printf(ROOT "/application/_3%lu", (unsigned long) a->id);
        assert_interface(f, wanted, application, NAME "Application");
        fake_application_free(a);
        fixture_free(f);
}

static char *managed_objects(struct fixture *f, const char *of) {
        g_autoptr(GPtrArray) paths = g_ptr_array_new_with_free_func(g_free);
        sd_bus_message *reply;
        const char *path;

        reply = fixture_call(f, of, "org.freedesktop.DBus.ObjectManager", "GetManagedObjects", NULL, "");
        g_assert_cmpint(sd_bus_message_enter_container(reply, 'a', "{oa{sa{sv}}}"), >, 0);
        while (sd_bus_message_enter_container(reply, 'e', "oa{sa{sv}}") > 0) {
                g_assert_cmpint(sd_bus_message_read(reply, "o", &path), >, 0);
                g_ptr_array_add(paths, g_strdup(path + strlen(ROOT)));
                g_assert_cmpint(sd_bus_message_skip(reply, "a{sa{sv}}"), >, 0);
                g_assert_cmpint(sd_bus_message_exit_container(reply), >=, 0);
        }
        sd_bus_message_unref(reply);
        if (paths->len > 0)
                qsort(paths->pdata, paths->len, sizeof(gpointer), compare_strings);
        g_ptr_array_add(paths, NULL);
        return g_strjoinv(" ", (char **) paths->pdata);
}

static void test_objects(void) {
        struct fixture *f = fixture_new();
        g_autofree char *session = fixture_session(f, "a-b"), *paths = NULL, *wanted = NULL, *empty = NULL;
        struct fake_application *a = fake_application_register(f, shop, 0);
        char uid[16];
        char *encoded = NULL;

        snprintf(uid, sizeof(uid), "%u", (unsigned) getuid());
        g_assert_cmpint(sd_bus_path_encode("/session", uid, &encoded), >=, 0);
        fixture_ok(f, session, SESSION, "EnableEvent", "sssa{sv}", "user", "", "*", 0);
        paths = managed_objects(f, ROOT);
        wanted = g_strdup_printf("/application/_31 %s/a_2db %s/a_2db/channel/user/channel0 %s/a_2db/event/_31",
                                 encoded, encoded, encoded);
        g_assert_cmpstr(paths, ==, wanted);
        /* A session has those of its own, and no application. */
        g_free(paths);
        paths = managed_objects(f, session);
        g_assert_cmpstr(paths, ==, strchr(wanted, ' ') + 1);
        fixture_fails(f, "org.freedesktop.DBus.Error.UnknownObject", "", ROOT "/session/_30/none",
                      "org.freedesktop.DBus.ObjectManager", "GetManagedObjects", "");
        free(encoded);
        fake_application_free(a);
        fixture_ok(f, session, SESSION, "Destroy", "a{sv}", 0);
        empty = managed_objects(f, ROOT);
        g_assert_null(strstr(empty, "/session"));
        fixture_free(f);
}

static void test_properties(void) {
        struct fixture *f = fixture_new();
        g_autofree char *session = fixture_session(f, "s"), *version = NULL, *clock = NULL, *name = NULL, *state = NULL;
        g_autofree char *output = NULL, *mode = NULL, *application = NULL, *app_name = NULL, *abi = NULL;
        struct fake_application *a = fake_application_register(f, shop, 0);

        version = fixture_get_string(f, MANAGER, "Version");
        g_assert_cmpstr(version, !=, "");
        clock = fixture_get_string(f, MANAGER, "Clock");
        g_assert_true(strcmp(clock, "tsc") == 0 || strcmp(clock, "monotonic") == 0);
        name = fixture_get_string(f, session, SESSION, "Name");
        g_assert_cmpstr(name, ==, "s");
        state = fixture_get_string(f, session, SESSION, "State");
        g_assert_cmpstr(state, ==, "configured");
        output = fixture_get_string(f, session, SESSION, "Output");
        g_assert_cmpstr(output, ==, f->output);
        mode = fixture_get_string(f, session, SESSION, "Mode");
        g_assert_cmpstr(mode, ==, "record");
        application = g_strdup_printf(ROOT "/application/_3%lu", (unsigned long) a->id);
        app_name = fixture_get_string(f, application, NAME "Application", "Name");
        g_assert_cmpstr(app_name, ==, "fake");
        abi = fixture_get_string(f, application, NAME "Application", "Abi");
        g_assert_cmpstr(abi, ==, "1.0");
        fake_application_free(a);
        fixture_free(f);
}

static void test_create_refusals(void) {
        struct fixture *f = fixture_new();
        g_autofree char *session = fixture_session(f, "s");
        sd_bus_message *reply;
        const char *kept;

        fixture_fails(f, ERROR "SessionExists", "'s' exists", MANAGER, "CreateSession", "sa{sv}", "s", 1, "directory",
                      "s", f->output);
        fixture_fails(f, ERROR "InvalidName", "'../x'", MANAGER, "CreateSession", "sa{sv}", "../x", 1, "directory", "s",
                      f->output);
        fixture_fails(f, ERROR "Output", "give output-fd or directory", MANAGER, "CreateSession", "sa{sv}", "t", 0);
        fixture_fails(f, ERROR "Output", "absolute", MANAGER, "CreateSession", "sa{sv}", "t", 1, "directory", "s", "x");
        fixture_fails(f, ERROR "Output", "'..'", MANAGER, "CreateSession", "sa{sv}", "t", 1, "directory", "s",
                      "/tmp/../etc");
        fixture_fails(f, ERROR "Output", "not a directory", MANAGER, "CreateSession", "sa{sv}", "t", 1, "output-fd",
                      "h", STDERR_FILENO);
        fixture_fails(f, ERROR "UnknownOption",
                      "'colour'; known are: output-fd, directory, if-exists, mode, rings, bind", MANAGER,
                      "CreateSession", "sa{sv}", "t", 1, "colour", "s", "red");
        fixture_fails(f, ERROR "InvalidOption", "'directory' has type 'u'", MANAGER, "CreateSession", "sa{sv}", "t", 1,
                      "directory", "u", 1);
        fixture_fails(f, ERROR "InvalidOption", "twice", MANAGER, "CreateSession", "sa{sv}", "t", 2, "directory", "s",
                      f->output, "directory", "s", f->output);
        fixture_fails(f, ERROR "InvalidOption", "'fast'", MANAGER, "CreateSession", "sa{sv}", "t", 2, "directory", "s",
                      f->output, "mode", "s", "fast");
        fixture_fails(f, ERROR "InvalidOption", "'perhaps'", MANAGER, "CreateSession", "sa{sv}", "t", 1, "if-exists",
                      "s", "perhaps");
        fixture_fails(f, ERROR "NoSuchSession", "'t'", MANAGER, "GetSession", "us", (unsigned) getuid(), "t");
        if (getuid() != 0)
                fixture_fails(f, "org.freedesktop.DBus.Error.AccessDenied", "own user", MANAGER, "GetSession", "us",
                              (unsigned) getuid() + 1, "s");
        fixture_fails(f, ERROR "InvalidOption", "bind 'process'; known is: client", MANAGER, "CreateSession", "sa{sv}",
                      "t", 2, "directory", "s", f->output, "bind", "s", "process");
        reply = fixture_call(f, MANAGER, "CreateSession", NULL, "sa{sv}", "s", 1, "if-exists", "s", "keep");
        g_assert_cmpint(sd_bus_message_read(reply, "o", &kept), >, 0);
        g_assert_cmpstr(kept, ==, session);
        sd_bus_message_unref(reply);
        fixture_free(f);
}

static void test_output_fd(void) {
        struct fixture *f = fixture_new();
        int fd = open(f->output, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        g_autofree char *output = NULL;
        sd_bus_message *reply;
        const char *session;

        reply = fixture_call(f, MANAGER, "CreateSession", NULL, "sa{sv}", "s", 1, "output-fd", "h", fd);
        g_assert_cmpint(sd_bus_message_read(reply, "o", &session), >, 0);
        output = fixture_get_string(f, session, SESSION, "Output");
        g_assert_cmpstr(output, ==, f->output);
        sd_bus_message_unref(reply);
        close(fd);
        fixture_free(f);
}

static void assert_no_channels_nor_events(struct fixture *f) {
        g_autofree char *paths = managed_objects(f, ROOT);

        g_assert_null(strstr(paths, "/channel/"));
        g_assert_null(strstr(paths, "/event/"));
}

static void test_event_refusals(void) {
        struct fixture *f = fixture_new();
        g_autofree char *session = fixture_session(f, "s");

        fixture_fails(f, ERROR "InvalidPattern", "write 'shop:*'", session, SESSION, "EnableEvent", "sssa{sv}", "user",
                      "", "shop", 0);
        fixture_fails(f, ERROR "InvalidPattern", "empty", session, SESSION, "EnableEvent", "sssa{sv}", "user", "", "",
                      0);
        for (size_t i = 0; i < 6; i++) {
                static const char *const bad[] = { "a:", ":b", "a:b:c", "a b:c", "a:b?", ":" };

                fixture_fails(f, ERROR "InvalidPattern", "provider:name", session, SESSION, "EnableEvent", "sssa{sv}",
                              "user", "", bad[i], 0);
        }
        fixture_fails(f, ERROR "UnknownDomain", "known are: user, kernel", session, SESSION, "EnableEvent",
                      "sssa{sv}", "moon", "", "*", 0);
        fixture_fails(f, ERROR "Kernel", "only the system's", session, SESSION, "EnableEvent", "sssa{sv}", "kernel", "",
                      "*", 0);
        fixture_fails(f, ERROR "Kernel", "only the system's", session, SESSION, "EnableChannel", "ssa{sv}", "kernel",
                      "c", 0);
        fixture_fails(f, ERROR "NoSuchChannel", "'other'", session, SESSION, "EnableEvent", "sssa{sv}", "user", "other",
                      "*", 0);
        fixture_fails(f, ERROR "UnknownOption", "known are: exclude, file, filter", session, SESSION, "EnableEvent",
                      "sssa{sv}", "user", "", "*", 1, "target", "s", "x");
        fixture_fails(f, ERROR "NoSuchEvent", "EnableEvent has returned", session, SESSION, "DisableEvent", "oa{sv}",
                      session, 0);
        assert_no_channels_nor_events(f);
        fixture_free(f);
}

static void test_other_channel(void) {
        struct fixture *f = fixture_new();
        g_autofree char *session = fixture_session(f, "s");
        struct fake_application *a;
        sd_bus_message *reply;
        const char *event, *again;
        g_autofree char *first = NULL;

        fixture_ok(f, session, SESSION, "EnableChannel", "ssa{sv}", "user", "one", 0);
        fixture_ok(f, session, SESSION, "EnableChannel", "ssa{sv}", "user", "two", 0);
        reply = fixture_call(f, session, SESSION, "EnableEvent", NULL, "sssa{sv}", "user", "one", "shop:order_*", 0);
        g_assert_cmpint(sd_bus_message_read(reply, "o", &event), >, 0);
        first = g_strdup(event);
        sd_bus_message_unref(reply);
        fixture_fails(f, ERROR "EventInOtherChannel", "'one'", session, SESSION, "EnableEvent", "sssa{sv}", "user",
                      "two", "shop:order_*", 0);
        /* In the same channel again it is the same rule. */
        reply = fixture_call(f, session, SESSION, "EnableEvent", NULL, "sssa{sv}", "user", "one", "shop:order_*", 0);
        g_assert_cmpint(sd_bus_message_read(reply, "o", &again), >, 0);
        g_assert_cmpstr(again, ==, first);
        sd_bus_message_unref(reply);
        /* A pattern that overlaps is refused as soon as an event shows it. */
        fixture_ok(f, session, SESSION, "EnableEvent", "sssa{sv}", "user", "two", "*:order_paid", 0);
        a = fake_application_register(f, shop, 0);
        fixture_fails(f, ERROR "EventInOtherChannel", "shop:order_paid", session, SESSION, "EnableEvent", "sssa{sv}",
                      "user", "two", "shop:*", 0);
        fixture_ok(f, session, SESSION, "EnableEvent", "sssa{sv}", "user", "two", "store:*", 0);
        /* Without the first rule it can be. */
        fixture_ok(f, session, SESSION, "RemoveEvent", "oa{sv}", first, 0);
        fixture_fails(f, ERROR "NoSuchEvent", first, session, SESSION, "RemoveEvent", "oa{sv}", first, 0);
        fixture_ok(f, session, SESSION, "EnableEvent", "sssa{sv}", "user", "two", "shop:*", 0);
        fake_application_free(a);
        fixture_free(f);
}

static void test_disable(void) {
        struct fixture *f = fixture_new();
        g_autofree char *session = fixture_session(f, "s"), *event = NULL;
        sd_bus_error error = SD_BUS_ERROR_NULL;
        sd_bus_message *reply;
        const char *path;
        int enabled = -1;

        reply = fixture_call(f, session, SESSION, "EnableEvent", NULL, "sssa{sv}", "user", "", "*", 0);
        g_assert_cmpint(sd_bus_message_read(reply, "o", &path), >, 0);
        event = g_strdup(path);
        sd_bus_message_unref(reply);
        for (int wanted = 0; wanted < 2; wanted++) {
                if (wanted)
                        fixture_ok(f, session, SESSION, "EnableEvent", "sssa{sv}", "user", "", "*", 0);
                else
                        fixture_ok(f, session, SESSION, "DisableEvent", "oa{sv}", event, 0);
                g_assert_cmpint(sd_bus_get_property_trivial(f->bus, NULL, event, NAME "Event", "Enabled", &error, 'b',
                                                            &enabled), >=, 0);
                g_assert_cmpint(enabled, ==, wanted);
        }
        fixture_free(f);
}

static void test_channels(void) {
        struct fixture *f = fixture_new();
        g_autofree char *session = fixture_session(f, "s");
        sd_bus_message *reply;
        const char *path;

        fixture_fails(f, ERROR "InvalidName", "'a/b'", session, SESSION, "EnableChannel", "ssa{sv}", "user", "a/b", 0);
        fixture_fails(f, ERROR "InvalidOption", "subbuf-size", session, SESSION, "EnableChannel", "ssa{sv}", "user",
                      "c", 1, "subbuf-size", "t", UINT64_C(100));
        fixture_fails(f, ERROR "InvalidOption", "subbuf-size", session, SESSION, "EnableChannel", "ssa{sv}", "user",
                      "c", 1, "subbuf-size", "t", UINT64_MAX);
        fixture_fails(f, ERROR "InvalidOption", "subbuf-count", session, SESSION, "EnableChannel", "ssa{sv}", "user",
                      "c", 1, "subbuf-count", "u", 1);
        fixture_fails(f, ERROR "InvalidOption", "subbuf-count", session, SESSION, "EnableChannel", "ssa{sv}", "user",
                      "c", 1, "subbuf-count", "u", UINT32_MAX);
        fixture_fails(f, ERROR "InvalidOption", "'fast'", session, SESSION, "EnableChannel", "ssa{sv}", "user", "c", 1,
                      "mode", "s", "fast");
        fixture_fails(f, "org.freedesktop.DBus.Error.LimitsExceeded", "smaller", session, SESSION, "EnableChannel",
                      "ssa{sv}", "user", "c", 2, "subbuf-size", "t", UINT64_C(1) << 24, "subbuf-count", "u", 4096);
        assert_no_channels_nor_events(f);
        reply = fixture_call(f, session, SESSION, "EnableChannel", NULL, "ssa{sv}", "user", "c", 4, "subbuf-size", "t",
                             UINT64_C(5000), "subbuf-count", "u", 3, "mode", "s", "overwrite", "ordered-clock", "b", 1);
        g_assert_cmpint(sd_bus_message_read(reply, "o", &path), >, 0);
        g_assert_cmpuint(fixture_get_u64(f, path, NAME "Channel", "SubBufferSize"), ==, 8192);
        sd_bus_message_unref(reply);
        fixture_fails(f, ERROR "ChannelExists", "'c'", session, SESSION, "EnableChannel", "ssa{sv}", "user", "c", 0);
        fixture_free(f);
}

static int on_signal(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        GString *seen = userdata;
        const char *member = sd_bus_message_get_member(m);

        if (member && strcmp(member, "PropertiesChanged") == 0)
                g_string_append(seen, "changed ");
        else if (member && strcmp(member, "SessionNew") == 0)
                g_string_append(seen, "new ");
        else if (member && strcmp(member, "InterfacesAdded") == 0)
                g_string_append(seen, "added ");
        else if (member && strcmp(member, "InterfacesRemoved") == 0)
                g_string_append(seen, "removed ");
        else if (member && strcmp(member, "SessionRemoved") == 0)
                g_string_append(seen, "gone ");
        return 0;
}

static int on_started(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        g_assert_false(sd_bus_message_is_method_error(m, NULL));
        g_string_append(userdata, "reply ");
        return 0;
}

/* Every signal comes before the reply to what caused it. */
static void call_and_watch(struct fixture *f, GString *seen, const char *path, const char *member) {
        sd_bus_message *m = NULL;

        g_string_truncate(seen, 0);
        g_assert_cmpint(sd_bus_message_new_method_call(f->bus, &m, NULL, path, SESSION, member), >=, 0);
        g_assert_cmpint(sd_bus_message_append(m, "a{sv}", 0), >=, 0);
        g_assert_cmpint(sd_bus_call_async(f->bus, NULL, m, on_started, seen, 0), >=, 0);
        sd_bus_message_unref(m);
        while (!strstr(seen->str, "reply")) {
                int r = sd_bus_process(f->bus, NULL);

                g_assert_cmpint(r, >=, 0);
                if (r == 0)
                        g_assert_cmpint(sd_bus_wait(f->bus, WAIT_SECONDS * G_USEC_PER_SEC), >, 0);
        }
}

static void test_signals(void) {
        struct fixture *f = fixture_new();
        g_autoptr(GString) seen = g_string_new(NULL);
        g_autofree char *session = NULL;

        g_assert_cmpint(sd_bus_add_filter(f->bus, NULL, on_signal, seen), >=, 0);
        session = fixture_session(f, "s");
        while (sd_bus_process(f->bus, NULL) > 0)
                ;
        g_assert_cmpstr(seen->str, ==, "added new ");
        call_and_watch(f, seen, session, "Start");
        g_assert_cmpstr(seen->str, ==, "changed reply ");
        call_and_watch(f, seen, session, "Stop");
        g_assert_true(g_str_has_prefix(seen->str, "changed "));
        g_assert_true(g_str_has_suffix(seen->str, "changed reply "));
        call_and_watch(f, seen, session, "Destroy");
        g_assert_cmpstr(seen->str, ==, "removed gone reply ");
        fixture_free(f);
}

static void test_list_events(void) {
        struct fixture *f = fixture_new();
        struct fake_application *a = fake_application_register(f, shop, 0);
        struct fake_application *b = fake_application_register(f, (const char *const[]) { "shop:order_paid", NULL }, 0);
        g_autoptr(GString) seen = g_string_new(NULL);
        const char *domain, *name, *level, *key, *field, *type;
        sd_bus_message *reply;

        reply = fixture_call(f, MANAGER, "ListEvents", NULL, "ssa{sv}", "user", "shop:*", 0);
        g_assert_cmpint(sd_bus_message_enter_container(reply, 'a', "(sssa{sv})"), >, 0);
        while (sd_bus_message_enter_container(reply, 'r', "sssa{sv}") > 0) {
                g_assert_cmpint(sd_bus_message_read(reply, "sss", &domain, &name, &level), >, 0);
                g_assert_cmpint(sd_bus_message_read(reply, "a{sv}", 1, &key, "a(ss)", 1, &field, &type), >, 0);
                g_string_append_printf(seen, "%s %s %s %s %s %s,", domain, name, level, key, field, type);
                g_assert_cmpint(sd_bus_message_exit_container(reply), >=, 0);
        }
        g_assert_cmpstr(seen->str, ==, "user shop:order_paid info fields value u64,user shop:order_sent info fields "
                                       "value u64,");
        sd_bus_message_unref(reply);
        fixture_fails(f, ERROR "UnknownDomain", "'moon'", MANAGER, "ListEvents", "ssa{sv}", "moon", "*", 0);
        fixture_fails(f, ERROR "Kernel", "only the system's", MANAGER, "ListEvents", "ssa{sv}", "kernel", "*", 0);
        fake_application_free(a);
        fake_application_free(b);
        fixture_free(f);
}

static void test_list_applications(void) {
        struct fixture *f = fixture_new();
        struct fake_application *a = fake_application_register(f, shop, 0);
        const char *name, *unit, *path;
        sd_bus_message *reply;
        uint32_t pid, uid;
        int settled;

        reply = fixture_call(f, MANAGER, "ListApplications", NULL, "a{sv}", 1, "pid", "u", (unsigned) getpid());
        g_assert_cmpint(sd_bus_message_read(reply, "b", &settled), >, 0);
        g_assert_true(settled);
        g_assert_cmpint(sd_bus_message_read(reply, "a(uusso)", 1, &pid, &uid, &name, &unit, &path), >, 0);
        g_assert_cmpuint(pid, ==, (unsigned) getpid());
        g_assert_cmpuint(uid, ==, getuid());
        g_assert_cmpstr(name, ==, "fake");
        sd_bus_message_unref(reply);
        reply = fixture_call(f, MANAGER, "ListApplications", NULL, "a{sv}", 1, "pid", "u", 1);
        g_assert_cmpint(sd_bus_message_read(reply, "b", &settled), >, 0);
        g_assert_cmpint(sd_bus_message_enter_container(reply, 'a', "(uusso)"), >, 0);
        g_assert_cmpint(sd_bus_message_at_end(reply, 0), >, 0);
        sd_bus_message_unref(reply);
        fake_application_free(a);
        fixture_free(f);
}

int main(int argc, char *argv[]) {
        g_test_init(&argc, &argv, NULL);
        g_assert_cmpint(argc, ==, 2);
        xml_path = argv[1];
        g_test_add_func("/bus/interfaces", test_interfaces);
        g_test_add_func("/bus/objects", test_objects);
        g_test_add_func("/bus/properties", test_properties);
        g_test_add_func("/bus/create-refusals", test_create_refusals);
        g_test_add_func("/bus/output-fd", test_output_fd);
        g_test_add_func("/bus/event-refusals", test_event_refusals);
        g_test_add_func("/bus/other-channel", test_other_channel);
        g_test_add_func("/bus/disable", test_disable);
        g_test_add_func("/bus/channels", test_channels);
        g_test_add_func("/bus/signals", test_signals);
        g_test_add_func("/bus/list-events", test_list_events);
        g_test_add_func("/bus/list-applications", test_list_applications);
        return g_test_run();
}
