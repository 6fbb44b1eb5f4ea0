/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* view's forms of output, byte by byte. */

#include <glib.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "run-tracectl.h"
#include "spans.h"

#define HEAD(ns, event) \
        "{\"time\":\"1970-01-12T13:46:40.0000" ns "Z\",\"timestamp\":\"10000000000" ns "\",\"event\":\"" event "\"," \
        "\"pid\":7,\"tid\":8,\"cpu\":0"

static void test_json(void) {
        g_autoptr(play) p = play_new();
        g_autoptr(GByteArray) events = play_events();

        spans_metadata(p);
        play_compact(events, 1, 5);
        play_u64(events, (UINT64_C(1) << 53) + 1);
        play_thread(events, 6, 7, 8);
        play_compact(events, 1, 10);
        play_u64(events, UINT64_C(1) << 53);
        spans_text(events, 11, "</script>\"\\\n\x80\xc3\xa9\xf0\x9f\x98\x80\x1b");
        play_packet(p, "c_0", &(struct play_packet) {}, events);
        assert_output(p->directory, "json", NULL,
                      "{\"time\":\"1970-01-12T13:46:40.000000005Z\",\"timestamp\":\"1000000000000005\","
                      "\"event\":\"t:number\",\"cpu\":0,\"loglevel\":6,\"fields\":{\"n\":\"9007199254740993\"}}\n"
                      "{\"time\":\"1970-01-12T13:46:40.000000010Z\",\"timestamp\":\"1000000000000010\","
                      "\"event\":\"t:number\",\"pid\":7,\"tid\":8,\"cpu\":0,\"loglevel\":6,"
                      "\"fields\":{\"n\":9007199254740992}}\n"
                      "{\"time\":\"1970-01-12T13:46:40.000000011Z\",\"timestamp\":\"1000000000000011\","
                      "\"event\":\"w:text\",\"pid\":7,\"tid\":8,\"cpu\":0,\"fields\":{\"text\":"
                      "\"\\u003c/script\\u003e\\u0022\\u005c\\u000a\\ufffd\\u00e9\\ud83d\\ude00\\u001b\"}}\n");
}

/* Kinds of fields, and how they are nested. */
static void test_json_fields(void) {
        g_autoptr(play) p = play_new();
        g_autoptr(GByteArray) events = play_events();
        static const double numbers[] = { 1.5, (double) INFINITY, (double) -INFINITY, (double) NAN };

        play_metadata(p, "",
                      "typealias integer { size = 64; align = 8; signed = true; } := int64_t;"
                      "typealias floating_point { exp_dig = 11; mant_dig = 53; align = 8; } := double;"
                      "event { name = \"t:all\"; id = 2; stream_id = 1; fields := struct { int64_t _i;"
                      "uint32_t __a_length; uint16_t _a[__a_length]; struct { uint8_t x; struct { uint8_t y; } z; } _p[2];"
                      "double _d[4]; enum : uint8_t { red, green } _c; uint8_t _last; }; };");
        play_compact(events, 2, 5);
        play_u64(events, (uint64_t) INT64_MIN);
        play_u32(events, 2);
        play_u16(events, 1);
        play_u16(events, 65535);
        for (unsigned i = 1; i <= 4; i++)
                play_u8(events, (uint8_t) i);
        for (unsigned i = 0; i < G_N_ELEMENTS(numbers); i++) {
                uint64_t bits;

                memcpy(&bits, &numbers[i], sizeof(bits));
                play_u64(events, bits);
        }
        play_u8(events, 1);
        play_u8(events, 9);
        play_packet(p, "c_0", &(struct play_packet) {}, events);
        assert_output(p->directory, "json", NULL,
                      "{\"time\":\"1970-01-12T13:46:40.000000005Z\",\"timestamp\":\"1000000000000005\","
                      "\"event\":\"t:all\",\"cpu\":0,\"fields\":{\"i\":\"-9223372036854775808\",\"a\":[1,65535],"
                      "\"p\":[{\"x\":1,\"z\":{\"y\":2}},{\"x\":3,\"z\":{\"y\":4}}],"
                      "\"d\":[1.5,\"Infinity\",\"-Infinity\",\"NaN\"],\"c\":{\"label\":\"green\",\"value\":1},"
                      "\"last\":9}}\n");
}

static void test_json_durations(void) {
        g_autoptr(play) p = play_new();
        g_autoptr(GByteArray) events = play_events();

        spans_metadata(p);
        play_thread(events, 0, 7, 8);
        spans_add(events, SPANS_SYSCALL_ENTRY, 10000);
        spans_add(events, SPANS_SYSCALL_EXIT, 12500);
        play_packet(p, "c_0", &(struct play_packet) {}, events);
        assert_output(p->directory, "json", "--durations",
                      HEAD("10000", "syscall_entry_read") ",\"fields\":{\"n\":8}}\n"
                      HEAD("12500", "syscall_exit_read") ",\"duration\":2500,\"fields\":{\"n\":9}}\n");
}

static void test_csv(void) {
        g_autoptr(play) p = play_new();
        g_autoptr(GByteArray) events = play_events();

        spans_metadata(p);
        play_compact(events, 1, 5);
        play_u64(events, 1);
        play_thread(events, 6, 7, 8);
        spans_call(events, 10, 3, 4);
        spans_text(events, 11, "a\"b,\r\n");
        play_packet(p, "c_0", &(struct play_packet) {}, events);
        assert_output(p->directory, "csv", "--durations",
                      "time,event,pid,tid,process,cpu,fields,duration\r\n"
                      "1970-01-12T13:46:40.000000005Z,\"t:number\",,,,0,\"{\"\"n\"\":1}\",\r\n"
                      "1970-01-12T13:46:40.000000010Z,\"libc:call\",7,8,,0,\"{\"\"ret\"\":3,\"\"duration\"\":4}\",4\r\n"
                      "1970-01-12T13:46:40.000000011Z,\"w:text\",7,8,,0,"
                      "\"{\"\"text\"\":\"\"a\\u0022b,\\u000d\\u000a\"\"}\",\r\n");
}

/* Where the trace has it; and nothing that a spreadsheet computes. */
static void test_csv_process(void) {
        g_autoptr(play) p = play_new();
        g_autoptr(GByteArray) events = play_events();

        play_metadata(p, "",
                      "event { name = \"=t:one\"; id = 2; stream_id = 1;"
                      "        context := struct { string procname; uint8_t more; };"
                      "        fields := struct { uint8_t x; }; };");
        play_compact(events, 2, 5);
        play_string(events, "@a\"b\n");
        play_u8(events, 1);
        play_u8(events, 2);
        play_packet(p, "c_0", &(struct play_packet) {}, events);
        assert_output(p->directory, "csv", NULL,
                      "time,event,pid,tid,process,cpu,fields\r\n"
                      "1970-01-12T13:46:40.000000005Z,\"'=t:one\",,,\"'@a\"\"b\\n\",0,"
                      "\"{\"\"procname\"\":\"\"@a\\u0022b\\u000a\"\",\"\"more\"\":1,\"\"x\"\":2}\"\r\n");
}

static void test_chrome(void) {
        g_autoptr(play) p = play_new();

        spans_standard(p);
        assert_output(p->directory, "chrome", NULL,
                      "{\"displayTimeUnit\":\"ns\",\"traceEvents\":[\n"
#define THREAD(n) ",\"pid\":7,\"tid\":" n
#define JOB ",\"name\":\"w:job\",\"cat\":\"w\""
#define STEP ",\"name\":\"w:step\",\"cat\":\"w\""
#define N(n) ",\"args\":{\"n\":" n "}}"
                      "{\"ph\":\"B\",\"ts\":136000000001.000" THREAD("8") JOB N("2") ",\n"
                      "{\"ph\":\"B\",\"ts\":136000000001.500" THREAD("8") STEP N("4") ",\n"
                      "{\"ph\":\"X\",\"ts\":136000000003.500" THREAD("8") ",\"dur\":1.000,\"name\":\"libc:call\","
                      "\"cat\":\"libc\",\"args\":{\"ret\":3,\"duration\":1000}},\n"
                      "{\"ph\":\"E\",\"ts\":136000000006.500" THREAD("8") STEP N("5") ",\n"
                      "{\"ph\":\"i\",\"ts\":136000000008.000" THREAD("8") ",\"s\":\"t\",\"name\":\"w:text\","
                      "\"cat\":\"w\",\"args\":{\"text\":\"\\u003c/script\\u003e\\u0022\\u005c;\\u000a\\ufffd\\u00e9"
                      "\\ud83d\\ude00\\u001b\"}},\n"
                      "{\"ph\":\"B\",\"ts\":136000000009.000" THREAD("8") STEP N("4") ",\n"
                      "{\"ph\":\"E\",\"ts\":136000000011.000" THREAD("8") STEP ",\"args\":{\"unfinished\":true}},\n"
                      "{\"ph\":\"E\",\"ts\":136000000011.000" THREAD("8") JOB N("3") ",\n"
                      "{\"ph\":\"i\",\"ts\":136000000012.000" THREAD("9") ",\"s\":\"t\",\"name\":\"w:job_end\","
                      "\"cat\":\"w\"" N("3") ",\n"
                      "{\"ph\":\"B\",\"ts\":136000000013.000" THREAD("9") STEP N("4") ",\n"
                      "{\"ph\":\"E\",\"ts\":136000000013.000" THREAD("9") STEP ",\"args\":{\"unfinished\":true}}\n"
                      "],\"otherData\":{\"producer\":\"tracectl\",\"start\":\"1970-01-11T00:00:00.000000000Z\"}}\n");
}

static void test_chrome_without_threads(void) {
        g_autoptr(play) p = play_new();
        g_autoptr(GByteArray) events = play_events();

        play_metadata(p, "", "");
        assert_output(p->directory, "chrome", NULL,
                      "{\"displayTimeUnit\":\"ns\",\"traceEvents\":[\n"
                      "],\"otherData\":{\"producer\":\"tracectl\",\"start\":\"1970-01-01T00:00:00.000000000Z\"}}\n");
        play_compact(events, 1, 5);
        play_u64(events, 1);
        play_packet(p, "c_0", &(struct play_packet) { .cpu = 3 }, events);
        assert_output(p->directory, "chrome", NULL,
                      "{\"displayTimeUnit\":\"ns\",\"traceEvents\":[\n"
                      "{\"ph\":\"M\",\"name\":\"process_name\",\"pid\":0,\"tid\":4,\"args\":{\"name\":\"(no process)\"}},\n"
                      "{\"ph\":\"M\",\"name\":\"thread_name\",\"pid\":0,\"tid\":4,\"args\":{\"name\":\"CPU 3\"}},\n"
                      "{\"ph\":\"i\",\"ts\":136000000000.005,\"pid\":0,\"tid\":4,\"s\":\"t\",\"name\":\"t:number\","
                      "\"cat\":\"t\",\"args\":{\"n\":1}}\n"
                      "],\"otherData\":{\"producer\":\"tracectl\",\"start\":\"1970-01-11T00:00:00.000000000Z\"}}\n");
}

/* job: 500 before the step, 2500 between the steps. step: 5000 but for the call, then 2000; in the other thread none. */
static void test_folded(void) {
        g_autoptr(play) p = play_new();

        spans_standard(p);
        assert_output(p->directory, "folded", NULL,
                      "process 7;thread 8;w:job 3\n"
                      "process 7;thread 8;w:job;w:step 6\n"
                      "process 7;thread 8;w:job;w:step;libc:call 1\n");
}

static void test_folded_names(void) {
        g_autoptr(play) p = play_new();
        g_autoptr(GByteArray) events = play_events();

        play_metadata(p, "",
                      "event { name = \"a;b_start\"; id = 2; stream_id = 1; context := struct { string procname; }; };"
                      "event { name = \"a;b_stop\"; id = 3; stream_id = 1; context := struct { string procname; }; };");
        play_thread(events, 1, 7, 8);
        play_compact(events, 2, 5);
        play_string(events, "x;y\n");
        play_compact(events, 3, 6);
        play_string(events, "x;y\n");
        play_packet(p, "c_0", &(struct play_packet) {}, events);
        assert_output(p->directory, "folded", NULL, "x,y\\n 7;thread 8;a,b 1\n");
}

static void test_text_durations(void) {
        g_autoptr(play) p = play_new();
        g_autoptr(GByteArray) events = play_events();
        static const uint64_t lengths[] = { 1, 1000, 1234567, 2345678900 };
        uint64_t time = 0;

        spans_metadata(p);
        play_thread(events, 0, 7, 8);
        for (unsigned i = 0; i < G_N_ELEMENTS(lengths); i++) {
                play_extended(events, SPANS_JOB_BEGIN, time);
                play_u32(events, i);
                time += lengths[i];
                play_extended(events, SPANS_JOB_END, time);
                play_u32(events, i);
        }
        play_packet(p, "c_0", &(struct play_packet) {}, events);
        assert_output(p->directory, "text", "--durations",
                      "13:46:40.000000000  7/8              w:job_begin               n=0\n"
                      "13:46:40.000000001  7/8              w:job_end                 n=0  (1ns)\n"
                      "13:46:40.000000001  7/8              w:job_begin               n=1\n"
                      "13:46:40.000001001  7/8              w:job_end                 n=1  (1.000us)\n"
                      "13:46:40.000001001  7/8              w:job_begin               n=2\n"
                      "13:46:40.001235568  7/8              w:job_end                 n=2  (1.234ms)\n"
                      "13:46:40.001235568  7/8              w:job_begin               n=3\n"
                      "13:46:42.346914468  7/8              w:job_end                 n=3  (2.345678s)\n");
}

/* Two processors whose clocks differ by up to 50 ns, or nobody knows how much. */
static play *two_processors(const char *precision) {
        g_autoptr(play) p = play_new();
        g_autoptr(GByteArray) first = play_events(), second = play_events();
        g_autofree char *path = play_path(p, "metadata"), *text = NULL;
        g_autoptr(GString) metadata = NULL;

        spans_metadata(p);
        g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
        metadata = g_string_new(text);
        g_assert_cmpuint(g_string_replace(metadata, "absolute = true;", precision, 1), ==, 1);
        g_assert_true(g_file_set_contents(path, metadata->str, -1, NULL));
        spans_add(first, SPANS_STEP_ENTRY, 1000);
        spans_add(first, SPANS_STEP_ENTRY, 1010); /* beside one of its own processor alone */
        spans_add(second, SPANS_STEP_EXIT, 1060); /* as far as the clocks can be apart */
        spans_add(first, SPANS_STEP_ENTRY, 1111); /* one more */
        spans_add(second, SPANS_STEP_EXIT, 1112);
        spans_add(second, SPANS_STEP_EXIT, 1120); /* the other one's is not the event before it */
        play_packet(p, "c_0", &(struct play_packet) { .cpu = 0 }, first);
        play_packet(p, "c_1", &(struct play_packet) { .cpu = 1 }, second);
        return g_steal_pointer(&p);
}

static void test_uncertain(void) {
        g_autoptr(play) p = two_processors("precision = 50; absolute = true;"), unknown = two_processors("");
        struct result result;

        assert_output(p->directory, "text", "--uncertain",
                      "13:46:40.000001000  -                w:step_entry              n=4\n"
                      "13:46:40.000001010  -                w:step_entry              n=4\n"
                      "13:46:40.000001060~ -                w:step_exit               n=5\n"
                      "13:46:40.000001111  -                w:step_entry              n=4\n"
                      "13:46:40.000001112~ -                w:step_exit               n=5\n"
                      "13:46:40.000001120~ -                w:step_exit               n=5\n");
        run_tracectl(&result, "/", "view", p->directory, "-o", "json", "--uncertain", NULL);
        g_assert_nonnull(strstr(result.output, "\"cpu\":1,\"uncertain\":true,\"fields\":{\"n\":5}}\n"));
        g_assert_nonnull(strstr(result.output, "\"cpu\":0,\"fields\":{\"n\":4}}\n"));
        result_done(&result);
        run_tracectl(&result, "/", "view", p->directory, "-o", "csv", "--uncertain", NULL);
        g_assert_true(g_str_has_prefix(result.output, "time,event,pid,tid,process,cpu,fields,uncertain\r\n"));
        g_assert_nonnull(strstr(result.output, "1010Z,\"w:step_entry\",,,,0,\"{\"\"n\"\":4}\",\r\n"));
        g_assert_nonnull(strstr(result.output, "1060Z,\"w:step_exit\",,,,1,\"{\"\"n\"\":5}\",1\r\n"));
        result_done(&result);
        run_tracectl(&result, "/", "view", unknown->directory, "--uncertain", NULL);
        g_assert_null(strchr(result.output, '~'));
        result_done(&result);
        run_tracectl(&result, "/", "view", p->directory, NULL);
        g_assert_null(strchr(result.output, '~'));
        result_done(&result);
}

/* Deeper than is kept: what is beyond is no span, and the rest is in order. */
static void test_depth(void) {
        g_autoptr(play) p = play_new();
        g_autoptr(GByteArray) events = play_events();
        struct result result;
        unsigned n = 0;

        spans_metadata(p);
        for (unsigned i = 0; i < 300; i++)
                spans_add(events, SPANS_JOB_BEGIN, i);
        for (unsigned i = 0; i < 300; i++)
                spans_add(events, SPANS_JOB_END, 300 + i);
        play_packet(p, "c_0", &(struct play_packet) {}, events);
        run_tracectl(&result, "/", "view", p->directory, "-o", "json", "--durations", NULL);
        for (const char *s = result.output; (s = strstr(s, "\"duration\":")); s++)
                n++;
        g_assert_cmpuint(n, ==, 256);
        g_assert_nonnull(strstr(result.output, "\"duration\":45,"));
        result_done(&result);
}

static void test_unknown(void) {
        struct result result;

        run_tracectl(&result, "/", "view", "-o", "jsn", NULL);
        g_assert_cmpint(result.status, ==, 2);
        g_assert_cmpstr(result.errors, ==,
                        "tracectl: There is no output 'jsn'. Did you mean 'json'? See: tracectl view --help\n");
        result_done(&result);
        run_tracectl(&result, "/", "view", "-o", "xyzxyz", NULL);
        g_assert_cmpint(result.status, ==, 2);
        g_assert_cmpstr(result.errors, ==, "tracectl: There is no output 'xyzxyz'. See: tracectl view --help\n");
        result_done(&result);
}

/* Whole, or not at all: what was there before stays as long as the new one is not complete. */
static void test_file(void) {
        g_autoptr(play) p = play_new(), out = play_new();
        g_autofree char *path = play_path(out, "new.json"), *text = NULL;
        struct result result;
        GDir *directory;

        spans_standard(p);
        g_assert_true(g_file_set_contents(path, "old", -1, NULL));
        run_tracectl(&result, out->directory, "view", p->directory, "-o", "json", "-O", "new.json", NULL);
        g_assert_cmpstr(result.errors, ==, "");
        g_assert_cmpint(result.status, ==, 0);
        g_assert_cmpstr(result.output, ==, "");
        result_done(&result);
        g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
        g_assert_true(g_str_has_prefix(text, "{\"time\""));
        directory = g_dir_open(out->directory, 0, NULL);
        g_assert_cmpstr(g_dir_read_name(directory), ==, "new.json");
        g_assert_null(g_dir_read_name(directory));
        g_dir_close(directory);

        run_tracectl(&result, "/", "view", p->directory, "-O", "/nonexistent/x", NULL);
        g_assert_cmpint(result.status, ==, 1);
        g_assert_cmpstr(result.errors, ==, "tracectl: Failed to create /nonexistent/x: No such file or directory\n");
        result_done(&result);
        run_tracectl(&result, "/", "view", p->directory, "-O", "/dev/full", NULL);
        g_assert_cmpint(result.status, ==, 1);
        g_assert_cmpstr(result.errors, ==, "tracectl: Failed to print the events: No space left on device\n");
        result_done(&result);
}

int main(int argc, char *argv[]) {
        g_setenv("TZ", "UTC", TRUE);
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/outputs/json", test_json);
        g_test_add_func("/outputs/json/fields", test_json_fields);
        g_test_add_func("/outputs/json/durations", test_json_durations);
        g_test_add_func("/outputs/csv", test_csv);
        g_test_add_func("/outputs/csv/process", test_csv_process);
        g_test_add_func("/outputs/chrome", test_chrome);
        g_test_add_func("/outputs/chrome/without-threads", test_chrome_without_threads);
        g_test_add_func("/outputs/folded", test_folded);
        g_test_add_func("/outputs/folded/names", test_folded_names);
        g_test_add_func("/outputs/text/durations", test_text_durations);
        g_test_add_func("/outputs/text/uncertain", test_uncertain);
        g_test_add_func("/outputs/depth", test_depth);
        g_test_add_func("/outputs/unknown", test_unknown);
        g_test_add_func("/outputs/file", test_file);
        return g_test_run();
}
