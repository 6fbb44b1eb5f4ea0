/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "fake-polkit.h"

#include <string.h>

#define SECONDS 20

static const char interface_xml[] =
        "<node><interface name='org.freedesktop.PolicyKit1.Authority'>"
        "<method name='CheckAuthorization'><arg type='(sa{sv})' direction='in'/><arg type='s' direction='in'/>"
        "<arg type='a{ss}' direction='in'/><arg type='u' direction='in'/><arg type='s' direction='in'/>"
        "<arg type='(bba{ss})' direction='out'/></method>"
        "<method name='CancelCheckAuthorization'><arg type='s' direction='in'/></method>"
        "</interface></node>";

static int uid_of(const char *sender, uid_t *ret, void *userdata) {
        struct fake_polkit *p = userdata;
        gpointer uid;

        p->asked_uids++;
        *ret = g_hash_table_lookup_extended(p->uids, sender, NULL, &uid) ? GPOINTER_TO_UINT(uid) : 1000;
        return 0;
}

/* The name is asked for by another thread. */
static void wait_for_name(struct fake_polkit *p) {
        sd_bus *bus = fake_polkit_connect(p);
        int owned = 0;

        while (!owned) {
                sd_bus_message *reply = NULL;

                g_assert_cmpint(sd_bus_call_method(bus, "org.freedesktop.DBus", "/org/freedesktop/DBus",
                                                   "org.freedesktop.DBus", "NameHasOwner", NULL, &reply, "s",
                                                   "org.freedesktop.PolicyKit1"), >=, 0);
                g_assert_cmpint(sd_bus_message_read(reply, "b", &owned), >, 0);
                sd_bus_message_unref(reply);
        }
        fake_polkit_disconnect(&bus);
}

void fake_polkit_init(struct fake_polkit *p, bool present) {
        g_autoptr(GDBusNodeInfo) node = NULL;
        g_autoptr(GError) error = NULL;

        *p = (struct fake_polkit) {
                .queue = gt_dbus_queue_new(),
                .uids = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL),
        };
        p->config = (struct authorizer_config) { .uid_of = uid_of, .userdata = p, .details = true };
        node = g_dbus_node_info_new_for_xml(interface_xml, &error);
        g_assert_no_error(error);
        g_assert_cmpint(sd_event_new(&p->event), >=, 0);
        g_assert_true(gt_dbus_queue_connect(p->queue, &error));
        g_assert_no_error(error);
        if (present) {
                p->name = gt_dbus_queue_own_name(p->queue, "org.freedesktop.PolicyKit1");
                gt_dbus_queue_export_object(p->queue, "/org/freedesktop/PolicyKit1/Authority", node->interfaces[0],
                                            &error);
                g_assert_no_error(error);
                wait_for_name(p);
        }
}

void fake_polkit_done(struct fake_polkit *p) {
        sd_event_unref(p->event);
        if (p->name)
                gt_dbus_queue_unown_name(p->queue, p->name);
        gt_dbus_queue_disconnect(p->queue, TRUE);
        gt_dbus_queue_free(p->queue);
        g_hash_table_unref(p->uids);
}

sd_bus *fake_polkit_connect(struct fake_polkit *p) {
        const char *name;
        sd_bus *bus;

        g_assert_cmpint(sd_bus_new(&bus), >=, 0);
        g_assert_cmpint(sd_bus_set_address(bus, g_getenv("DBUS_SESSION_BUS_ADDRESS")), >=, 0);
        g_assert_cmpint(sd_bus_set_bus_client(bus, 1), >=, 0);
        g_assert_cmpint(sd_bus_start(bus), >=, 0);
        g_assert_cmpint(sd_bus_attach_event(bus, p->event, SD_EVENT_PRIORITY_NORMAL), >=, 0);
        g_assert_cmpint(sd_bus_get_unique_name(bus, &name), >=, 0);
        return bus;
}

void fake_polkit_disconnect(sd_bus **bus) {
        *bus = sd_bus_flush_close_unref(*bus);
}

void fake_polkit_set_uid(struct fake_polkit *p, sd_bus *bus, uid_t uid) {
        const char *name;

        g_assert_cmpint(sd_bus_get_unique_name(bus, &name), >=, 0);
        g_hash_table_insert(p->uids, g_strdup(name), GUINT_TO_POINTER(uid));
}

static int on_reply(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        struct fake_call *call = userdata;

        call->reply = sd_bus_message_ref(m);
        return 0;
}

struct fake_call *fake_call_new(sd_bus *bus, sd_bus_message *m) {
        struct fake_call *call = g_new0(struct fake_call, 1);

        g_assert_cmpint(sd_bus_call_async(bus, &call->slot, m, on_reply, call, SECONDS * G_USEC_PER_SEC), >=, 0);
        sd_bus_message_unref(m);
        return call;
}

void fake_call_free(struct fake_call *call) {
        sd_bus_slot_unref(call->slot);
        sd_bus_message_unref(call->reply);
        g_free(call);
}

sd_bus_message *fake_call_wait(struct fake_polkit *p, struct fake_call *call) {
        while (!call->reply)
                g_assert_cmpint(sd_event_run(p->event, SECONDS * G_USEC_PER_SEC), >, 0);
        return call->reply;
}

void fake_call_fails(struct fake_polkit *p, struct fake_call *call, const char *error, const char *text) {
        const sd_bus_error *e = sd_bus_message_get_error(fake_call_wait(p, call));

        g_assert_nonnull(e);
        g_assert_cmpstr(e->name, ==, error);
        if (!strstr(e->message, text))
                g_error("\"%s\" does not say \"%s\"", e->message, text);
        fake_call_free(call);
}

void fake_call_ok(struct fake_polkit *p, struct fake_call *call) {
        const sd_bus_error *e = sd_bus_message_get_error(fake_call_wait(p, call));

        if (e)
                g_error("%s: %s", e->name, e->message);
        fake_call_free(call);
}

/* The queue has a thread of its own and no descriptor, so it is looked at between turns of the loop. */
GDBusMethodInvocation *fake_polkit_wait(struct fake_polkit *p, const char *method) {
        gint64 end = g_get_monotonic_time() + SECONDS * G_USEC_PER_SEC;
        GDBusMethodInvocation *invocation = NULL;

        while (gt_dbus_queue_get_n_messages(p->queue) == 0) {
                g_assert_cmpint(sd_event_run(p->event, 1000), >=, 0);
                g_assert_cmpint(g_get_monotonic_time(), <, end);
        }
        g_assert_true(gt_dbus_queue_pop_message(p->queue, &invocation));
        g_assert_cmpstr(g_dbus_method_invocation_get_method_name(invocation), ==, method);
        return invocation;
}

GDBusMethodInvocation *fake_polkit_question(struct fake_polkit *p, sd_bus *client, const char *action) {
        GDBusMethodInvocation *question = fake_polkit_wait(p, "CheckAuthorization");
        GVariant *parameters = g_dbus_method_invocation_get_parameters(question);
        g_autoptr(GVariant) subject = NULL;
        const char *kind, *asked, *name, *client_name;

        g_variant_get_child(parameters, 0, "(&s@a{sv})", &kind, &subject);
        g_assert_cmpstr(kind, ==, "system-bus-name");
        g_assert_cmpuint(g_variant_n_children(subject), ==, 1);
        g_assert_true(g_variant_lookup(subject, "name", "&s", &name));
        g_assert_cmpint(sd_bus_get_unique_name(client, &client_name), >=, 0);
        g_assert_cmpstr(name, ==, client_name);
        g_variant_get_child(parameters, 1, "&s", &asked);
        g_assert_cmpstr(asked, ==, action);
        return question;
}

static int compare(gconstpointer a, gconstpointer b) {
        return strcmp(*(const char *const *) a, *(const char *const *) b);
}

char *fake_polkit_details(GDBusMethodInvocation *question) {
        g_autoptr(GVariant) details = g_variant_get_child_value(g_dbus_method_invocation_get_parameters(question), 2);
        g_autoptr(GPtrArray) lines = g_ptr_array_new_with_free_func(g_free);
        const char *key, *value;
        GVariantIter iter;

        g_variant_iter_init(&iter, details);
        while (g_variant_iter_next(&iter, "{&s&s}", &key, &value))
                g_ptr_array_add(lines, g_strdup_printf("%s=%s", key, value));
        g_ptr_array_sort(lines, compare);
        g_ptr_array_add(lines, NULL);
        return g_strjoinv(" ", (char **) lines->pdata);
}

guint32 fake_polkit_flags(GDBusMethodInvocation *question) {
        guint32 flags;

        g_variant_get_child(g_dbus_method_invocation_get_parameters(question), 3, "u", &flags);
        return flags;
}

char *fake_polkit_cancellation(GDBusMethodInvocation *question) {
        char *id;

        g_variant_get_child(g_dbus_method_invocation_get_parameters(question), 4, "s", &id);
        return id;
}

void fake_polkit_answer(GDBusMethodInvocation *question, bool authorized, bool challenge) {
        g_dbus_method_invocation_return_value(question, g_variant_new("((bba{ss}))", authorized, challenge, NULL));
}

void fake_polkit_assert_idle(struct fake_polkit *p) {
        gt_dbus_queue_assert_no_messages(p->queue);
}
