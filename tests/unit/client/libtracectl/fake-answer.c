/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <string.h>
#include <unistd.h>

#include "tests/unit/client/libtracectl/fake-answer.h"

static int append_scripted_counts(const struct fake_script *script, sd_bus_message *reply) {
        g_assert_cmpint(sd_bus_message_open_container(reply, 'a', "{sv}"), >=, 0);
        for (const struct fake_count *c = script->counts; c->name; c++)
                g_assert_cmpint(sd_bus_message_append(reply, "{sv}", c->name, "t", c->value), >=, 0);
        g_assert_cmpint(sd_bus_message_append(reply, "{sv}", "output-error", "s", script->output_error ?: ""), >=, 0);
        return sd_bus_message_close_container(reply);
}

static int append_counts(const struct fake_script *script, sd_bus_message *reply) {
        if (script->counts)
                return append_scripted_counts(script, reply);
        if (script->odd_counts)
                return sd_bus_message_append(reply, "a{sv}", 1, "events", "s", "many");
        return sd_bus_message_append(reply, "a{sv}", 5, "events", "t", UINT64_C(123), "lost-ring", "t", UINT64_C(4),
                                     "a-later-one", "as", 1, "skipped", "applications", "t", UINT64_C(2),
                                     "output-error", "s", script->output_error ?: "");
}

/* In no order. */
static int append_sessions(const struct fake_script *script, sd_bus_message *reply) {
        g_assert_cmpint(sd_bus_message_open_container(reply, 'a', "(ussso)"), >=, 0);
        for (guint i = script->n_sessions; i > 0; i--) {
                g_autofree char *name = g_strdup_printf("shop%u", i);

                g_assert_cmpint(sd_bus_message_append(reply, "(ussso)", (guint32) geteuid(), name, "active", "record",
                                                      FAKE_SESSION), >=, 0);
        }
        if (!script->only_own)
                g_assert_cmpint(sd_bus_message_append(reply, "(ussso)", 4000000000U, "b\x1b[1m", "stopped",
                                                      "flight-recorder", FAKE_SESSION), >=, 0);
        return sd_bus_message_close_container(reply);
}

static int append_applications(const struct fake_script *script, sd_bus_message *reply) {
        return sd_bus_message_append(reply, "ba(uusso)", !script->unsettled, 2,
                                     812U, 4000000001U, "till", "till.service", "/org/tracectl/Tracing1/application/2",
                                     script->unseen ? 0U : 7U, 4000000000U, "sh\nop", "", "/org/tracectl/Tracing1/application/1");
}

static int append_events(sd_bus_message *reply) {
        return sd_bus_message_append(reply, "a(sssa{sv})", 2,
                                     "user", "shop:order_paid", "info", 1,
                                     "fields", "a(ss)", 2, "order", "u64", "customer", "string",
                                     "user", "shop:closed", "debug", 2, "a-later-one", "d", 1.5,
                                     "fields", "a(ss)", 0);
}

static int append_profile_result(const struct fake_script *script, sd_bus_message *reply) {
        if (script->unchanged)
                return sd_bus_message_append(reply, "ba{sv}a{sv}", 0, 0, 0);
        return sd_bus_message_append(reply, "ba{sv}a{sv}", 1,
                                     2, "Session.Start", "b", 0, "Channel main.Event", "as", 2, "shop:*", "till:*",
                                     3, "Channel main.SubBufferSize", "s", "512K", "Session.Start", "b", 1,
                                     "Session.Weight", "t", UINT64_C(7));
}

static int append_properties(const struct fake_script *script, const char *interface, sd_bus_message *reply) {
        if (strcmp(interface, "org.tracectl.Tracing1.Manager") == 0)
                return sd_bus_message_append(reply, "a{sv}", 5, "Version", "s", "0.1.0", "Clock", "s", "x86-tsc",
                                             "Limits", "a{st}", 3, "sessions", UINT64_C(256), "sessions-used",
                                             UINT64_C(2), "ring-memory", UINT64_MAX, "Sessions", "u", 2,
                                             "Applications", "u", 3);
        return sd_bus_message_append(reply, "a{sv}", 13, "Name", "s", "shop", "Owner", "u", 4000000000U, "State", "s",
                                     "active", "Reason", "s", "", "Mode", "s",
                                     script->is_flight_recorder ? "flight-recorder" : "record", "Output", "s",
                                     script->no_output ? "" : "/var/lib/shop\x1b", "Origin", "s", "hand", "Persistent",
                                     "b", 0, "ConsumerUnit", "s", "tracectl-consumer-1000-shop", "ConsumerRestarts",
                                     "u", 2, "EventsRecorded", "t", UINT64_C(1234), "EventsDiscarded", "t",
                                     UINT64_C(5), "Bytes", "t", UINT64_C(4321));
}

/* This session's two channels and three rules, and another one's. */
static int append_objects(sd_bus_message *reply) {
        return sd_bus_message_append(
                reply, "a{oa{sa{sv}}}", 7,
                FAKE_SESSION, 1, "org.tracectl.Tracing1.Session", 1, "Name", "s", "shop",
                FAKE_SESSION "/channel/user/main", 2, "org.freedesktop.DBus.Peer", 0,
                "org.tracectl.Tracing1.Channel", 7, "Name", "s", "main", "Domain", "s", "user", "Mode", "s", "discard",
                "SubBufferSize", "t", UINT64_C(524288), "SubBufferCount", "u", 8, "Enabled", "b", 1, "Contexts", "as",
                2, "vpid", "procname",
                FAKE_SESSION "/channel/user/b", 1, "org.tracectl.Tracing1.Channel", 7, "Name", "s", "b", "Domain",
                "s", "user", "Mode", "s", "overwrite", "SubBufferSize", "t", UINT64_C(4096), "SubBufferCount", "u", 16,
                "Enabled", "b", 0, "Contexts", "as", 0,
                FAKE_SESSION "/event/1", 1, "org.tracectl.Tracing1.Event", 3, "Pattern", "s", "shop:*", "Channel", "o",
                FAKE_SESSION "/channel/user/main", "Enabled", "b", 1,
                FAKE_SESSION "/event/2", 1, "org.tracectl.Tracing1.Event", 3, "Pattern", "s", "shop:*", "Channel", "o",
                FAKE_SESSION "/channel/user/b", "Enabled", "b", 0,
                FAKE_SESSION "/event/3", 1, "org.tracectl.Tracing1.Event", 7, "Pattern", "s", "a:b", "Channel", "o",
                FAKE_SESSION "/channel/user/main", "Enabled", "b", 1, "Filter", "s", "id > 7", "LogLevel", "s",
                "warning", "LogLevelOnly", "s", "", "Exclude", "as", 2, "a:c", "a:d",
                FAKE_SESSION "2/event/1", 1, "org.tracectl.Tracing1.Event", 1, "Pattern", "s", "not:mine");
}

int fake_answer(const struct fake_script *script, const char *member, const char *about, sd_bus_message *reply) {
        if (g_strcmp0(script->bad_reply, member) == 0)
                return sd_bus_message_append(reply, "b", 1);
        if (strcmp(member, "CreateSession") == 0 || strcmp(member, "GetSession") == 0)
                return sd_bus_message_append(reply, "o", FAKE_SESSION);
        if (strcmp(member, "EnableChannel") == 0)
                return sd_bus_message_append(reply, "otu", FAKE_SESSION "/channel/user/channel0", UINT64_C(6), 2);
        if (strcmp(member, "EnableEvent") == 0)
                return sd_bus_message_append(reply, "otu", FAKE_SESSION "/event/1", UINT64_C(7), 3);
        if (strcmp(member, "Start") == 0 || strcmp(member, "DisableChannel") == 0)
                return sd_bus_message_append(reply, "tu", UINT64_C(8), 1);
        /* The first of the two rules is pending at most. */
        if (strcmp(member, "DisableEvent") == 0 || strcmp(member, "RemoveEvent") == 0)
                return sd_bus_message_append(reply, "tu", UINT64_C(9), g_str_has_suffix(about, "/2") ? 4 : 1);
        if (strcmp(member, "Rotate") == 0)
                return sd_bus_message_append(reply, "s", "/var/lib/shop/chunk-1");
        if (strcmp(member, "OpenStream") == 0) /* anything that is a descriptor, and the client can know again */
                return sd_bus_message_append(reply, "h", STDIN_FILENO);
        if (strcmp(member, "Dump") == 0)
                return sd_bus_message_append(reply, "s", "[Session]\nName=shop\n");
        if (strcmp(member, "Snapshot") == 0 && sd_bus_message_append(reply, "s", "/tmp/x") < 0)
                return -1;
        if (strcmp(member, "Snapshot") == 0 || strcmp(member, "Stop") == 0)
                return append_counts(script, reply);
        if (strcmp(member, "ListSessions") == 0)
                return append_sessions(script, reply);
        if (strcmp(member, "ListApplications") == 0)
                return append_applications(script, reply);
        if (strcmp(member, "ListEvents") == 0)
                return append_events(reply);
        if (strcmp(member, "ApplyProfile") == 0)
                return append_profile_result(script, reply);
        if (strcmp(member, "GetAll") == 0)
                return append_properties(script, about, reply);
        return strcmp(member, "GetManagedObjects") == 0 ? append_objects(reply) : 0;
}
