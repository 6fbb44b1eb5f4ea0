/* SPDX-License-Identifier: LGPL-2.1-or-later */
#undef NDEBUG

#include <string.h>
#include <unistd.h>

#include "play-service.h"

static void test_sessions(void) {
        struct play play;

        play_begin(&play);
        play_run(&play, &(struct fake_script) {}, ARGUMENTS("list"));
        g_assert_cmpstr(play.result.output, ==, "NAME    USER        STATE    MODE\n"
                                                "b\\e[1m  4000000000  stopped  flight-recorder\n");
        play_run(&play, &(struct fake_script) {}, ARGUMENTS("list", "--no-legend"));
        g_assert_cmpstr(play.result.output, ==, "b\\e[1m  4000000000  stopped  flight-recorder\n");
        play_run(&play, &(struct fake_script) {}, ARGUMENTS("list", "--json"));
        g_assert_cmpstr(play.result.output, ==,
                        "[{\"owner\":4000000000,\"name\":\"b\\u001B[1m\",\"state\":\"stopped\","
                        "\"mode\":\"flight-recorder\",\"path\":\"" FAKE_SESSION "\"}]\n");
        play_run(&play, &(struct fake_script) {}, ARGUMENTS("list", "--all"));
        g_assert_cmpstr(play.calls, ==, "/org/tracectl/Tracing1 org.tracectl.Tracing1.Manager.ListSessions "
                                        "['all' b1]\n");
        play_end(&play);
}

static void test_applications(void) {
        assert_play(&(struct fake_script) { .unsettled = TRUE }, ARGUMENTS("list", "--applications"), 0,
                    "PID  USER        NAME    UNIT\n"
                    "  7  4000000000  sh\\nop  -\n"
                    "812  4000000001  till    till.service\n",
                    "tracectl: Some programs may still be about to register. Look once more in a moment.\n", NULL);
        assert_play(&(struct fake_script) { .unseen = TRUE }, ARGUMENTS("list", "--applications"), 0,
                    "    PID  USER        NAME    UNIT\n"
                    "unknown  4000000000  sh\\nop  -\n"
                    "    812  4000000001  till    till.service\n", "", NULL);
        assert_play(&(struct fake_script) {}, ARGUMENTS("list", "--applications", "--json"), 0,
                    "[{\"pid\":7,\"uid\":4000000000,\"name\":\"sh\\nop\",\"unit\":\"\","
                    "\"path\":\"/org/tracectl/Tracing1/application/1\"},{\"pid\":812,\"uid\":4000000001,"
                    "\"name\":\"till\",\"unit\":\"till.service\",\"path\":\"/org/tracectl/Tracing1/application/2\"}]\n",
                    "", NULL);
}

static void test_events(void) {
        assert_play(&(struct fake_script) {}, ARGUMENTS("list", "--events", "shop:*"), 0,
                    "EVENT            LEVEL  FIELDS\n"
                    "shop:closed      debug  -\n"
                    "shop:order_paid  info   order:u64 customer:string\n", "",
                    "/org/tracectl/Tracing1 org.tracectl.Tracing1.Manager.ListEvents 'user' 'shop:*' []\n");
        assert_play(&(struct fake_script) {}, ARGUMENTS("list", "-e", "--json"), 0,
                    "[{\"domain\":\"user\",\"name\":\"shop:closed\",\"log_level\":\"debug\",\"fields\":[]},"
                    "{\"domain\":\"user\",\"name\":\"shop:order_paid\",\"log_level\":\"info\",\"fields\":["
                    "{\"name\":\"order\",\"type\":\"u64\"},{\"name\":\"customer\",\"type\":\"string\"}]}]\n", "", NULL);
}

static void test_session(void) {
        assert_play(&(struct fake_script) {}, ARGUMENTS("list", "shop"), 0,
                    "Session shop\n"
                    "  State:     active\n"
                    "  Mode:      record\n"
                    "  User:      4000000000\n"
                    "  Output:    /var/lib/shop\\e\n"
                    "  Origin:    hand\n"
                    "  Consumer:  tracectl-consumer-1000-shop, restarted 2 times\n"
                    "  Recorded:  1,234 events, 5 lost, 4.3 kB\n"
                    "\n"
                    "  CHANNEL  MODE       SUBBUFS  BYTES EACH  STATE     CONTEXTS\n"
                    "  b        overwrite       16        4096  disabled  -\n"
                    "  main     discard          8      524288  enabled   vpid procname\n"
                    "\n"
                    "  EVENTS  CHANNEL  STATE     ONLY\n"
                    "  shop:*  b        disabled  -\n"
                    "  a:b     main     enabled   loglevel>=warning exclude=a:c exclude=a:d filter=id > 7\n"
                    "  shop:*  main     enabled   -\n", "", NULL);
        assert_play(&(struct fake_script) {}, ARGUMENTS("list", "-sshop", "--json"), 0,
                    "{\"name\":\"shop\",\"owner\":4000000000,\"state\":\"active\",\"reason\":\"\",\"mode\":\"record\","
                    "\"output\":\"/var/lib/shop\\u001B\",\"origin\":\"hand\",\"persistent\":false,"
                    "\"consumer_unit\":\"tracectl-consumer-1000-shop\",\"consumer_restarts\":2,"
                    "\"events_recorded\":1234,\"events_discarded\":5,\"bytes\":4321,\"channels\":["
                    "{\"name\":\"b\",\"domain\":\"user\",\"mode\":\"overwrite\",\"sub_buffer_size\":4096,"
                    "\"sub_buffer_count\":16,\"enabled\":false,\"contexts\":[],\"path\":\"" FAKE_SESSION
                    "/channel/user/b\"},"
                    "{\"name\":\"main\",\"domain\":\"user\",\"mode\":\"discard\",\"sub_buffer_size\":524288,"
                    "\"sub_buffer_count\":8,\"enabled\":true,\"contexts\":[\"vpid\",\"procname\"],"
                    "\"path\":\"" FAKE_SESSION "/channel/user/main\"}],\"events\":["
                    "{\"pattern\":\"shop:*\",\"channel\":\"b\",\"enabled\":false,\"path\":\"" FAKE_SESSION
                    "/event/2\",\"domain\":\"user\"},"
                    "{\"pattern\":\"a:b\",\"channel\":\"main\",\"enabled\":true,\"filter\":\"id > 7\","
                    "\"log_level\":\"warning\",\"log_level_only\":\"\",\"exclude\":[\"a:c\",\"a:d\"],"
                    "\"path\":\"" FAKE_SESSION
                    "/event/3\",\"domain\":\"user\"},"
                    "{\"pattern\":\"shop:*\",\"channel\":\"main\",\"enabled\":true,\"path\":\"" FAKE_SESSION
                    "/event/1\",\"domain\":\"user\"}]}\n", "", NULL);
}

static void test_status(void) {
        struct play play;

        play_begin(&play);
        play_run(&play, &(struct fake_script) {}, ARGUMENTS("status"));
        g_assert_cmpstr(play.result.output, ==,
                        "tracingd 0.1.0 of the system, clock x86-tsc\n"
                        "  Sessions:  2\n"
                        "  Programs:  3\n"
                        "  Current:   none; choose one: tracectl set-session NAME\n"
                        "\n"
                        "  LIMIT        USED                  MOST\n"
                        "  sessions     2                      256\n"
                        "  ring_memory  -     18446744073709551615\n");
        play_run(&play, &(struct fake_script) {}, ARGUMENTS("limits"));
        g_assert_cmpstr(play.result.output, ==, "LIMIT        USED                  MOST\n"
                                                "sessions     2                      256\n"
                                                "ring_memory  -     18446744073709551615\n");
        play_run(&play, &(struct fake_script) {}, ARGUMENTS("limits", "--no-legend"));
        g_assert_true(g_str_has_prefix(play.result.output, "sessions "));
        play_run(&play, &(struct fake_script) {}, ARGUMENTS("limits", "--json=short"));
        g_assert_true(g_str_has_prefix(play.result.output, "[{\"name\":\"sessions\",\"used\":2,\"most\":256},"
                                                           "{\"name\":\"ring_memory\",\"most\":"));
        play_set_current(&play, "shop");
        play_run(&play, &(struct fake_script) {}, ARGUMENTS("status", "--json"));
        g_assert_cmpstr(play.result.output, ==,
                        "{\"version\":\"0.1.0\",\"clock\":\"x86-tsc\",\"limits\":{\"sessions\":256,"
                        "\"sessions_used\":2,\"ring_memory\":9223372036854775807},\"sessions\":2,\"applications\":3,"
                        "\"current_session\":\"shop\",\"current_session_exists\":true}\n");
        play_run(&play, &(struct fake_script) { .fail = "GetSession",
                                                .error = "org.tracectl.Tracing1.Error.NoSuchSession",
                                                .message = "No session." }, ARGUMENTS("status"));
        g_assert_nonnull(strstr(play.result.output,
                                "  Current:   shop, which is gone; choose another one: tracectl set-session NAME\n"));
        play_end(&play);
}

int main(int argc, char *argv[]) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/list/sessions", test_sessions);
        g_test_add_func("/list/applications", test_applications);
        g_test_add_func("/list/events", test_events);
        g_test_add_func("/list/session", test_session);
        g_test_add_func("/list/status", test_status);
        return g_test_run();
}
