/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Which events `tracectl view` shows, and that several threads show the same as one. */

#include <glib.h>
#include <stdbool.h>
#include <string.h>

#include "../libtracectl-read/play-trace.h"
#include "run-tracectl.h"

#define N_EVENTS 20000

static const char MORE[] =
        "event { name = \"t:name\"; id = 2; stream_id = 1; context := struct { int32_t _vpid; string _procname; };"
        "fields := struct { string _s; int32_t _n; floating_point { exp_dig = 11; mant_dig = 53; align = 8; } _f;"
        "uint8_t _bytes[2]; }; };"
        "event { name = \"u:deep\"; id = 3; stream_id = 1; fields := struct {"
        "struct { uint8_t n; } _in; uint64_t _n; uint5_t _bits; }; };";

static void put_double(GByteArray *events, double value) {
        g_byte_array_append(events, (const guint8 *) &value, sizeof(value));
}

static play *make_trace(void) {
        g_autoptr(GByteArray) events = play_events();
        play *p = play_new();

        play_metadata(p, "", MORE);
        play_thread(events, 0, 10, 11);
        play_compact(events, 1, 1);
        play_u64(events, 5);
        play_compact(events, 2, 2);
        play_u32(events, 77);
        play_string(events, "shop");
        play_string(events, "Hello");
        play_u32(events, (uint32_t) -3);
        put_double(events, 1.5);
        play_u16(events, 0);
        play_thread(events, 3, 20, 21);
        play_compact(events, 3, 3);
        play_u8(events, 9);
        play_u64(events, 5);
        play_u8(events, 0);
        play_compact(events, 1, 4);
        play_u64(events, UINT64_MAX);
        play_packet(p, "c_0", &(struct play_packet) { .end = 4 }, events);
        return p;
}

/* expected has a digit for each event that is shown: its time. */
static void assert_shown_and_said(const play *p, const char *option, const char *argument, const char *expected,
                                  const char *said) {
        g_autoptr(GString) shown = g_string_new("");
        g_auto(GStrv) lines = NULL;
        struct result result;

        run_tracectl(&result, "/", "view", p->directory, option, argument, NULL);
        g_assert_cmpstr(result.errors, ==, said);
        g_assert_cmpint(result.status, ==, 0);
        lines = g_strsplit(result.output, "\n", -1);
        for (unsigned i = 0; lines[i] && *lines[i]; i++)
                g_string_append_c(shown, lines[i][strlen("13:46:40.00000000")]);
        g_assert_cmpstr(shown->str, ==, expected);
        result_done(&result);
}

static void assert_shown(const play *p, const char *option, const char *argument, const char *expected) {
        assert_shown_and_said(p, option, argument, expected, "");
}

static void test_names(void) {
        g_autoptr(play) p = make_trace();

        assert_shown(p, "--no-pager", NULL, "1234");
        assert_shown(p, "--event", "t:*", "124");
        assert_shown(p, "-e", "u:deep", "3");
        assert_shown_and_said(p, "--event", "deep", "",
                              "tracectl: This recording has no event 'deep'. Did you mean 'u:deep'?\n");
        assert_shown(p, "--pid", "10", "12");
        assert_shown(p, "-p", "20", "34");
        assert_shown(p, "--process", "sh*", "2");
        assert_shown(p, "--process", "nobody", "");
}

static void test_times(void) {
        g_autoptr(play) p = make_trace();

        assert_shown(p, "--since", "1970-01-12 13:46:40.000000002 UTC", "234");
        assert_shown(p, "--until", "1970-01-12 13:46:40.000000003 UTC", "12");
        assert_shown(p, "--since", "@1000000.000000004", "4");
        assert_shown(p, "--since", "today", "");
        assert_shown(p, "--until", "-1h", "1234");
}

static void test_filters(void) {
        g_autoptr(play) p = make_trace();

        assert_shown(p, "--filter", "n == 5", "13");
        assert_shown(p, "--filter", "n == 0xffffffffffffffff", "4");
        assert_shown(p, "--filter", "n < 0", "2");
        assert_shown(p, "--filter", "n == -3 && f > 1.25 && s == 'He*'", "2");
        assert_shown(p, "--filter", "s == 'hello'", "");
        assert_shown(p, "--filter", "$ctx.vpid == 20", "34");
        assert_shown(p, "--filter", "$ctx.vpid == 77 && $ctx.procname == 'shop'", "2");
        assert_shown(p, "--filter", "$ctx.procname != 'shop'", "");
        assert_shown(p, "--filter", "$ctx.vtid == 11", "12");
        assert_shown_and_said(p, "--filter", "missing == 1 || n == 5", "",
                              "tracectl: No event of this recording has a field 'missing'.\n");
        assert_shown(p, "--filter", "bytes == 1", "");
        assert_shown(p, "--filter", "in == 9", "");
        assert_shown(p, "--filter", "bits == 0 && n > 0", "3");
}

static void test_grep(void) {
        g_autoptr(play) p = make_trace();

        assert_shown(p, "--grep", "hello", "2");
        assert_shown(p, "--grep", "HELLO", "");
        assert_shown(p, "-g", "n=5( |$)", "13");
        assert_shown(p, "-g", "^13.*deep", "3");
        assert_shown(p, "-g", "nothing", "");
}

static void assert_refused(const char *option, const char *argument, const char *expected) {
        struct result result;

        run_tracectl(&result, "/", "view", "/", option, argument, NULL);
        g_assert_cmpint(result.status, ==, 2);
        g_assert_cmpstr(result.output, ==, "");
        g_assert_nonnull(strstr(result.errors, expected));
        result_done(&result);
}

static void test_refused(void) {
        struct result result;

        assert_refused("--since", "noon", "--since takes a time");
        assert_refused("--until", "", "--until takes a time");
        assert_refused("--filter", "n ==", "--filter, character 5: ");
        assert_refused("--grep", "(", "--grep cannot use '('");
        assert_refused("--pid", "me", "--pid takes the number of a process");
        run_tracectl(&result, "/", "view", "/", "-ojson", "-gx", NULL);
        g_assert_cmpint(result.status, ==, 2);
        g_assert_nonnull(strstr(result.errors, "--grep looks at lines of text"));
        result_done(&result);
}

/* Two streams that overlap, more than one batch of each, lines of all lengths; byte by byte. */
static void test_threads(void) {
        g_autoptr(play) p = play_new();
        g_autofree char *one = NULL, *several = NULL, *errors = NULL;
        int status;

        play_metadata(p, "", MORE);
        for (unsigned stream = 0; stream < 2; stream++) {
                g_autofree char *name = g_strdup_printf("c_%u", stream);
                g_autoptr(GByteArray) events = play_events();

                for (unsigned i = 0; i < N_EVENTS; i++) {
                        g_autofree char *s = g_strnfill(i % 1999 == 0 ? 300000 : i % 64, 'x');

                        play_compact(events, 2, 3 * i + stream);
                        play_u32(events, i);
                        play_string(events, "shop");
                        play_string(events, s);
                        play_u32(events, i);
                        put_double(events, i / 7.0);
                        play_u16(events, (uint16_t) i);
                }
                play_packet(p, name, &(struct play_packet) {}, events);
        }
        g_setenv("TRACE", p->directory, TRUE);
        g_assert_true(g_spawn_command_line_sync("sh -c 'taskset -c $(taskset -cp $$ | sed \"s/.*: //; s/[-,].*//\") "
                                                "\"$TRACECTL\" view \"$TRACE\"'", &one, &errors, &status, NULL));
        g_assert_cmpint(status, ==, 0);
        g_clear_pointer(&errors, g_free);
        g_assert_true(g_spawn_command_line_sync("sh -c '\"$TRACECTL\" view \"$TRACE\"'", &several, &errors, &status,
                                                NULL));
        g_assert_cmpint(status, ==, 0);
        g_assert_true(strcmp(one, several) == 0);
        g_assert_nonnull(strstr(one, " n=19999 f=2857 bytes=[31, 78]\n"));
}

int main(int argc, char *argv[]) {
        g_test_init(&argc, &argv, NULL);
        g_setenv("TZ", "UTC", TRUE);
        g_test_add_func("/view-select/names", test_names);
        g_test_add_func("/view-select/times", test_times);
        g_test_add_func("/view-select/filters", test_filters);
        g_test_add_func("/view-select/grep", test_grep);
        g_test_add_func("/view-select/refused", test_refused);
        g_test_add_func("/view-select/threads", test_threads);
        return g_test_run();
}
