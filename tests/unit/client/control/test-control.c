/* SPDX-License-Identifier: LGPL-2.1-or-later */
#undef NDEBUG

#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "play-service.h"

#define MANAGER "/org/tracectl/Tracing1 org.tracectl.Tracing1.Manager."
#define OBJECTS FAKE_SESSION " org.freedesktop.DBus.ObjectManager.GetManagedObjects \n"
#define SESSION FAKE_SESSION " org.tracectl.Tracing1.Session."
#define INFO FAKE_SESSION " org.freedesktop.DBus.Properties.GetAll 'org.tracectl.Tracing1.Session'\n"

#define PENDING(n, have)                                                                                               \
        "tracectl: " n " running program" have " not confirmed it in time, and will do it as soon as possible.\n"
#define ONE_PENDING PENDING("1", " has")

/* Verbs with -s shop: what they call after they have opened it, and what they print. */
static const struct {
        const char *arguments[10];
        const char *calls, *output, *errors;
} simple[] = {
        { { "start", "-s", "shop" }, SESSION "Start []\n", "Session shop is recording.\n", ONE_PENDING },
        { { "start", "-q", "-s", "shop" }, SESSION "Start []\n", "", "" },
        { { "start", "shop", "--json=short" }, SESSION "Start []\n", "{\"session\":\"shop\",\"pending\":1}\n", ONE_PENDING },
        { { "start", "shop", "--json=pretty" }, SESSION "Start []\n", "{\n  \"session\": \"shop\",\n  \"pending\": 1\n}\n",
          ONE_PENDING },
        { { "start", "shop", "--json=off" }, SESSION "Start []\n", "Session shop is recording.\n", ONE_PENDING },
        { { "clear", "shop" }, SESSION "Clear []\n", "Session shop is empty.\n", "" },
        { { "rotate", "shop" }, SESSION "Rotate []\n", "/var/lib/shop/chunk-1\n", "" },
        { { "rotate", "shop", "--json" }, SESSION "Rotate []\n",
          "{\"session\":\"shop\",\"output\":\"/var/lib/shop/chunk-1\"}\n", "" },
        { { "dump", "shop" }, SESSION "Dump \n", "[Session]\nName=shop\n", "" },
        { { "dump", "shop", "--json" }, SESSION "Dump \n",
          "{\"session\":\"shop\",\"profile\":\"[Session]\\nName=shop\\n\"}\n", "" },
        { { "enable-channel", "-s", "shop", "main" }, SESSION "EnableChannel 'user' 'main' []\n",
          "Channel main of session shop is enabled.\n", PENDING("2", "s have") },
        { { "enable-channel", "-sshop", "main", "--subbuf-size=512K", "--subbuf-count", "4", "--overwrite" },
          SESSION "EnableChannel 'user' 'main' ['mode' 'overwrite' 'subbuf-count' u4 'subbuf-size' t524288]\n",
          "Channel main of session shop is enabled.\n", PENDING("2", "s have") },
        { { "enable-channel", "-sshop", "main", "--discard", "--ordered-clock", "--json" },
          SESSION "EnableChannel 'user' 'main' ['mode' 'discard' 'ordered-clock' b1]\n", 
          "{\"session\":\"shop\",\"channel\":\"main\",\"pending\":2}\n", PENDING("2", "s have") },
        { { "disable-channel", "-sshop", "main" }, SESSION "DisableChannel 'user' 'main' []\n",
          "Channel main of session shop is disabled.\n", ONE_PENDING },
        { { "add-context", "-sshop", "-c", "main", "vpid", "ip" },
          SESSION "AddContext 'user' 'main' 'vpid' []\n" SESSION "AddContext 'user' 'main' 'ip' []\n",
          "Every event of session shop will have the context from now on.\n", "" },
        { { "add-context", "-sshop", "vpid", "--json" }, SESSION "AddContext 'user' '' 'vpid' []\n",
          "{\"session\":\"shop\",\"contexts\":[\"vpid\"]}\n", "" },
        { { "enable-event", "-sshop", "-cmain", "shop:*", "a:b" },
          SESSION "EnableEvent 'user' 'main' 'shop:*' []\n" SESSION "EnableEvent 'user' 'main' 'a:b' []\n"
          MANAGER "ListEvents 'user' '' []\n",
          "Session shop has these events enabled.\n",
          PENDING("3", "s have") },
        { { "enable-event", "-sshop", "shop:*", "--filter=id > 7", "--loglevel=warning", "--exclude", "shop:a",
            "--exclude=shop:b*", "-q" },
          SESSION "EnableEvent 'user' '' 'shop:*' ['exclude' ['shop:a' 'shop:b*'] 'filter' 'id > 7' "
                  "'loglevel' 'warning']\n", "", "" },
        { { "enable-event", "-sshop", "--loglevel-only", "debug", "shop:*", "-q" },
          SESSION "EnableEvent 'user' '' 'shop:*' ['loglevel-only' 'debug']\n", "", "" },
        { { "enable-event", "-sshop", "shop:*", "--json", "-q" }, SESSION "EnableEvent 'user' '' 'shop:*' []\n",
          "{\"session\":\"shop\",\"patterns\":[\"shop:*\"],\"pending\":3}\n", "" },
        { { "disable-event", "-sshop", "a:b" }, OBJECTS SESSION "DisableEvent '" FAKE_SESSION "/event/3' []\n",
          "Session shop has these events disabled.\n", ONE_PENDING },
        { { "remove-event", "-sshop", "-cb", "shop:*" },
          OBJECTS SESSION "RemoveEvent '" FAKE_SESSION "/event/2' []\n", "Session shop has these events no longer.\n",
          PENDING("4", "s have") },
        { { "stop", "shop", "--json", "-q" }, SESSION "Stop []\n" INFO,
          "{\"session\":\"shop\",\"events\":123,\"discarded\":0,\"lost_ring\":4,\"lost_output\":0,"
          "\"lost_overwrite\":0,\"lost_garbage\":0,\"bytes\":0,\"packets\":0,\"applications\":2,\"pending\":0,"
          "\"output_error\":\"\",\"output\":\"/var/lib/shop\\u001B\"}\n", "" },
        { { "stop", "shop", "-q" }, SESSION "Stop []\n" INFO, "", "" },
        { { "snapshot", "-sshop", "monday", "--json" }, SESSION "Snapshot ['name' 'monday']\n", NULL, "" },
        { { "set-session", "shop" }, "", "The current session is shop.\n", "" },
        { { "destroy", "shop" }, SESSION "Destroy []\n", "Session shop has ended.\n", "" },
        { { "destroy", "shop", "--json" }, SESSION "Destroy []\n", "{\"destroyed\":[\"shop\"]}\n", "" },
};

static void test_simple(void) {
        for (size_t i = 0; i < G_N_ELEMENTS(simple); i++) {
                g_autofree char *calls = g_strdup_printf(MANAGER "GetSession u%u 'shop'\n%s", (unsigned) geteuid(),
                                                         simple[i].calls);

                assert_play(&(struct fake_script) {}, simple[i].arguments, 0, simple[i].output, simple[i].errors,
                            calls);
        }
}

/* The last line, as record has it. The escape character in the output's path does not reach the terminal. */
static void test_stop(void) {
        struct play play;

        play_begin(&play);
        play_run(&play, &(struct fake_script) {}, ARGUMENTS("stop", "shop"));
        g_assert_true(g_str_has_prefix(play.result.errors,
                                       "tracectl: 123 events, 4 lost (ring full, a larger --subbuf-size of its channel "
                                       "helps), 0 bytes in /var/lib/shop?/; look at them with: "));
        play_run(&play, &(struct fake_script) { .no_output = TRUE, .counts = (struct fake_count[]) { {} } },
                 ARGUMENTS("stop", "shop"));
        g_assert_cmpstr(play.result.errors, ==, "tracectl: Nothing was recorded: no program with tracepoints has run. "
                                                "See tracectl list --applications.\n");
        g_assert_cmpint(play.result.status, ==, 0);
        play_run(&play, &(struct fake_script) { .is_flight_recorder = TRUE }, ARGUMENTS("stop", "shop"));
        g_assert_cmpstr(play.result.errors, ==, "tracectl: Session shop has stopped, and its rings keep the newest "
                                                "events. Write them: tracectl snapshot -s shop\n");
        play_end(&play);
}

/* Without a name, one is made of the time. */
static void test_snapshot(void) {
        struct play play;

        play_begin(&play);
        play_run(&play, &(struct fake_script) {}, ARGUMENTS("snapshot", "-sshop"));
        g_assert_true(g_regex_match_simple("Snapshot \\['name' 'snapshot-\\d{8}-\\d{6}-\\d{6}'\\]\n$", play.calls, 0,
                                           0));
        g_assert_nonnull(strstr(play.result.errors, "tracectl: Snapshot in /tmp/x; look at it with: "));
        play_end(&play);
}

static void test_create(void) {
        g_autofree char *current = NULL, *output = NULL;
        struct play play;
        struct stat st;

        assert_play(&(struct fake_script) { .no_output = TRUE },
                    ARGUMENTS("create", "shop", "--mode=flight-recorder", "--if-exists=keep"), 0,
                    "Session shop is there.\n", "",
                    MANAGER "CreateSession 'shop' ['if-exists' 'keep' 'mode' 'flight-recorder']\n" INFO);
        assert_play(&(struct fake_script) { .no_output = TRUE },
                    ARGUMENTS("create", "shop", "--persistent", "--sync=1500ms"), 0, "Session shop is there.\n", "",
                    MANAGER "CreateSession 'shop' ['rings' 'files' 'sync-msec' u1500]\n" INFO);
        play_begin(&play);
        output = g_build_filename(play.home, "out", NULL);
        play_run(&play, &(struct fake_script) {}, ARGUMENTS("create", "shop", "-o", "out", "--json"));
        g_assert_cmpstr(play.result.errors, ==, "");
        g_assert_cmpstr(play.result.output, ==, "{\"session\":\"shop\",\"path\":\"" FAKE_SESSION "\","
                                                "\"output\":\"/var/lib/shop\\u001B\"}\n");
        g_assert_cmpint(stat(output, &st), ==, 0);
        g_assert_cmpint(st.st_mode & 07777, ==, 0700);
        g_assert_true(g_str_has_prefix(play.calls, MANAGER "CreateSession 'shop' ['output-fd' inode "));
        current = play_get_current(&play);
        g_assert_cmpstr(current, ==, "shop");
        g_assert_cmpint(g_rmdir(output), ==, 0);
        play_end(&play);
}

/* A directory that was made for nothing is gone; one with files is refused, unless its session may be there. */
static void test_create_output(void) {
        g_autofree char *output = NULL, *file = NULL;
        struct play play;

        play_begin(&play);
        output = g_build_filename(play.home, "out", NULL);
        file = g_build_filename(output, "file", NULL);
        play_run(&play, &(struct fake_script) { .fail = "CreateSession", .error = "a.b.C", .message = "No." },
                 ARGUMENTS("create", "shop", "-o", "out"));
        g_assert_cmpstr(play.result.errors, ==, "tracectl: Failed to create the session: No.\n");
        g_assert_cmpint(play.result.status, ==, 1);
        g_assert_false(g_file_test(output, G_FILE_TEST_EXISTS));
        g_assert_cmpint(g_mkdir(output, 0700), ==, 0);
        g_assert_true(g_file_set_contents(file, "x", 1, NULL));
        play_run(&play, &(struct fake_script) {}, ARGUMENTS("create", "shop", "-o", "out"));
        g_assert_cmpstr(play.result.errors, ==,
                        "tracectl: Output directory 'out' is not empty. Give another one with -o, or empty it.\n");
        g_assert_cmpstr(play.calls, ==, "");
        play_run(&play, &(struct fake_script) {}, ARGUMENTS("create", "shop", "-o", "out", "--if-exists=keep"));
        g_assert_cmpint(play.result.status, ==, 0);
        play_run(&play, &(struct fake_script) {}, ARGUMENTS("create", "shop", "-o", "out/file"));
        g_assert_cmpstr(play.result.errors, ==,
                        "tracectl: Output directory 'out/file' cannot be opened: it is no directory, or it is in "
                        "none.\n");
        play_run(&play, &(struct fake_script) {}, ARGUMENTS("create", "shop", "-o", "none/out"));
        g_assert_cmpstr(play.result.errors, ==, "tracectl: Output directory 'none/out' cannot be created: "
                                                "the directory that it would be in does not exist.\n");
        g_assert_cmpint(g_unlink(file), ==, 0);
        g_assert_cmpint(g_rmdir(output), ==, 0);
        play_end(&play);
}

/* Which session is meant: the current one, the only one, or none. */
static void test_meant(void) {
        g_autofree char *mine = g_strdup_printf(MANAGER "GetSession u%u 'mine'\n" SESSION "Start []\n",
                                                (unsigned) geteuid());
        struct play play;

        play_begin(&play);
        play_run(&play, &(struct fake_script) { .n_sessions = 1, .only_own = TRUE }, ARGUMENTS("start"));
        g_assert_cmpstr(play.result.output, ==, "Session shop1 is recording.\n");
        play_run(&play, &(struct fake_script) { .only_own = TRUE }, ARGUMENTS("start"));
        g_assert_cmpstr(play.result.errors, ==, "tracectl: There is no session. Make one: tracectl create NAME\n");
        play_run(&play, &(struct fake_script) { .n_sessions = 2, .only_own = TRUE }, ARGUMENTS("start"));
        g_assert_cmpstr(play.result.errors, ==,
                        "tracectl: There are 2 sessions, and none is the current one. Name one with -s NAME, "
                        "or choose one: tracectl set-session NAME\n");
        play_set_current(&play, "mine");
        play_run(&play, &(struct fake_script) { .n_sessions = 2, .only_own = TRUE }, ARGUMENTS("start"));
        g_assert_cmpstr(play.calls, ==, mine);
        play_set_current(&play, "4000000000/theirs");
        play_run(&play, &(struct fake_script) {}, ARGUMENTS("start"));
        g_assert_cmpstr(play.calls, ==, MANAGER "GetSession u4000000000 'theirs'\n" SESSION "Start []\n");
        play_run(&play, &(struct fake_script) {
                .fail = "GetSession", .error = "org.tracectl.Tracing1.Error.NoSuchSession", .message = "No session.",
        }, ARGUMENTS("start"));
        g_assert_cmpstr(play.result.errors, ==,
                        "tracectl: Failed to open the session: No session. It is the current session; "
                        "choose another one: tracectl set-session NAME\n");
        play_end(&play);
}

static void test_destroy(void) {
        g_autofree char *current = NULL;
        struct play play;

        play_begin(&play);
        play_set_current(&play, "shop2");
        play_run(&play, &(struct fake_script) { .n_sessions = 2, .only_own = TRUE }, ARGUMENTS("destroy", "--all"));
        g_assert_cmpstr(play.result.output, ==, "Session shop1 has ended.\nSession shop2 has ended.\n");
        current = play_get_current(&play);
        g_assert_null(current);
        play_run(&play, &(struct fake_script) { .fail = "Destroy", .error = "a.b.C", .message = "Busy." },
                 ARGUMENTS("destroy", "a", "b", "--json"));
        g_assert_cmpint(play.result.status, ==, 1);
        g_assert_cmpstr(play.result.output, ==, "{\"destroyed\":[]}\n");
        g_assert_cmpstr(play.result.errors, ==, "tracectl: Failed to destroy the session: Busy.\n"
                                                "tracectl: Failed to destroy the session: Busy.\n");
        play_end(&play);
}

static void test_apply(void) {
        g_autofree char *path = NULL;
        struct play play;

        play_begin(&play);
        path = g_build_filename(play.home, "shop.conf", NULL);
        g_assert_true(g_file_set_contents(path, "[Session]\n", -1, NULL));
        play_run(&play, &(struct fake_script) {}, ARGUMENTS("apply", "shop.conf"));
        g_assert_cmpstr(play.result.errors, ==, "");
        g_assert_cmpstr(play.result.output, ==, "- Channel main.Event=shop:* till:*\n"
                                                "+ Channel main.SubBufferSize=512K\n"
                                                "- Session.Start=no\n+ Session.Start=yes\n+ Session.Weight=7\n"
                                                "This was changed.\n");
        g_assert_cmpstr(play.calls, ==, MANAGER "ApplyProfile '[Session]\n' ['name' 'shop']\n");
        g_assert_cmpint(g_unlink(path), ==, 0);
        play_run(&play, &(struct fake_script) {}, ARGUMENTS("apply", "shop.conf"));
        g_assert_cmpstr(play.result.errors, ==, "tracectl: Profile 'shop.conf' does not exist. For an installed one: "
                                                "tracectl apply --profile NAME\n");
        play_end(&play);
        assert_play(&(struct fake_script) { .unchanged = TRUE },
                    ARGUMENTS("apply", "--profile", "shop", "-n", "--start"), 0,
                    "Everything is as the profile says; nothing was changed.\n", "",
                    MANAGER "ApplyProfile '' ['name' 'shop' 'dry-run' b1 'start' b1]\n");
        assert_play(&(struct fake_script) {}, ARGUMENTS("apply", "-pshop", "--json"), 0,
                    "{\"changed\":true,\"before\":{\"Session.Start\":false,\"Channel main.Event\":[\"shop:*\","
                    "\"till:*\"]},\"after\":{\"Channel main.SubBufferSize\":\"512K\",\"Session.Start\":true,"
                    "\"Session.Weight\":7}}\n", "", MANAGER "ApplyProfile '' ['name' 'shop']\n");
        assert_play(&(struct fake_script) {}, ARGUMENTS("apply", "-pshop", "-q"), 0, "", "", NULL);
}

static void test_view(void) {
        assert_play(&(struct fake_script) {}, ARGUMENTS("view", "shop"), 1, "",
                    "tracectl: Failed to open the trace directory /var/lib/shop?: No such file or directory\n", NULL);
        assert_play(&(struct fake_script) { .no_output = TRUE }, ARGUMENTS("view", "shop"), 1, "",
                    "tracectl: Session 'shop' has recorded nothing yet. See: tracectl start\n", NULL);
        assert_play(&(struct fake_script) { .fail = "GetSession", .error = "a.b.C", .message = "No session 'shop'." },
                    ARGUMENTS("view", "shop"), 1, "",
                    "tracectl: Failed to open the session: No session 'shop'. There is no such directory either.\n",
                    NULL);
}

int main(int argc, char *argv[]) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/control/simple", test_simple);
        g_test_add_func("/control/stop", test_stop);
        g_test_add_func("/control/snapshot", test_snapshot);
        g_test_add_func("/control/create", test_create);
        g_test_add_func("/control/create-output", test_create_output);
        g_test_add_func("/control/meant", test_meant);
        g_test_add_func("/control/destroy", test_destroy);
        g_test_add_func("/control/apply", test_apply);
        g_test_add_func("/control/view", test_view);
        return g_test_run();
}
