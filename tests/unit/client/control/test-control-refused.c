/* SPDX-License-Identifier: LGPL-2.1-or-later */
#undef NDEBUG

#include <string.h>

#include "play-service.h"

/* Command lines that make no sense: nothing is called. */
static const struct {
        const char *arguments[7];
        const char *errors;
} refused[] = {
        { { "create" }, "'create' needs one name of a session. See: tracectl create --help" },
        { { "create", "a", "b" }, "'create' takes one name of a session, but there is also 'b'. "
                                  "See: tracectl create --help" },
        { { "create", ".x" }, "'.x' is no name of a session: 1 to 64 letters, digits, '_', '-' and '.', the first "
                                "no '-' and no '.', and USER/ before it for another user's." },
        { { "create", "4000000000/x" }, "A session is its maker's: write its name alone, without a user before it." },
        { { "create", "-o", "", "x" }, "The output directory's name is empty. Write -o DIR, or leave -o away." },
        { { "create", "x", "--mode=fast" }, "Unknown word for --mode 'fast'. Known are: record, flight-recorder." },
        { { "create", "x", "--mode=recrod" },
          "Unknown word for --mode 'recrod'. Did you mean 'record'? Known are: record, flight-recorder." },
        { { "create", "x", "--sync=often" }, "'often' is no interval for --sync. Write it as 5s, 500ms or 1min." },
        { { "create", "x", "--if-exists=x" }, "Unknown word for --if-exists 'x'. Known are: error, keep, replace." },
        { { "create", "x", "-Helsewhere", "-orelative" }, "On another host, -o needs an absolute path." },
        { { "set-session", "x", "--host=elsewhere" },
          "A current session is one of this machine's service. Name those of another host with -s." },
        { { "start", "--user", "--host=elsewhere" },
          "There is --user and --host. On another host, only its machine's service can be reached." },
        { { "limits", "x" }, "'limits' takes no argument, but there is 'x'. See: tracectl limits --help" },
        { { "create", "x", "--jsom" }, "Unknown option '--jsom'. Did you mean '--json'? See: tracectl create --help" },
        { { "start", "a", "b" }, "'start' takes one session, but there is also 'b'. See: tracectl start --help" },
        { { "start", "a", "-s", "b" }, "There are two sessions, 'b' and 'a'. Name one." },
        { { "start", "-s" }, "Option '-s' needs an argument. See: tracectl start --help" },
        { { "start", "--json=xml" }, "Unknown form of JSON 'xml'. Known are: pretty, short, off." },
        { { "stop", "no-such-user-here/x" },
          "There is no user 'no-such-user-here', whose session 'no-such-user-here/x' would be. Write NAME, or "
          "USER/NAME." },
        { { "set-session" }, "'set-session' needs one session. See: tracectl set-session --help" },
        { { "enable-channel" }, "'enable-channel' needs one name of a channel. See: tracectl enable-channel --help" },
        { { "enable-channel", "c", "--subbuf-size=big" },
          "Size 'big' is no number of bytes. Write one such as 64K or 1M." },
        { { "enable-channel", "c", "--subbuf-size=0" },
          "Size '0' is no number of bytes. Write one such as 64K or 1M." },
        { { "enable-channel", "c", "--subbuf-count=4294967296" },
          "'4294967296' is no number of sub-buffers. Write one such as 8." },
        { { "disable-channel" },
          "'disable-channel' needs one name of a channel. See: tracectl disable-channel --help" },
        { { "enable-event" }, "'enable-event' needs at least one pattern, such as 'shop:*'. "
                              "See: tracectl enable-event --help" },
        { { "enable-event", "shop:*", "--exclude", "till" },
          "Event pattern 'till' has no ':'; write PROVIDER:NAME, such as 'shop:order_paid', or 'shop:*' for all of "
          "shop's." },
        { { "disable-event", "shop:*", "--filter", "id" },
          "Unknown option '--filter'. See: tracectl disable-event --help" },
        { { "enable-event", "shop:*", "till" },
          "Event pattern 'till' has no ':'; write PROVIDER:NAME, such as 'shop:order_paid', or 'shop:*' for all of "
          "shop's." },
        { { "remove-event" }, "'remove-event' needs at least one pattern, such as 'shop:*'. "
                              "See: tracectl remove-event --help" },
        { { "add-context" }, "'add-context' needs at least one type: vpid, vtid, procname, ip, pid, tid, uid, gid, "
                             "cgroup, app:PROVIDER:NAME. "
                             "See: tracectl add-context --help" },
        { { "destroy", "--all", "x" }, "'destroy' takes --all or sessions, not both. See: tracectl destroy --help" },
        { { "list", "--applications", "-e" },
          "'list' takes --applications or --events, not both. See: tracectl list --help" },
        { { "list", "--applications", "x" }, "'list' takes no argument, but there is 'x'. See: tracectl list --help" },
        { { "list", "-e", "x", "y" }, "'list' takes one pattern, but there is also 'y'. See: tracectl list --help" },
        { { "status", "x" }, "'status' takes no argument, but there is 'x'. See: tracectl status --help" },
        { { "apply" }, "'apply' needs a file or --profile NAME. See: tracectl apply --help" },
        { { "apply", "-pshop", "x" }, "'apply' takes no argument, but there is 'x'. See: tracectl apply --help" },
};

static void test_arguments(void) {
        for (size_t i = 0; i < G_N_ELEMENTS(refused); i++) {
                g_autofree char *errors = g_strdup_printf("tracectl: %s\n", refused[i].errors);

                assert_play(&(struct fake_script) {}, refused[i].arguments, 2, "", errors, "");
        }
}

/* What the bus says instead of the service, or the service about itself: the sentence, and the next step. */
static const struct {
        const char *name, *message, *errors;
} bus_errors[] = {
        { "org.freedesktop.DBus.Error.ServiceUnknown", "The name org.tracectl.Tracing1 was not provided",
          "No tracing service is installed on this bus: nobody offers org.tracectl.Tracing1. Is the package tracectl "
          "installed? A command can be recorded without it: tracectl record --help" },
        { "org.freedesktop.DBus.Error.AccessDenied", "Rejected send message, 2 matched rules; type=\"method_call\"",
          "The bus does not let this user speak to the tracing service. Your own programs can be traced with: "
          "tracectl --user" },
        { "org.freedesktop.DBus.Error.AccessDenied", "Session 'x' is another user's.",
          "Session 'x' is another user's." },
        { "org.freedesktop.DBus.Error.Spawn.ChildExited", "Process exited with status 1",
          "The tracing service could not be started. See: systemctl status tracingd" },
        { "org.freedesktop.systemd1.NoSuchUnit", "Unit tracingd.service not found.",
          "The tracing service's unit tracingd.service is missing. See: systemctl status tracingd" },
        { "org.freedesktop.DBus.Error.FileExists",
          "Unit dbus-org.tracectl.Tracing1.service failed to load properly, please adjust/correct",
          "The tracing service could not be started: its unit is masked or broken. "
          "See: systemctl status tracingd" },
        { "org.freedesktop.DBus.Error.NoReply", "Message recipient disconnected",
          "The tracing service ended before it had answered. See: systemctl status tracingd" },
        { "org.freedesktop.DBus.Error.TimedOut", "Failed to activate service",
          "The tracing service did not start in time. See: systemctl status tracingd" },
        { "org.freedesktop.DBus.Error.UnknownMethod", "Unknown method.",
          "Unknown method. The running service is of another version: restart tracingd." },
};

static void test_bus_errors(void) {
        for (size_t i = 0; i < G_N_ELEMENTS(bus_errors); i++) {
                g_autofree char *errors = g_strdup_printf("tracectl: Failed to list the sessions: %s\n",
                                                          bus_errors[i].errors);

                assert_play(&(struct fake_script) {
                        .fail = "ListSessions", .error = bus_errors[i].name, .message = bus_errors[i].message,
                }, ARGUMENTS("list"), 1, "", errors, NULL);
        }
}

static void test_gone(void) {
        assert_play(&(struct fake_script) { .hang_up = "ListSessions" }, ARGUMENTS("list"), 1, "",
                    "tracectl: Failed to list the sessions: The message bus has hung up, as it does on users whom the "
                    "system does not know (see id) and when it ends. "
                    "See: systemctl status tracingd\n", NULL);
}

/* Each call may be refused, and what the service says is passed on. */
static void test_service_refuses(void) {
        static const struct {
                const char *member, *arguments[4], *what;
        } calls[] = {
                { "GetSession", { "start", "x" }, "open the session" },
                { "Start", { "start", "x" }, "start recording" },
                { "Stop", { "stop", "x" }, "stop recording" },
                { "GetAll", { "stop", "x" }, "ask where the trace is" },
                { "Clear", { "clear", "x" }, "clear the session" },
                { "Snapshot", { "snapshot", "-sx" }, "write the snapshot" },
                { "Rotate", { "rotate", "x" }, "rotate the trace" },
                { "Dump", { "dump", "x" }, "ask for the profile" },
                { "EnableChannel", { "enable-channel", "-sx", "c" }, "enable the channel" },
                { "DisableChannel", { "disable-channel", "-sx", "c" }, "disable the channel" },
                { "AddContext", { "add-context", "-sx", "ip" }, "add the context" },
                { "EnableEvent", { "enable-event", "-sx", "a:b" }, "enable the events" },
                { "DisableEvent", { "disable-event", "-sx", "a:b" }, "disable the events" },
                { "RemoveEvent", { "remove-event", "-sx", "a:b" }, "remove the events" },
                { "GetManagedObjects", { "list", "x" }, "look at the session" },
                { "ListApplications", { "list", "--applications" }, "list the programs" },
                { "ListEvents", { "list", "-e" }, "list the events" },
                { "ApplyProfile", { "apply", "-px" }, "apply the profile" },
                { "GetAll", { "status" }, "ask the service" },
                { "ListSessions", { "start" }, "list the sessions" },
                { "ListSessions", { "destroy", "-a" }, "list the sessions" },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(calls); i++) {
                g_autofree char *errors = g_strdup_printf("tracectl: Failed to %s: Not now.\n", calls[i].what);

                assert_play(&(struct fake_script) { .fail = calls[i].member, .error = "a.b.C", .message = "Not now." },
                            calls[i].arguments, 1, "", errors, NULL);
        }
}

/* Without a bus. The user's one is looked for elsewhere. */
static void test_no_bus(void) {
        struct result result;

        g_setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/nonexistent/bus", TRUE);
        g_setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent/bus", TRUE);
        g_setenv("XDG_RUNTIME_DIR", "/nonexistent", TRUE);
        if (!g_file_test("/run/tracectl/control", G_FILE_TEST_EXISTS)) {
                run_tracectl(&result, "/", "list", NULL);
                g_assert_cmpstr(result.errors, ==,
                                "tracectl: Failed to reach the system bus: No such file or directory. "
                                "See: systemctl status dbus. Without it, a command can be recorded: "
                                "tracectl record --help\n");
                g_assert_cmpint(result.status, ==, 1);
                result_done(&result);
        }
        for (int i = 0; i < 2; i++) {
                if (i == 0)
                        run_tracectl(&result, "/", "list", "--user", NULL);
                else
                        run_tracectl(&result, "/", "--user", "list", NULL);
                g_assert_cmpstr(result.errors, ==,
                                "tracectl: Failed to reach this user's bus: No such file or directory. It is there in "
                                "a login session; without it, a command can be recorded: tracectl record --help\n");
                g_assert_cmpint(result.status, ==, 1);
                result_done(&result);
        }
}

int main(int argc, char *argv[]) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/refused/arguments", test_arguments);
        g_test_add_func("/refused/bus-errors", test_bus_errors);
        g_test_add_func("/refused/gone", test_gone);
        g_test_add_func("/refused/service-refuses", test_service_refuses);
        g_test_add_func("/refused/no-bus", test_no_bus);
        return g_test_run();
}
