/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <glib.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../libtracectl-read/play-trace.h"
#include "run-tracectl.h"

static void put_number(GByteArray *events, uint64_t time, uint64_t n) {
        play_compact(events, 1, time);
        play_u64(events, n);
}

static void assert_view(const play *p, const char *option, const char *output, const char *errors) {
        struct result result;

        run_tracectl(&result, "/", "view", p->directory, option, NULL);
        g_assert_cmpstr(result.output, ==, output);
        g_assert_cmpstr(result.errors, ==, errors);
        g_assert_cmpint(result.status, ==, 0);
        result_done(&result);
}

static void test_columns(void) {
        g_autoptr(play) p = play_new();
        g_autoptr(GByteArray) events = play_events();

        play_metadata(p, "",
                      "typealias integer { size = 64; align = 8; base = 16; } := hex64_t;"
                      "typealias integer { size = 8; align = 8; encoding = UTF8; } := char_t;"
                      "event { name = \"t:all\"; id = 2; stream_id = 1; fields := struct { int32_t _i; hex64_t _h;"
                      "string _s; uint32_t __t_length; char_t _t[__t_length]; uint32_t __a_length;"
                      "uint16_t _a[__a_length]; struct { uint8_t x; struct { uint8_t y; } z; } _p[2];"
                      "enum : uint8_t { red, green } _c; }; };");
        put_number(events, 1, 5);
        play_thread(events, 2, 123, 4567);
        put_number(events, 1000000000 / 8, 6);
        play_extended(events, 2, UINT64_C(3723) * 1000000000 + 42);
        play_u32(events, (uint32_t) -7);
        play_u64(events, 0xbeef);
        play_string(events, "a\"\x1b]0;x\a");
        play_u32(events, 2);
        play_u8(events, 'o');
        play_u8(events, 'k');
        play_u32(events, 2);
        play_u16(events, 1);
        play_u16(events, 65535);
        for (unsigned i = 1; i <= 4; i++)
                play_u8(events, (uint8_t) i);
        play_u8(events, 1);
        play_packet(p, "c_0", &(struct play_packet) {}, events);
        assert_view(p, NULL,
                    "13:46:40.000000001  -                t:number                  n=5\n"
                    "13:46:40.125000000  123/4567         t:number                  n=6\n"
                    "14:48:43.000000042  123/4567         t:all                     "
                    "i=-7 h=0xbeef s=\"a\\\"\\e]0;x\\a\" t=\"ok\" a=[1, 65535] p=[{x=1, z={y=2}}, {x=3, z={y=4}}] "
                    "c=green(1)\n",
                    "");
}

static void test_all_and_date(void) {
        g_autoptr(play) p = play_new();
        g_autoptr(GByteArray) events = play_events();

        play_metadata(p, "", "");
        play_thread(events, 2, 1, 2);
        play_packet(p, "c_0", &(struct play_packet) {}, events);
        assert_view(p, NULL, "", "");
        assert_view(p, "--all", "13:46:40.000000002  1/2              tracectl:thread           pid=1 tid=2\n", "");
        assert_view(p, "-ad",
                    "1970-01-12 13:46:40.000000002  1/2              tracectl:thread           pid=1 tid=2\n", "");
}

static void test_losses(void) {
        g_autoptr(play) p = play_new();
        g_autoptr(GByteArray) events = play_events();

        play_metadata(p, "", "");
        play_packet(p, "c_0", &(struct play_packet) { .discarded = 1 }, events);
        assert_view(p, NULL, "",
                    "tracectl: 1 event was discarded while recording (no room left in the ring, or a failing disk)\n");
        play_packet(p, "c_0", &(struct play_packet) { .discarded = 12, .sequence = 3 }, events);
        assert_view(p, NULL, "",
                    "tracectl: 12 events were discarded while recording (no room left in the ring, or a failing disk)\n"
                    "tracectl: 2 packets are missing between those that are there\n");
}

/* What is broken is said once, behind the events, and is no failure of what could be read. */
static void test_broken(void) {
        g_autoptr(play) p = play_new();
        g_autoptr(GByteArray) events = play_events();
        g_autofree char *expected = NULL;

        play_metadata(p, "", "");
        put_number(events, 1, 1);
        play_packet(p, "c_0", &(struct play_packet) { .missing = 100 }, events);
        expected = g_strdup_printf("tracectl: %s/c_0: the last packet is cut off; what there is of it is read\n",
                                   p->directory);
        assert_view(p, NULL, "13:46:40.000000001  -                t:number                  n=1\n", expected);
}

static void test_metadata_error(void) {
        g_autoptr(play) p = play_new();
        g_autofree char *path = play_path(p, "metadata"), *expected = NULL;
        struct result result;

        g_assert_true(g_file_set_contents(path, "/* CTF 1.8 */\ntrace {\n", -1, NULL));
        expected = g_strdup_printf("tracectl: %s, line 3: a name expected, but the text ends here\n", path);
        run_tracectl(&result, "/", "view", p->directory, NULL);
        g_assert_cmpint(result.status, ==, 1);
        g_assert_cmpstr(result.output, ==, "");
        g_assert_cmpstr(result.errors, ==, expected);
        result_done(&result);
}

static void test_newest(void) {
        g_autoptr(play) p = play_new();
        g_autoptr(GByteArray) events = play_events();
        struct result result;

        put_number(events, 1, 1);
        play_metadata(p, "old-20250101-000000", "");
        play_metadata(p, "new-20260101-000000", "");
        play_packet(p, "new-20260101-000000/c_0", &(struct play_packet) {}, events);
        run_tracectl(&result, p->directory, "view", NULL);
        g_assert_cmpint(result.status, ==, 0);
        g_assert_nonnull(strstr(result.output, "t:number"));
        g_assert_cmpstr(result.errors, ==, "");
        result_done(&result);
}

/* A reader that has enough ends it, without a word; a full disk is said. */
static void test_output_ends(void) {
        g_autoptr(play) p = play_new();
        g_autoptr(GByteArray) events = play_events();
        g_autofree char *output = NULL, *errors = NULL;
        int status;

        play_metadata(p, "", "");
        for (unsigned i = 0; i < 100000; i++)
                put_number(events, i, i);
        play_packet(p, "c_0", &(struct play_packet) {}, events);

        g_setenv("TRACE", p->directory, TRUE);
        g_assert_true(g_spawn_command_line_sync("sh -c '\"$TRACECTL\" view \"$TRACE\" | head -n 1'", &output, &errors,
                                                &status, NULL));
        g_assert_cmpint(status, ==, 0);
        g_assert_cmpstr(output, ==, "13:46:40.000000000  -                t:number                  n=0\n");
        g_assert_cmpstr(errors, ==, "");
        g_clear_pointer(&output, g_free);
        g_clear_pointer(&errors, g_free);

        g_assert_true(g_spawn_command_line_sync("sh -c '\"$TRACECTL\" view \"$TRACE\" >/dev/full'", &output, &errors,
                                                &status, NULL));
        g_assert_cmpint(WEXITSTATUS(status), ==, 1);
        g_assert_cmpstr(errors, ==, "tracectl: Failed to print the events: No space left on device\n");
}

int main(int argc, char *argv[]) {
        g_setenv("TZ", "UTC", TRUE);
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/view/columns", test_columns);
        g_test_add_func("/view/all-and-date", test_all_and_date);
        g_test_add_func("/view/losses", test_losses);
        g_test_add_func("/view/broken", test_broken);
        g_test_add_func("/view/metadata-error", test_metadata_error);
        g_test_add_func("/view/newest", test_newest);
        g_test_add_func("/view/output-ends", test_output_ends);
        return g_test_run();
}
