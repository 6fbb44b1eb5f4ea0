/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* view's forms of output, byte by byte. */

#include <glib.h>
#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>

#include "run-tracectl.h"
#include "spans.h"

static void assert_output(const play *p, const char *form, const char *option, const char *output) {
        struct result result;

        run_tracectl(&result, "/", "view", p->directory, "-o", form, option, NULL);
        g_assert_cmpstr(result.output, ==, output);
        g_assert_cmpstr(result.errors, ==, "");
        g_assert_cmpint(result.status, ==, 0);
        result_done(&result);
}

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
        assert_output(p, "json", NULL,
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
        assert_output(p, "json", NULL,
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
        assert_output(p, "json", "--durations",
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
        assert_output(p, "csv", "--durations",
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
        assert_output(p, "csv", NULL,
                      "time,event,pid,tid,process,cpu,fields\r\n"
                      "1970-01-12T13:46:40.000000005Z,\"'=t:one\",,,\"'@a\"\"b\\n\",0,"
                      "\"{\"\"procname\"\":\"\"@a\\u0022b\\u000a\"\",\"\"more\"\":1,\"\"x\"\":2}\"\r\n");
}

static void test_chrome(void) {
        g_autoptr(play) p = play_new();

        spans_standard(p);
        assert_output(p, "chrome", NULL,
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
        assert_output(p, "chrome", NULL,
                      "{\"displayTimeUnit\":\"ns\",\"traceEvents\":[\n"
                      "],\"otherData\":{\"producer\":\"tracectl\",\"start\":\"1970-01-01T00:00:00.000000000Z\"}}\n");
        play_compact(events, 1, 5);
        play_u64(events, 1);
        play_packet(p, "c_0", &(struct play_packet) { .cpu = 3 }, events);
        assert_output(p, "chrome", NULL,
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
        assert_output(p, "folded", NULL,
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
        assert_output(p, "folded", NULL, "x,y\\n 7;thread 8;a,b 1\n");
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
        assert_output(p, "text", "--durations",
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

        assert_output(p, "text", "--uncertain",
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

enum { OPENAT_ENTRY = 2, OPENAT_EXIT, READ_ENTRY, READ_EXIT, EXECVE_ENTRY, EXECVE_EXIT, EXIT_ENTRY, NAMED, LIBC };

static void calls_metadata(const play *p) {
        play_metadata(p, "",
                      "typealias integer { size = 64; align = 8; signed = true; } := int64_t;"
                      "typealias integer { size = 64; align = 8; base = 16; } := address;"
                      "event { name = \"syscall_entry_openat\"; id = 2; stream_id = 1;"
                      "        fields := struct { uint64_t _dfd; address _filename; uint64_t _flags; }; };"
                      "event { name = \"syscall_exit_openat\"; id = 3; stream_id = 1; fields := struct { int64_t _ret; }; };"
                      "event { name = \"syscall_entry_read\"; id = 4; stream_id = 1; fields := struct { uint64_t _fd; }; };"
                      "event { name = \"syscall_exit_read\"; id = 5; stream_id = 1; fields := struct { int64_t _ret; }; };"
                      "event { name = \"syscall_entry_execve\"; id = 6; stream_id = 1;"
                      "        fields := struct { address _filename; address _argv; }; };"
                      "event { name = \"syscall_exit_execve\"; id = 7; stream_id = 1; fields := struct { int64_t _ret; }; };"
                      "event { name = \"syscall_entry_exit\"; id = 8; stream_id = 1; fields := struct { uint64_t _code; }; };"
                      "event { name = \"bpf_trace_printk\"; id = 9; stream_id = 1; fields := struct { string _s; }; };"
                      "event { name = \"libc:close\"; id = 10; stream_id = 1; fields := struct { uint64_t _fd; }; };");
}

static void add_numbers(GByteArray *events, unsigned id, uint64_t time, unsigned n, ...) {
        va_list numbers;

        play_compact(events, id, time);
        va_start(numbers, n);
        for (unsigned i = 0; i < n; i++)
                play_u64(events, va_arg(numbers, uint64_t));
        va_end(numbers);
}

static void add_name(GByteArray *events, uint64_t time, const char *name) {
        play_compact(events, NAMED, time);
        play_string(events, name);
}

/* Two threads in calls at the same time, names before and behind the begin, and all that may be missing. */
static play *play_calls(void) {
        g_autoptr(play) p = play_new();
        g_autoptr(GByteArray) events = play_events();

        calls_metadata(p);
        play_thread(events, 0, 7, 8);
        add_numbers(events, READ_EXIT, 1, 1, UINT64_C(5));
        add_numbers(events, OPENAT_ENTRY, 2, 3, UINT64_C(4294967196), UINT64_C(0x1000), UINT64_C(0x80000));
        play_thread(events, 3, 7, 9);
        add_numbers(events, READ_ENTRY, 4, 1, UINT64_C(3));
        play_thread(events, 5, 7, 8);
        add_name(events, 6, "tracectl0 /etc/\"x\"");
        add_numbers(events, OPENAT_EXIT, 1002, 1, (uint64_t) -2);
        add_numbers(events, OPENAT_ENTRY, 1003, 3, UINT64_C(3), UINT64_C(0x2000), UINT64_C(0));
        add_numbers(events, OPENAT_EXIT, 1004, 1, UINT64_C(0x7f0000000000));
        add_name(events, 1005, "tracectl0 /bin/true");
        add_numbers(events, EXECVE_ENTRY, 1006, 2, UINT64_C(0x10), UINT64_C(0x20));
        add_numbers(events, EXECVE_EXIT, 1007, 1, UINT64_C(0));
        add_name(events, 1008, "another's");
        add_numbers(events, LIBC, 1009, 1, UINT64_C(4));
        add_numbers(events, READ_ENTRY, 1010, 1, UINT64_C(4));
        add_numbers(events, READ_ENTRY, 1011, 1, UINT64_C(5));
        add_numbers(events, READ_EXIT, 1012, 1, (uint64_t) -512);
        add_numbers(events, EXIT_ENTRY, 1013, 1, UINT64_C(1));
        play_packet(p, "c_0", &(struct play_packet) {}, events);
        return g_steal_pointer(&p);
}

#define LINE(ns, tid, text) "13:46:40.00000" ns "  7/" tid "              " text "\n"

static void test_calls(void) {
        g_autoptr(play) p = play_calls();
        struct result result;

        assert_output(p, "text", "--calls",
                      LINE("0001", "8", "read(...) = 5")
                      LINE("1002", "8", "openat(dfd=-100, filename=\"/etc/\\\"x\\\"\", flags=0x80000) = -1 ENOENT <1.000us>")
                      LINE("1004", "8", "openat(dfd=3, filename=0x2000, flags=0) = 0x7f0000000000 <1ns>")
                      LINE("1007", "8", "execve(filename=\"/bin/true\", argv=0x20) = 0 <1ns>")
                      LINE("1008", "8", "bpf_trace_printk          s=\"another's\"")
                      LINE("1009", "8", "libc:close                fd=4")
                      LINE("1010", "8", "read(fd=4) = ? <unfinished>")
                      LINE("1012", "8", "read(fd=5) = -1 ERESTARTSYS <1ns>")
                      LINE("1013", "8", "exit(code=1) = ?")
                      LINE("0004", "9", "read(fd=3) = ? <unfinished>"));
        /* The names belong to the calls, and lines are looked at one by one. */
        run_tracectl(&result, "/", "view", p->directory, "--calls", "-e", "*openat*", "-g", "etc", NULL);
        g_assert_cmpstr(result.output, ==,
                        LINE("1002", "8", "openat(dfd=-100, filename=\"/etc/\\\"x\\\"\", flags=0x80000) = -1 ENOENT <1.000us>"));
        result_done(&result);
        run_tracectl(&result, "/", "view", p->directory, "--calls", "-g", "fd=5", NULL);
        g_assert_cmpstr(result.output, ==, LINE("1012", "8", "read(fd=5) = -1 ERESTARTSYS <1ns>"));
        result_done(&result);
}

#define CALL(ns, call, tid) \
        "{\"time\":\"1970-01-12T13:46:40.00000" ns "Z\",\"timestamp\":\"100000000000" ns "\",\"call\":\"" call "\"," \
        "\"pid\":7,\"tid\":" tid ",\"cpu\":0"

static void test_calls_json(void) {
        g_autoptr(play) p = play_calls();
        struct result result;

        run_tracectl(&result, "/", "view", p->directory, "--calls", "-o", "json", "-e", "*openat*", NULL);
        g_assert_cmpstr(result.errors, ==, "");
        g_assert_nonnull(strstr(result.output,
                                CALL("1002", "openat", "8") ",\"duration\":1000,\"names\":[\"/etc/\\u0022x\\u0022\"],"
                                "\"arguments\":{\"dfd\":4294967196,\"filename\":4096,\"flags\":524288},\"result\":-2,"
                                "\"error\":\"ENOENT\"}\n"));
        result_done(&result);
        run_tracectl(&result, "/", "view", p->directory, "--calls", "-o", "json", NULL);
        g_assert_true(g_str_has_prefix(result.output, CALL("0001", "read", "8") ",\"result\":5}\n"));
        g_assert_nonnull(strstr(result.output, "\"event\":\"libc:close\""));
        g_assert_true(g_str_has_suffix(result.output, CALL("0004", "read", "9") ",\"names\":[],\"arguments\":{\"fd\":3},"
                                                      "\"unfinished\":true}\n"));
        result_done(&result);
}

/* More threads in calls than are kept: each is shown once, whole or not. */
static void test_calls_many(void) {
        enum { THREADS = 5000 };
        g_autoptr(play) p = play_new();
        g_autoptr(GByteArray) events = play_events();
        unsigned n_whole = 0, n_unfinished = 0, n_ends = 0;
        struct result result;

        calls_metadata(p);
        for (uint64_t i = 0; i < 2 * THREADS; i++) {
                play_thread(events, 2 * i, 7, (int32_t) (i % THREADS) + 1);
                add_numbers(events, i < THREADS ? READ_ENTRY : READ_EXIT, 2 * i + 1, 1, i % THREADS);
        }
        play_packet(p, "c_0", &(struct play_packet) {}, events);
        run_tracectl(&result, "/", "view", p->directory, "--calls", NULL);
        for (const char *s = result.output; (s = strstr(s, "read(")); s++) {
                bool is_begun = strncmp(s, "read(...)", 9) != 0;
                const char *end = strchr(s, '\n');

                n_ends += !is_begun;
                n_unfinished += is_begun && strncmp(end - 12, "<unfinished>", 12) == 0;
                n_whole += is_begun && strncmp(end - 12, "<unfinished>", 12) != 0;
        }
        g_assert_cmpuint(n_unfinished, ==, n_ends);
        g_assert_cmpuint(n_unfinished, >, 0);
        g_assert_cmpuint(n_whole + n_unfinished, ==, THREADS);
        result_done(&result);
}

static void test_calls_alone(void) {
        static const struct {
                const char *option, *value, *name;
        } others[] = {
                { "--follow", NULL, "--follow" },           { "--durations", NULL, "--durations" },
                { "--uncertain", NULL, "--uncertain" },     { "--filter", "ret < 0", "--filter" },
                { "--output", "html", "the output html" },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(others); i++) {
                g_autofree char *said = g_strdup_printf(
                        "tracectl: --calls makes one line of two events; it goes without %s\n", others[i].name);
                struct result result;

                run_tracectl(&result, "/", "view", "--calls", others[i].option, others[i].value, NULL);
                g_assert_cmpint(result.status, ==, 2);
                g_assert_cmpstr(result.errors, ==, said);
                result_done(&result);
        }
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
        g_test_add_func("/outputs/calls", test_calls);
        g_test_add_func("/outputs/calls/json", test_calls_json);
        g_test_add_func("/outputs/calls/many", test_calls_many);
        g_test_add_func("/outputs/calls/alone", test_calls_alone);
        g_test_add_func("/outputs/unknown", test_unknown);
        g_test_add_func("/outputs/file", test_file);
        return g_test_run();
}
