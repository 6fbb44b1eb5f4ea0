/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The vtables are those of the XML file, every method asks before it does
 * anything, and polkit's policy has every action that is asked about.
 */

#include "bare-service.h"
#include "fake-polkit.h"

#include <string.h>
#include <sys/socket.h>

#include "service/bus/gate.h"

#define ROOT "/org/tracectl/Tracing1"
#define NAME "org.tracectl.Tracing1."
#define EMITS "org.freedesktop.DBus.Property.EmitsChangedSignal"

static const char *xml_path, *policy_path, *security_path;

static const struct {
        const char *interface;
        const sd_bus_vtable *vtable;
} interfaces[] = {
        { NAME "Manager", manager_vtable },
        { NAME "Session", session_vtable },
        { NAME "Channel", channel_vtable },
        { NAME "Event", event_vtable },
        { NAME "Application", application_vtable },
};

/* Everything that anybody may call: what it asks for, and a call that would have an effect. */
static const struct {
        const char *interface, *member;
        enum action action;
        const char *strings[3];
} unprivileged[] = {
        { NAME "Manager", "CreateSession", ACTION_TRACE, { "new" } },
        { NAME "Manager", "GetSession", ACTION_LIST, { "s" } },
        { NAME "Manager", "ListSessions", ACTION_LIST, { NULL } },
        { NAME "Manager", "ListApplications", ACTION_LIST, { NULL } },
        { NAME "Manager", "ListEvents", ACTION_LIST, { "user", "*" } },
        { NAME "Manager", "ApplyProfile", ACTION_TRACE, { "[Session]\nName=new\n" } },
        { NAME "Session", "Start", ACTION_CONTROL, { NULL } },
        { NAME "Session", "Stop", ACTION_CONTROL, { NULL } },
        { NAME "Session", "Snapshot", ACTION_READ, { NULL } },
        { NAME "Session", "Clear", ACTION_CONTROL, { NULL } },
        { NAME "Session", "Rotate", ACTION_CONTROL, { NULL } },
        { NAME "Session", "OpenStream", ACTION_READ, { NULL } },
        { NAME "Session", "Dump", ACTION_LIST, { NULL } },
        { NAME "Session", "EnableChannel", ACTION_CONTROL, { "user", "d" } },
        { NAME "Session", "DisableChannel", ACTION_CONTROL, { "user", "c" } },
        { NAME "Session", "AddContext", ACTION_CONTROL, { "user", "c", "vpid" } },
        { NAME "Session", "EnableEvent", ACTION_CONTROL, { "user", "c", "shop:*" } },
        { NAME "Session", "DisableEvent", ACTION_CONTROL, { "EVENT" } },
        { NAME "Session", "RemoveEvent", ACTION_CONTROL, { "EVENT" } },
        { NAME "Session", "Destroy", ACTION_CONTROL, { NULL } },
};

static bool is_end(const sd_bus_vtable *v) {
        return v->type == _SD_BUS_VTABLE_END;
}

static void add_arguments(GString *line, GDBusArgInfo **args) {
        for (; args && *args; args++)
                g_string_append_printf(line, " %s:%s", (*args)->signature, (*args)->name);
}

/* The same from a vtable, where the names are one after the other. */
static const char *add_signature(GString *line, const char *signature, const char *names) {
        g_autofree char *type = g_strdup_printf("(%s)", signature ? signature : "");
        const GVariantType *t = g_variant_type_first(G_VARIANT_TYPE(type));

        for (; t; t = g_variant_type_next(t)) {
                g_string_append_printf(line, " %.*s:%s", (int) g_variant_type_get_string_length(t),
                                       g_variant_type_peek_string(t), names);
                names += strlen(names) + 1;
        }
        return names;
}

static const char *emits(const sd_bus_vtable *v) {
        if (v->flags & SD_BUS_VTABLE_PROPERTY_CONST)
                return "const";
        if (v->flags & SD_BUS_VTABLE_PROPERTY_EMITS_INVALIDATION)
                return "invalidates";
        return v->flags & SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE ? "true" : "false";
}

static void take_line(GPtrArray *lines, GString *line) {
        g_ptr_array_add(lines, g_string_free(line, FALSE));
}

static void describe_vtable(GPtrArray *lines, const char *interface, const sd_bus_vtable *v) {
        for (v++; !is_end(v); v++) {
                GString *line = g_string_new(interface);

                switch (v->type) {
                case _SD_BUS_VTABLE_METHOD: {
                        const char *names;

                        g_string_append_printf(line, " method %s in", v->x.method.member);
                        names = add_signature(line, v->x.method.signature, v->x.method.names);
                        g_string_append(line, " out");
                        (void) add_signature(line, v->x.method.result, names);
                        break;
                }
                case _SD_BUS_VTABLE_SIGNAL:
                        g_string_append_printf(line, " signal %s", v->x.signal.member);
                        (void) add_signature(line, v->x.signal.signature, v->x.signal.names);
                        break;
                default:
                        /* Nothing can be set but by methods, which ask. */
                        g_assert_cmpint(v->type, ==, _SD_BUS_VTABLE_PROPERTY);
                        g_string_append_printf(line, " property %s %s read %s", v->x.property.member,
                                               v->x.property.signature, emits(v));
                }
                take_line(lines, line);
        }
}

static void describe_xml(GPtrArray *lines, GDBusInterfaceInfo *info) {
        for (GDBusMethodInfo **m = info->methods; m && *m; m++) {
                GString *line = g_string_new(info->name);

                g_string_append_printf(line, " method %s in", (*m)->name);
                add_arguments(line, (*m)->in_args);
                g_string_append(line, " out");
                add_arguments(line, (*m)->out_args);
                take_line(lines, line);
        }
        for (GDBusSignalInfo **s = info->signals; s && *s; s++) {
                GString *line = g_string_new(info->name);

                g_string_append_printf(line, " signal %s", (*s)->name);
                add_arguments(line, (*s)->args);
                take_line(lines, line);
        }
        for (GDBusPropertyInfo **p = info->properties; p && *p; p++) {
                const char *value = g_dbus_annotation_info_lookup((*p)->annotations, EMITS);
                GString *line = g_string_new(info->name);

                g_string_append_printf(line, " property %s %s %s %s", (*p)->name, (*p)->signature,
                                       (*p)->flags == G_DBUS_PROPERTY_INFO_FLAGS_READABLE ? "read" : "write",
                                       value ? value : "true");
                take_line(lines, line);
        }
}

static int compare(gconstpointer a, gconstpointer b) {
        return strcmp(*(const char *const *) a, *(const char *const *) b);
}

static void assert_all_in(GPtrArray *a, GPtrArray *b, const char *where) {
        for (guint i = 0; i < a->len; i++)
                if (!g_ptr_array_find_with_equal_func(b, a->pdata[i], g_str_equal, NULL))
                        g_error("%s: no \"%s\"", where, (char *) a->pdata[i]);
}

static void test_xml(void) {
        g_autoptr(GPtrArray) code = g_ptr_array_new_with_free_func(g_free);
        g_autoptr(GPtrArray) xml = g_ptr_array_new_with_free_func(g_free);
        g_autoptr(GDBusNodeInfo) node = NULL;
        g_autoptr(GError) error = NULL;
        g_autofree char *text = NULL;

        g_file_get_contents(xml_path, &text, NULL, &error);
        g_assert_no_error(error);
        node = g_dbus_node_info_new_for_xml(text, &error);
        g_assert_no_error(error);
        for (GDBusInterfaceInfo **i = node->interfaces; *i; i++)
                describe_xml(xml, *i);
        for (size_t i = 0; i < G_N_ELEMENTS(interfaces); i++)
                describe_vtable(code, interfaces[i].interface, interfaces[i].vtable);
        g_ptr_array_sort(code, compare);
        g_ptr_array_sort(xml, compare);
        assert_all_in(code, xml, "the XML file");
        assert_all_in(xml, code, "the vtables");
}

static void test_unprivileged(void) {
        size_t n = 0;

        for (size_t i = 0; i < G_N_ELEMENTS(interfaces); i++)
                for (const sd_bus_vtable *v = interfaces[i].vtable + 1; !is_end(v); v++) {
                        bool known = false;

                        if (v->type != _SD_BUS_VTABLE_METHOD)
                                continue;
                        g_assert_true(v->flags & SD_BUS_VTABLE_UNPRIVILEGED);
                        for (size_t k = 0; k < G_N_ELEMENTS(unprivileged); k++)
                                known |= strcmp(unprivileged[k].member, v->x.method.member) == 0 &&
                                         strcmp(unprivileged[k].interface, interfaces[i].interface) == 0;
                        if (!known)
                                g_error("%s is called by anybody, and what it asks for is not said here",
                                        v->x.method.member);
                        n++;
                }
        g_assert_cmpuint(n, ==, G_N_ELEMENTS(unprivileged));
}

/* Says no, or that the answer comes later; shows everything. */
struct refuser {
        struct authorizer authorizer;
        int answer;
        unsigned asked;
        enum action action;
};

static int check(struct authorizer *a, sd_bus_message *m, const struct question *question, struct failure *failure) {
        struct refuser *refuser = (struct refuser *) a;

        refuser->asked++;
        refuser->action = question->action;
        return refuser->answer == 0 ? 0 : fail(failure, FAILURE_ACCESS_DENIED, "No.");
}

static int caller(struct authorizer *a, sd_bus_message *m, uid_t *ret, struct failure *failure) {
        *ret = 1000;
        return 0;
}

static bool shows(struct authorizer *a, sd_bus_message *m, uid_t owner) {
        return true;
}

static struct authorizer *refuser_free(struct authorizer *a) {
        return NULL;
}

static void make_peers(sd_event *event, sd_bus **ret_service, sd_bus **ret_client) {
        sd_bus *bus[2];
        sd_id128_t id;
        int pair[2];

        g_assert_no_errno(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair));
        for (int i = 0; i < 2; i++) {
                g_assert_cmpint(sd_bus_new(&bus[i]), >=, 0);
                g_assert_cmpint(sd_bus_set_fd(bus[i], pair[i], pair[i]), >=, 0);
        }
        g_assert_cmpint(sd_id128_randomize(&id), >=, 0);
        g_assert_cmpint(sd_bus_set_server(bus[0], 1, id), >=, 0);
        g_assert_cmpint(sd_bus_set_bus_client(bus[1], 0), >=, 0);
        g_assert_cmpint(sd_bus_start(bus[1]), >=, 0);
        g_assert_cmpint(sd_bus_attach_event(bus[1], event, SD_EVENT_PRIORITY_NORMAL), >=, 0);
        *ret_service = bus[0];
        *ret_client = bus[1];
}

static const sd_bus_vtable *find_method(const char *interface, const char *member) {
        for (size_t i = 0; i < G_N_ELEMENTS(interfaces); i++)
                for (const sd_bus_vtable *v = interfaces[i].vtable + 1; !is_end(v); v++)
                        if (v->type == _SD_BUS_VTABLE_METHOD && strcmp(v->x.method.member, member) == 0 &&
                            strcmp(interfaces[i].interface, interface) == 0)
                                return v;
        g_assert_not_reached();
}

static struct fake_call *call(sd_bus *client, size_t i, const char *session, const char *event) {
        const char *path = strcmp(unprivileged[i].interface, NAME "Manager") == 0 ? ROOT : session;
        const char *signature = find_method(unprivileged[i].interface, unprivileged[i].member)->x.method.signature;
        const char *const *string = unprivileged[i].strings;
        sd_bus_message *m;

        g_assert_cmpint(sd_bus_message_new_method_call(client, &m, NULL, path, unprivileged[i].interface,
                                                       unprivileged[i].member), >=, 0);
        for (; signature && *signature && *signature != 'a'; signature++)
                if (*signature == 'u')
                        g_assert_cmpint(sd_bus_message_append(m, "u", 1000), >=, 0);
                else if (*signature == 'o')
                        g_assert_cmpint(sd_bus_message_append(m, "o", event), >=, 0);
                else
                        g_assert_cmpint(sd_bus_message_append(m, "s", *string++), >=, 0);
        if (signature && *signature)
                g_assert_cmpint(sd_bus_message_append(m, "a{sv}", 0), >=, 0);
        return fake_call_new(client, m);
}

/* All that can be seen, as text. */
static char *everything(struct fake_polkit *loop, sd_bus *client) {
        struct fake_call *c;
        sd_bus_message *m;
        size_t size;
        char *text;
        FILE *f;

        g_assert_cmpint(sd_bus_message_new_method_call(client, &m, NULL, ROOT, "org.freedesktop.DBus.ObjectManager",
                                                       "GetManagedObjects"), >=, 0);
        c = fake_call_new(client, m);
        m = fake_call_wait(loop, c);
        g_assert_false(sd_bus_message_is_method_error(m, NULL));
        f = open_memstream(&text, &size);
        g_assert_cmpint(sd_bus_message_dump(m, f, SD_BUS_MESSAGE_DUMP_SUBTREE_ONLY), >=, 0);
        fclose(f);
        fake_call_free(c);
        return text;
}

static void test_all_ask(gconstpointer answer) {
        struct refuser refuser = {
                .authorizer = { .check = check, .caller = caller, .shows = shows, .free = refuser_free },
                .answer = GPOINTER_TO_INT(answer),
        };
        g_autofree char *before = NULL;
        struct fake_polkit loop = { 0 };
        struct bare_service s;
        const struct channel_options options = { 0 };
        struct failure failure;
        struct channel *channel;
        struct session *session;
        struct selector *selector;
        struct rule *rule;
        char *path, *event;
        sd_bus *bus, *client;
        uint64_t generation;

        g_assert_cmpint(sd_event_new(&loop.event), >=, 0);
        make_peers(loop.event, &bus, &client);
        bare_service_init(&s, loop.event, bus, &refuser.authorizer);
        g_assert_cmpint(bus_start(s.bus), >=, 0);
        session = bare_service_session(&s, 1000, "s");
        g_assert_cmpint(session_enable_channel(session, "c", &options, &channel, &failure), >=, 0);
        g_assert_cmpint(selector_parse("a:b", &selector, &failure), >=, 0);
        g_assert_cmpint(session_enable_event(session, "c", selector, &rule, &failure), >=, 0);
        selector_unref(selector);
        g_assert_cmpint(session_path(session, &path), >=, 0);
        g_assert_cmpint(event_path(rule, &event), >=, 0);
        generation = manager_generation(s.manager);
        before = everything(&loop, client);
        for (size_t i = 0; i < G_N_ELEMENTS(unprivileged); i++) {
                struct fake_call *c = call(client, i, path, event);
                g_autofree char *after = NULL;

                after = everything(&loop, client);
                g_test_message("%s", unprivileged[i].member);
                g_assert_cmpuint(refuser.asked, ==, i + 1);
                g_assert_cmpint(refuser.action, ==, unprivileged[i].action);
                g_assert_cmpstr(before, ==, after);
                if (refuser.answer == 0) {
                        g_assert_null(c->reply);
                        fake_call_free(c);
                } else
                        fake_call_fails(&loop, c, "org.freedesktop.DBus.Error.AccessDenied", "No.");
        }
        g_assert_cmpuint(manager_generation(s.manager), ==, generation);
        free(path);
        free(event);
        fake_polkit_disconnect(&client);
        bare_service_done(&s);
        sd_event_unref(loop.event);
}

/* The words of docs/security.md for what is asked about somebody else's. */
static const char *documented_action(enum action action) {
        switch (action) {
        case ACTION_LIST:
                return "`list-others`";
        case ACTION_CONTROL:
                return "`control-others`";
        case ACTION_READ:
                return "`read-others`";
        default:
                return "nothing"; /* a session is always its maker's */
        }
}

/* Who reads the page learns what the methods ask, and what the gate asks before them. */
static void test_documented(void) {
        g_autoptr(GRegex) row = g_regex_new("^\\| `(Manager|Session)\\.(\\w+)` \\| (\\S+) \\| (\\S+) \\|",
                                            G_REGEX_MULTILINE, 0, NULL);
        g_autoptr(GMatchInfo) match = NULL;
        g_autofree char *text = NULL;
        size_t n = 0;

        g_assert_true(g_file_get_contents(security_path, &text, NULL, NULL));
        for (g_regex_match(row, text, 0, &match); g_match_info_matches(match); g_match_info_next(match, NULL), n++) {
                g_autofree char *interface = g_match_info_fetch(match, 1), *member = g_match_info_fetch(match, 2);
                g_autofree char *own = g_match_info_fetch(match, 3), *others = g_match_info_fetch(match, 4);
                size_t i = 0;

                g_test_message("%s.%s", interface, member);
                while (i < G_N_ELEMENTS(unprivileged) && (strcmp(unprivileged[i].member, member) != 0 ||
                                                          !g_str_has_suffix(unprivileged[i].interface, interface)))
                        i++;
                g_assert_cmpuint(i, <, G_N_ELEMENTS(unprivileged));
                g_assert_cmpstr(own, ==, "`trace-own`");
                g_assert_cmpstr(others, ==, documented_action(unprivileged[i].action));
                if (strcmp(interface, "Session") == 0)
                        g_assert_cmpint(gate_action(member), ==, unprivileged[i].action);
        }
        g_assert_cmpuint(n, ==, G_N_ELEMENTS(unprivileged));
        g_assert_cmpint(gate_action("GetAll"), ==, ACTION_LIST);
        g_assert_cmpint(gate_action("A method that there is not"), ==, ACTION_CONTROL);
}

static const char *const own[] = { "yes", "yes", "yes" };
static const char *const others[] = { "auth_admin", "auth_admin", "auth_admin_keep" };

static void test_policy(void) {
        static const char *const actions[] = {
                "trace-own", "list-others", "trace-others", "control-others", "read-others", "kernel-own",
                "kernel-system", "kernel-probe", "record-user-memory", "exceed-limits",
        };
        static const char *const keys[] = { "allow_any", "allow_inactive", "allow_active" };
        g_autofree char *text = NULL;
        g_auto(GStrv) parts = NULL;

        g_assert_true(g_file_get_contents(policy_path, &text, NULL, NULL));
        parts = g_strsplit(text, "<action id=\"" POLKIT_ACTION, -1);
        g_assert_cmpuint(g_strv_length(parts), ==, 1 + G_N_ELEMENTS(actions));
        for (size_t i = 0; i < G_N_ELEMENTS(actions); i++) {
                const char *const *defaults = i == 0 ? own : others;

                g_assert_true(g_str_has_prefix(parts[i + 1], actions[i]));
                g_assert_nonnull(strstr(parts[i + 1], "<description gettext-domain=\"tracectl\">"));
                g_assert_nonnull(strstr(parts[i + 1], "<message gettext-domain=\"tracectl\">Authentication is "));
                g_assert_nonnull(strstr(parts[i + 1], ".</message>"));
                for (size_t k = 0; k < G_N_ELEMENTS(keys); k++) {
                        g_autofree char *line = g_strdup_printf("<%s>%s</%s>", keys[k], defaults[k], keys[k]);

                        g_assert_nonnull(strstr(parts[i + 1], line));
                }
        }
}

static void test_policy_is_xml(void) {
        const char *const command[] = { "xmllint", "--noout", "--nonet", policy_path, NULL };
        g_autofree char *program = g_find_program_in_path(command[0]);
        g_autoptr(GError) error = NULL;
        int status;

        if (!program) {
                g_test_skip("xmllint is not installed");
                return;
        }
        g_spawn_sync(NULL, (char **) command, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, NULL, &status, &error);
        g_assert_no_error(error);
        g_assert_cmpint(status, ==, 0);
}

int main(int argc, char *argv[]) {
        g_test_init(&argc, &argv, NULL);
        g_assert_cmpint(argc, ==, 4);
        xml_path = argv[1];
        policy_path = argv[2];
        security_path = argv[3];
        g_test_add_func("/vtables/xml", test_xml);
        g_test_add_func("/vtables/unprivileged", test_unprivileged);
        g_test_add_data_func("/vtables/all-ask/refused", GINT_TO_POINTER(-1), test_all_ask);
        g_test_add_data_func("/vtables/all-ask/later", GINT_TO_POINTER(0), test_all_ask);
        g_test_add_func("/vtables/documented", test_documented);
        g_test_add_func("/vtables/policy", test_policy);
        g_test_add_func("/vtables/policy-is-xml", test_policy_is_xml);
        return g_test_run();
}
