/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <glib.h>
#include <string.h>

#include "run-tracectl.h"
#include "spans.h"

static void test_tables(void) {
        g_autoptr(play) p = play_new();
        g_autofree char *head = NULL;
        struct result result;

        spans_standard(p);
        run_tracectl(&result, "/", "summary", p->directory, NULL);
        g_assert_cmpstr(result.errors, ==, "");
        g_assert_cmpint(result.status, ==, 0);
        head = g_strdup_printf("%s: 9 events in 0.000012 s (750,000 a second), 0 discarded\n"
                               "2 of what began has not ended\n\n",
                               p->directory);
        g_assert_true(g_str_has_prefix(result.output, head));
        g_assert_cmpstr(result.output + strlen(head), ==,
                        "EVENT         COUNT  SHARE  PER SECOND\n"
                        "w:step_entry      3  33.3%    250000.0\n"
                        "w:job_end         2  22.2%    166666.7\n"
                        "w:job_begin       1  11.1%     83333.3\n"
                        "libc:call         1  11.1%     83333.3\n"
                        "w:step_exit       1  11.1%     83333.3\n"
                        "w:text            1  11.1%     83333.3\n"
                        "\n"
                        "PROCESS  THREADS  COUNT   SHARE  PER SECOND  SPAN P50  SPAN P99\n"
                        "7              2      9  100.0%    750000.0   5.06 us  10.00 us\n"
                        "\n"
                        "THREAD  COUNT  SHARE  PER SECOND  SPAN P50  SPAN P99\n"
                        "7/8         7  77.8%    583333.3   5.06 us  10.00 us\n"
                        "7/9         2  22.2%    166666.7         -         -\n"
                        "\n"
                        "DURATION OF  COUNT     TOTAL      MEAN       P50       P99       MAX\n"
                        "w:job            1  10.00 us  10.00 us  10.00 us  10.00 us  10.00 us\n"
                        "w:step           1   5.00 us   5.00 us   5.00 us   5.00 us   5.00 us\n"
                        "libc:call        1   1.00 us   1.00 us   1.00 us   1.00 us   1.00 us\n"
                        "(all)            3  16.00 us   5.33 us   5.06 us  10.00 us  10.00 us\n");
        result_done(&result);
}

/* The same choice of events as that of view; without a choice, counting needs no look at events. */
static void test_selection(void) {
        g_autoptr(play) p = play_new();
        struct result result;

        spans_standard(p);
        run_tracectl(&result, "/", "summary", "--by=event", "--event=w:job*", p->directory, NULL);
        g_assert_cmpint(result.status, ==, 0);
        g_assert_nonnull(strstr(result.output, ": 3 events in "));
        g_assert_null(strstr(result.output, "w:step"));
        result_done(&result);
        run_tracectl(&result, "/", "summary", "--by=thread", "--pid=8", p->directory, NULL);
        g_assert_nonnull(strstr(result.output, ": 0 events, 0 discarded"));
        result_done(&result);
        run_tracectl(&result, "/", "summary", "--since=@", p->directory, NULL);
        g_assert_cmpint(result.status, ==, 2);
        result_done(&result);
}

static void test_count(void) {
        static const char *const others[] = { "--by=event", "--event=w:*", "--pid=1", "--filter=n > 1" };
        g_autoptr(play) p = play_new();
        g_autofree char *head = NULL;
        struct result result;

        spans_standard(p);
        run_tracectl(&result, "/", "summary", "--count", p->directory, NULL);
        head = g_strconcat(p->directory, ": 9 events, 0 discarded\n\nEVENT         COUNT  SHARE  PER SECOND\n"
                                         "w:step_entry      3  33.3%           -\n", NULL);
        g_assert_cmpint(result.status, ==, 0);
        g_assert_true(g_str_has_prefix(result.output, head));
        result_done(&result);
        run_tracectl(&result, "/", "summary", "-c", "--json=short", p->directory, NULL);
        g_assert_true(g_str_has_prefix(result.output, "{\"count\":9,\"discarded\":0,"));
        result_done(&result);
        run_tracectl(&result, "/", "summary", "-c", "--until=1970-01-02", p->directory, NULL);
        g_assert_nonnull(strstr(result.output, ": 0 events, 0 discarded\n"));
        result_done(&result);
        for (size_t i = 0; i < G_N_ELEMENTS(others); i++) {
                run_tracectl(&result, "/", "summary", "-c", others[i], p->directory, NULL);
                g_assert_cmpint(result.status, ==, 2);
                g_assert_nonnull(strstr(result.errors, "--count only counts events by name"));
                result_done(&result);
        }
}

static void test_field(void) {
        g_autoptr(play) p = play_new();
        g_autoptr(GByteArray) events = play_events();
        struct result result;

        play_metadata(p, "",
                      "event { name = \"t:a\"; id = 2; stream_id = 1; context := struct { string procname; };"
                      "        fields := struct { struct { uint8_t _n; } in; string text;"
                      "        enum : uint8_t { red, green } colour; }; };");
        for (unsigned i = 0; i < 5; i++) {
                play_compact(events, 2, i);
                play_string(events, "a\x1b");
                play_u8(events, 7);
                play_string(events, i < 3 ? "x\n" : "y");
                play_u8(events, i % 2);
        }
        play_compact(events, 1, 6);
        play_u64(events, 1);
        play_packet(p, "c_0", &(struct play_packet) { .discarded = 3 }, events);
        run_tracectl(&result, p->directory, "summary", "-b", "text", "-n", "1", p->directory, NULL);
        g_assert_nonnull(strstr(result.output, ", 3 discarded\n"));
        g_assert_nonnull(strstr(result.output, "text  COUNT  SHARE   PER SECOND\n"
                                               "x\\n       3  50.0%  500000000.0\n"
                                               "(1 more)\n"
                                               "(1 events without it)\n"));
        result_done(&result);
        run_tracectl(&result, p->directory, "summary", "--by=colour", "--json=short", p->directory, NULL);
        g_assert_cmpstr(result.output, ==,
                        "{\"count\":6,\"first\":\"1000000000000000\",\"last\":\"1000000000000006\",\"discarded\":3,"
                        "\"packets_lost\":0,\"unfinished\":0,\"values\":[{\"value\":\"red\",\"count\":3},"
                        "{\"value\":\"green\",\"count\":2}],\"other_values\":0,\"without_field\":1}\n");
        result_done(&result);
        run_tracectl(&result, p->directory, "summary", "--by=procname", "--by=_n", p->directory, NULL);
        g_assert_cmpint(result.status, ==, 2);
        result_done(&result);
        run_tracectl(&result, p->directory, "summary", "--by=n", p->directory, NULL);
        g_assert_nonnull(strstr(result.output, "\n1      1  "));
        g_assert_nonnull(strstr(result.output, "(5 events without it)"));
        result_done(&result);
}

#define ALL                                                                                                            \
        "{\"count\":3,\"total\":16000,\"mean\":5333,\"min\":1000,\"p50\":5056,\"p90\":10000,\"p99\":10000,"                 \
        "\"max\":10000}"

static void test_json(void) {
        g_autoptr(play) p = play_new();
        struct result result;

        spans_standard(p);
        run_tracectl(&result, "/", "summary", "--json=short", "--by", "thread", "--by", "process", "--by", "duration",
                     p->directory, NULL);
        g_assert_cmpstr(result.output, ==,
                        "{\"count\":9,\"first\":\"1000000000001000\",\"last\":\"1000000000013000\",\"discarded\":0,"
                        "\"packets_lost\":0,\"unfinished\":2,\"processes\":[{\"pid\":7,\"threads\":2,\"count\":9,\"durations\":"
                        ALL "}],"
                        "\"threads\":[{\"pid\":7,\"tid\":8,\"count\":7,\"durations\":" ALL "},{\"pid\":7,\"tid\":9,\"count\":2}],\"spans\":["
                        "{\"span\":\"w:job\",\"count\":1,\"total\":10000,\"mean\":10000,\"min\":10000,\"p50\":10000,"
                        "\"p90\":10000,\"p99\":10000,\"max\":10000},"
                        "{\"span\":\"w:step\",\"count\":1,\"total\":5000,\"mean\":5000,\"min\":5000,\"p50\":5000,"
                        "\"p90\":5000,\"p99\":5000,\"max\":5000},"
                        "{\"span\":\"libc:call\",\"count\":1,\"total\":1000,\"mean\":1000,\"min\":1000,\"p50\":1000,"
                        "\"p90\":1000,\"p99\":1000,\"max\":1000}],\"durations\":" ALL "}\n");
        result_done(&result);
}

static void test_empty(void) {
        g_autoptr(play) p = play_new();
        g_autofree char *expected = g_strdup_printf("%s: 0 events, 0 discarded\n", p->directory);
        struct result result;

        play_metadata(p, "", "");
        run_tracectl(&result, "/", "summary", p->directory, NULL);
        g_assert_cmpstr(result.output, ==, expected);
        g_assert_cmpint(result.status, ==, 0);
        result_done(&result);
}

static void test_wrong(void) {
        static const struct {
                const char *option, *error;
        } cases[] = {
                { "--lines=x", "tracectl: 'x' is no number of lines. See: tracectl summary --help\n" },
                { "--json=x", "tracectl: There is no mode 'x' of JSON; it is pretty, short or off.\n" },
                { "--line=x=", "tracectl: 'x=' is no number of lines. See: tracectl summary --help\n" },
                { "--lenes=1", "tracectl: Unknown option '--lenes'. Did you mean '--lines'? See: tracectl summary --help\n" },
        };
        struct result result;

        for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
                run_tracectl(&result, "/", "summary", cases[i].option, NULL);
                g_assert_cmpint(result.status, ==, 2);
                g_assert_cmpstr(result.errors, ==, cases[i].error);
                result_done(&result);
        }
        run_tracectl(&result, "/", "summary", "a", "b", NULL);
        g_assert_cmpint(result.status, ==, 2);
        result_done(&result);
        run_tracectl(&result, "/", "summary", "/nonexistent/x", NULL);
        g_assert_cmpint(result.status, ==, 1);
        result_done(&result);
}

/* Threads apart, and together in their process; values by the events that end something. */
static void test_durations(void) {
        g_autoptr(play) p = play_new();
        g_autoptr(GByteArray) events = play_events();
        struct result result;

        spans_metadata(p);
        for (int thread = 0; thread < 3; thread++) {
                play_thread(events, 10000u * (unsigned) thread, 7 + thread / 2, 7 + thread);
                for (unsigned i = 0; i < 10; i++)
                        spans_call(events, 10000u * (unsigned) thread + 100 * i, i % 2, thread == 1 ? 50 : 10);
        }
        play_packet(p, "c_0", &(struct play_packet) {}, events);
        run_tracectl(&result, "/", "summary", "--by=thread", "--by=process", "--by=ret", p->directory, NULL);
        g_assert_cmpint(result.status, ==, 0);
        g_assert_nonnull(strstr(result.output, "7              2     20  66.7%    956937.8     10 ns     50 ns\n"
                                               "8              1     10  33.3%    478468.9     10 ns     10 ns\n"));
        g_assert_nonnull(strstr(result.output, "7/8        10  33.3%    478468.9     50 ns     50 ns\n"));
        g_assert_nonnull(strstr(result.output, "ret  COUNT  SHARE  PER SECOND  SPAN P50  SPAN P99\n"
                                               "0       15  50.0%    717703.3     10 ns     50 ns\n"));
        result_done(&result);
}

int main(int argc, char *argv[]) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/summary/tables", test_tables);
        g_test_add_func("/summary/field", test_field);
        g_test_add_func("/summary/selection", test_selection);
        g_test_add_func("/summary/count", test_count);
        g_test_add_func("/summary/json", test_json);
        g_test_add_func("/summary/durations", test_durations);
        g_test_add_func("/summary/empty", test_empty);
        g_test_add_func("/summary/wrong", test_wrong);
        return g_test_run();
}
