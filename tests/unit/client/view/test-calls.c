/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* view --calls, byte by byte. */

#include <glib.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>
#include <sys/utsname.h>

#include "run-tracectl.h"
#include "spans.h"

enum { OPENAT_ENTRY = 2, OPENAT_EXIT, READ_ENTRY, READ_EXIT, EXECVE_ENTRY, EXECVE_EXIT, EXIT_ENTRY, NAMED, LIBC, PIPE_ENTRY, PIPE_EXIT };

/* machine: that the trace says it was recorded on. */
static void calls_metadata(const play *p, const char *machine) {
        g_autofree char *text = g_strdup_printf("env { machine = \"%s\"; }; %s", machine,
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
                      "event { name = \"libc:close\"; id = 10; stream_id = 1; fields := struct { uint64_t _fd; }; };"
                      "event { name = \"syscall_entry_pipe\"; id = 11; stream_id = 1;"
                      "        fields := struct { address _fildes; }; };"
                      "event { name = \"syscall_exit_pipe\"; id = 12; stream_id = 1; fields := struct { int64_t _ret; }; };");

        play_metadata(p, "", text);
}

static void own_calls_metadata(const play *p) {
        struct utsname own;

        g_assert_cmpint(uname(&own), ==, 0);
        calls_metadata(p, own.machine);
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

        own_calls_metadata(p);
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

static void test_lines(void) {
        g_autoptr(play) p = play_calls();
        struct result result;

        assert_output(p->directory, "text", "--calls",
                      LINE("0001", "8", "read(...) = 5")
                      LINE("1002", "8", "openat(dfd=AT_FDCWD, filename=\"/etc/\\\"x\\\"\", flags=O_RDONLY|O_CLOEXEC) = -1 ENOENT <1.000us>")
                      LINE("1004", "8", "openat(dfd=3, filename=0x2000, flags=O_RDONLY) = 0x7f0000000000 <1ns>")
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
                        LINE("1002", "8", "openat(dfd=AT_FDCWD, filename=\"/etc/\\\"x\\\"\", flags=O_RDONLY|O_CLOEXEC) = -1 ENOENT <1.000us>"));
        result_done(&result);
        run_tracectl(&result, "/", "view", p->directory, "--calls", "-g", "fd=5", NULL);
        g_assert_cmpstr(result.output, ==, LINE("1012", "8", "read(fd=5) = -1 ERESTARTSYS <1ns>"));
        result_done(&result);
}

/* What a descriptor is, in a process, its child, and after another program; what tells it is no line of its own. */
static void test_descriptors(void) {
        g_autoptr(play) p = play_new();
        g_autoptr(GByteArray) events = play_events();
        struct result result;

        own_calls_metadata(p);
        play_thread(events, 0, 7, 8);
        add_numbers(events, OPENAT_ENTRY, 1, 3, (uint64_t) -100, UINT64_C(0x10), UINT64_C(0));
        add_name(events, 2, "tracectl0 a");
        add_numbers(events, OPENAT_EXIT, 3, 1, UINT64_C(3));
        add_numbers(events, PIPE_ENTRY, 4, 1, UINT64_C(0x20));
        add_name(events, 5, "tracectl=4 5");
        add_numbers(events, PIPE_EXIT, 6, 1, UINT64_C(0));
        add_name(events, 7, "tracectl+9 9");
        add_name(events, 8, "tracectl=4");
        play_thread(events, 9, 9, 9);
        add_numbers(events, READ_ENTRY, 10, 1, UINT64_C(3));
        add_numbers(events, READ_EXIT, 11, 1, UINT64_C(0));
        add_numbers(events, EXECVE_ENTRY, 12, 2, UINT64_C(0x10), UINT64_C(0x20));
        add_numbers(events, EXECVE_EXIT, 13, 1, UINT64_C(0));
        add_numbers(events, READ_ENTRY, 14, 1, UINT64_C(4));
        add_numbers(events, READ_EXIT, 15, 1, UINT64_C(0));
        play_packet(p, "c_0", &(struct play_packet) {}, events);
        assert_output(p->directory, "text", "--calls",
                      LINE("0003", "8", "openat(dfd=AT_FDCWD, filename=\"a\", flags=O_RDONLY) = 3<a> <2ns>")
                      LINE("0006", "8", "pipe(fildes=[4, 5]) = 0 <2ns>")
                      LINE("0008", "8", "bpf_trace_printk          s=\"tracectl=4\"")
                      "13:46:40.000000011  9/9              read(fd=3<a>) = 0 <1ns>\n"
                      "13:46:40.000000013  9/9              execve(filename=0x10, argv=0x20) = 0 <1ns>\n"
                      "13:46:40.000000015  9/9              read(fd=4<pipe:1>) = 0 <1ns>\n");
        /* Not all calls are looked at: what these have told may not be so any more. */
        run_tracectl(&result, "/", "view", p->directory, "--calls", "-e", "*openat*", "-e", "*read*", NULL);
        g_assert_cmpstr(result.output, ==,
                        LINE("0003", "8", "openat(dfd=AT_FDCWD, filename=\"a\", flags=O_RDONLY) = 3 <2ns>")
                        LINE("0008", "8", "bpf_trace_printk          s=\"tracectl=4\"")
                        "13:46:40.000000011  9/9              read(fd=3) = 0 <1ns>\n"
                        "13:46:40.000000015  9/9              read(fd=4) = 0 <1ns>\n");
        result_done(&result);
}

/* Nor where some were lost. */
static void test_lost(void) {
        g_autoptr(play) p = play_new();
        g_autoptr(GByteArray) first = play_events(), second = play_events();
        struct result result;

        own_calls_metadata(p);
        play_thread(first, 0, 7, 8);
        add_numbers(first, OPENAT_ENTRY, 1, 3, (uint64_t) -100, UINT64_C(0x10), UINT64_C(0));
        add_name(first, 2, "tracectl0 a");
        add_numbers(first, OPENAT_EXIT, 3, 1, UINT64_C(3));
        add_numbers(first, READ_ENTRY, 4, 1, UINT64_C(3));
        add_numbers(first, READ_EXIT, 5, 1, UINT64_C(0));
        play_packet(p, "c_0", &(struct play_packet) { .end = 6 }, first);
        play_thread(second, 10, 7, 8);
        add_numbers(second, READ_ENTRY, 11, 1, UINT64_C(3));
        add_numbers(second, READ_EXIT, 12, 1, UINT64_C(0));
        add_numbers(second, READ_ENTRY, 13, 1, UINT64_C(3));
        add_numbers(second, READ_EXIT, 14, 1, UINT64_C(0));
        play_packet(p, "c_0", &(struct play_packet) { .sequence = 1, .begin = 10, .end = 14, .discarded = 1 }, second);
        run_tracectl(&result, "/", "view", p->directory, "--calls", NULL);
        g_assert_cmpstr(result.output, ==,
                        LINE("0003", "8", "openat(dfd=AT_FDCWD, filename=\"a\", flags=O_RDONLY) = 3<a> <2ns>")
                        LINE("0005", "8", "read(fd=3<a>) = 0 <1ns>")
                        LINE("0012", "8", "read(fd=3) = 0 <1ns>")
                        LINE("0014", "8", "read(fd=3) = 0 <1ns>"));
        result_done(&result);
}

/* The numbers of another kind of machine have no names here. */
static void test_foreign(void) {
        g_autoptr(play) p = play_new();
        g_autoptr(GByteArray) events = play_events();

        calls_metadata(p, "z80");
        play_thread(events, 0, 7, 8);
        add_numbers(events, OPENAT_ENTRY, 1, 3, (uint64_t) -100, UINT64_C(0x10), UINT64_C(0x80000));
        add_numbers(events, OPENAT_EXIT, 3, 1, UINT64_C(3));
        play_packet(p, "c_0", &(struct play_packet) {}, events);
        assert_output(p->directory, "text", "--calls",
                      LINE("0003", "8", "openat(dfd=AT_FDCWD, filename=0x10, flags=0x80000) = 3 <2ns>"));
}

#define CALL(ns, call, tid) \
        "{\"time\":\"1970-01-12T13:46:40.00000" ns "Z\",\"timestamp\":\"100000000000" ns "\",\"call\":\"" call "\"," \
        "\"pid\":7,\"tid\":" tid ",\"cpu\":0"

static void test_json(void) {
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
static void test_many(void) {
        enum { THREADS = 5000 };
        g_autoptr(play) p = play_new();
        g_autoptr(GByteArray) events = play_events();
        unsigned n_whole = 0, n_unfinished = 0, n_ends = 0;
        struct result result;

        own_calls_metadata(p);
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

static void test_alone(void) {
        static const struct {
                const char *option, *value, *name;
        } others[] = {
                { "--durations", NULL, "--durations" },
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

int main(int argc, char *argv[]) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/calls/lines", test_lines);
        g_test_add_func("/calls/descriptors", test_descriptors);
        g_test_add_func("/calls/lost", test_lost);
        g_test_add_func("/calls/foreign", test_foreign);
        g_test_add_func("/calls/json", test_json);
        g_test_add_func("/calls/many", test_many);
        g_test_add_func("/calls/alone", test_alone);
        return g_test_run();
}
