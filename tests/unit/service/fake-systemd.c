/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "fake-systemd.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <systemd/sd-bus.h>
#include <unistd.h>

#define NAME "org.freedesktop.systemd1"
#define PATH "/org/freedesktop/systemd1"

static const char manager_xml[] =
        "<node><interface name='org.freedesktop.systemd1.Manager'>"
        "<method name='Subscribe'/>"
        "<method name='StartTransientUnit'><arg type='s' direction='in'/><arg type='s' direction='in'/>"
        "<arg type='a(sv)' direction='in'/><arg type='a(sa(sv))' direction='in'/><arg type='o' direction='out'/></method>"
        "<method name='StopUnit'><arg type='s' direction='in'/><arg type='s' direction='in'/>"
        "<arg type='o' direction='out'/></method>"
        "<method name='KillUnit'><arg type='s' direction='in'/><arg type='s' direction='in'/>"
        "<arg type='i' direction='in'/></method>"
        "<method name='ResetFailedUnit'><arg type='s' direction='in'/></method>"
        "<method name='ListUnitsByPatterns'><arg type='as' direction='in'/><arg type='as' direction='in'/>"
        "<arg type='a(ssssssouso)' direction='out'/></method>"
        "</interface></node>";

static const char service_xml[] =
        "<node><interface name='org.freedesktop.systemd1.Service'>"
        "<property name='Result' type='s' access='read'/><property name='NRestarts' type='u' access='read'/>"
        "<property name='ExecMainCode' type='i' access='read'/><property name='ExecMainStatus' type='i' access='read'/>"
        "</interface></node>";

static void on_call(GDBusConnection *connection, const char *sender, const char *path, const char *interface,
                    const char *member, GVariant *arguments, GDBusMethodInvocation *call, void *userdata);

static GVariant *get_property(GDBusConnection *connection, const char *sender, const char *path, const char *interface,
                              const char *property, GError **error, void *userdata) {
        struct fake_systemd *f = userdata;

        if (g_str_equal(property, "Result"))
                return g_variant_new_string(f->result);
        if (g_str_equal(property, "NRestarts")) {
                f->looks++;
                return g_variant_new_uint32(f->n_restarts);
        }
        return g_variant_new_int32(g_str_equal(property, "ExecMainCode") ? f->code : f->status);
}

static void export(struct fake_systemd *f, const char *path, const char *xml) {
        static const GDBusInterfaceVTable vtable = { .method_call = on_call, .get_property = get_property };
        g_autoptr(GDBusNodeInfo) node = g_dbus_node_info_new_for_xml(xml, NULL);
        g_autoptr(GError) error = NULL;

        g_assert_nonnull(node);
        g_assert_cmpuint(g_dbus_connection_register_object(f->connection, path, node->interfaces[0], &vtable, f, NULL,
                                                           &error), >, 0);
        g_assert_no_error(error);
}

static void on_name(GDBusConnection *connection, const char *name, void *userdata) {
        struct fake_systemd *f = userdata;

        f->has_name = true;
}

static void connect_bus(struct fake_systemd *f) {
        g_autoptr(GError) error = NULL;

        f->bus = g_test_dbus_new(G_TEST_DBUS_NONE);
        g_test_dbus_up(f->bus);
        f->connection = g_dbus_connection_new_for_address_sync(
                g_test_dbus_get_bus_address(f->bus),
                G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT | G_DBUS_CONNECTION_FLAGS_MESSAGE_BUS_CONNECTION, NULL,
                NULL, &error);
        g_assert_no_error(error);
        export(f, PATH, manager_xml);
        f->name = g_bus_own_name_on_connection(f->connection, NAME, G_BUS_NAME_OWNER_FLAGS_NONE, on_name, NULL, f, NULL);
        while (!f->has_name)
                g_main_context_iteration(NULL, TRUE);
}

struct fake_systemd *fake_systemd_new(bool user, uint64_t usec) {
        struct fake_systemd *f = g_new0(struct fake_systemd, 1);
        struct unit_config config = { .user = user, .usec = usec };

        f->listen_fd = -1;
        f->result = "success";
        f->calls = g_string_new(NULL);
        f->run = g_dir_make_tmp("units-XXXXXX", NULL);
        connect_bus(f);
        g_assert_cmpint(sd_event_new(&f->event), >=, 0);
        config.run = f->run;
        config.address = g_test_dbus_get_bus_address(f->bus);
        g_assert_cmpint(unit_starter_new(f->event, &config, &f->starter), ==, 0);
        return f;
}

void fake_systemd_free(struct fake_systemd *f) {
        g_autofree char *folder = g_build_filename(f->run, "consumer", NULL);

        unit_starter_free(f->starter);
        sd_event_unref(f->event);
        g_bus_unown_name(f->name);
        g_assert_true(g_dbus_connection_close_sync(f->connection, NULL, NULL));
        g_object_unref(f->connection);
        while (g_main_context_iteration(NULL, FALSE))
                ;
        g_test_dbus_down(f->bus);
        g_object_unref(f->bus);
        if (f->listen_fd >= 0) {
                close(f->listen_fd);
                unlink(f->path);
        }
        rmdir(folder);
        rmdir(f->run);
        g_string_free(f->calls, TRUE);
        g_clear_pointer(&f->units, g_variant_unref);
        g_free(f->run);
        g_free(f->arguments);
        g_free(f->stem);
        g_free(f->path);
        g_free(f);
}

/* As systemd does it. */
static void make_socket(struct fake_systemd *f) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        g_autofree char *folder = g_path_get_dirname(f->path);

        g_mkdir_with_parents(folder, 0700);
        g_strlcpy(address.sun_path, f->path, sizeof(address.sun_path));
        f->listen_fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        g_assert_no_errno(bind(f->listen_fd, (struct sockaddr *) &address, sizeof(address)));
        g_assert_no_errno(listen(f->listen_fd, 10));
}

static void remove_socket(struct fake_systemd *f) {
        if (f->listen_fd < 0)
                return;
        close(f->listen_fd);
        unlink(f->path);
        f->listen_fd = -1;
}

static void remember_pair(struct fake_systemd *f, const char *unit) {
        g_autofree char *object = NULL;
        char *path;

        g_free(f->stem);
        f->stem = g_strndup(unit, strlen(unit) - strlen(".socket"));
        g_free(f->path);
        f->path = g_build_filename(f->run, "consumer", strrchr(f->stem, '-') + 1, NULL);
        object = g_strconcat(f->stem, ".service", NULL);
        g_assert_cmpint(sd_bus_path_encode(PATH "/unit", object, &path), >=, 0);
        export(f, path, service_xml);
        free(path);
}

static void remove_job(GDBusMethodInvocation *call, const char *job, const char *unit, const char *result) {
        /* What comes last of all may find the connection closed. */
        (void) g_dbus_connection_emit_signal(g_dbus_method_invocation_get_connection(call), NULL, PATH, NAME ".Manager",
                                             "JobRemoved", g_variant_new("(uoss)", 1, job, unit, result), NULL);
}

static void start(struct fake_systemd *f, GDBusMethodInvocation *call, GVariant *arguments) {
        g_autofree char *job = g_strdup_printf(PATH "/job/%u", ++f->starts);
        const char *unit;

        g_variant_get_child(arguments, 0, "&s", &unit);
        remember_pair(f, unit);
        g_free(f->arguments);
        f->arguments = g_variant_print(arguments, TRUE);
        switch (f->behaviour) {
        case FAKE_EXISTS:
                f->behaviour = FAKE_DONE;
                g_dbus_method_invocation_return_dbus_error(call, NAME ".UnitExists", "Unit exists.");
                return;
        case FAKE_REFUSED:
                g_dbus_method_invocation_return_dbus_error(call, "org.freedesktop.DBus.Error.InvalidArgs", "No.");
                return;
        case FAKE_SILENT:
                g_object_unref(call);
                return;
        case FAKE_FAILED:
                remove_job(call, job, unit, "failed");
                break;
        case FAKE_EARLY:
                make_socket(f);
                remove_job(call, job, unit, "done");
                break;
        default:
                make_socket(f);
        }
        g_object_ref(call);
        g_dbus_method_invocation_return_value(call, g_variant_new("(o)", job));
        if (f->behaviour == FAKE_DONE)
                remove_job(call, job, unit, "done");
        g_object_unref(call);
}

static void note(struct fake_systemd *f, const char *what, const char *unit) {
        const char *suffix = strrchr(unit, '.'), *random = strrchr(unit, '-') + 1;

        g_string_append_printf(f->calls, "%s %.*s*%s\n", what, (int) (random - unit), unit, suffix);
}

static void stop(struct fake_systemd *f, GDBusMethodInvocation *call, const char *unit) {
        static unsigned n = 100;
        g_autofree char *job = g_strdup_printf(PATH "/job/%u", ++n);

        note(f, "stop", unit);
        if (g_str_has_suffix(unit, ".socket"))
                remove_socket(f);
        g_object_ref(call);
        g_dbus_method_invocation_return_value(call, g_variant_new("(o)", job));
        remove_job(call, job, unit, "done");
        g_object_unref(call);
}

static void on_call(GDBusConnection *connection, const char *sender, const char *path, const char *interface,
                    const char *member, GVariant *arguments, GDBusMethodInvocation *call, void *userdata) {
        struct fake_systemd *f = userdata;
        const char *unit = NULL;

        if (g_str_equal(member, "StopUnit") || g_str_equal(member, "ResetFailedUnit") ||
            g_str_equal(member, "KillUnit"))
                g_variant_get_child(arguments, 0, "&s", &unit);
        if (g_str_equal(member, "StartTransientUnit"))
                start(f, call, arguments);
        else if (g_str_equal(member, "StopUnit"))
                stop(f, call, unit);
        else if (g_str_equal(member, "ResetFailedUnit") || g_str_equal(member, "KillUnit")) {
                note(f, *member == 'K' ? "kill" : "reset", unit);
                g_dbus_method_invocation_return_value(call, NULL);
        } else if (g_str_equal(member, "ListUnitsByPatterns"))
                g_dbus_method_invocation_return_value(
                        call, f->units ? g_variant_new("(@a(ssssssouso))", f->units)
                                       : g_variant_new("(a(ssssssouso))", NULL));
        else
                g_dbus_method_invocation_return_value(call, NULL);
}

void fake_systemd_turn(struct fake_systemd *f) {
        g_assert_cmpint(sd_event_run(f->event, 2000), >=, 0);
        while (g_main_context_iteration(NULL, FALSE))
                ;
}

int fake_systemd_accept(struct fake_systemd *f) {
        int fd;

        FAKE_WAIT(f, f->listen_fd >= 0);
        FAKE_WAIT(f, (fd = accept4(f->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK)) >= 0);
        return fd;
}
