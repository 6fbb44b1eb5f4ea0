/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Of which process the kernel's events are. */

#include <glib.h>
#include <stdbool.h>
#include <string.h>

#include "client/libtracectl-read/tracectl-read.h"
#include "play-trace.h"

#define EPOCH INT64_C(1000000000000000) /* of the clock in PLAY_METADATA */
#define STREAM 2

enum { STATE = 1, SYSCALL, NEW, FORK, FORK_OF_LTTNG, EXEC, PRINT };

G_DEFINE_AUTOPTR_CLEANUP_FUNC(tracectl_reader, tracectl_reader_free)

/* tid: the type of the context. */
static void describe(const play *p, const char *name, const char *domain, const char *tid) {
        g_autofree char *more = g_strdup_printf(
                "env { domain = \"%s\"; };\n"
                "stream { id = 2; event.header := struct event_header; packet.context := struct packet_context;\n"
                "        event.context := struct { %s _tid; }; };\n"
                "event { name = \"lttng_statedump_process_state\"; id = 1; stream_id = 2;\n"
                "        fields := struct { int32_t _tid; int32_t _pid; }; };\n"
                "event { name = \"syscall_entry_read\"; id = 2; stream_id = 2; fields := struct { uint64_t _fd; }; };\n"
                "event { name = \"task_newtask\"; id = 3; stream_id = 2;\n"
                "        fields := struct { int32_t _pid; uint64_t _clone_flags; }; };\n"
                "event { name = \"sched_process_fork\"; id = 4; stream_id = 2;\n"
                "        fields := struct { int32_t _parent_tid; int32_t _child_tid; }; };\n"
                "event { name = \"sched_process_fork\"; id = 5; stream_id = 2;\n"
                "        fields := struct { int32_t _child_tid; int32_t _child_pid; }; };\n"
                "event { name = \"sched_process_exec\"; id = 6; stream_id = 2;\n"
                "        fields := struct { int32_t _tid; int32_t _old_pid; }; };\n"
                "event { name = \"bpf_trace_printk\"; id = 7; stream_id = 2; fields := struct { string _bpf_string; }; };\n",
                domain, tid);

        play_metadata(p, name, more);
}

#define TID_24 "integer { size = 24; align = 8; signed = true; }"
#define TID_32 "int32_t"

static void begin(GByteArray *events, unsigned size, uint32_t id, uint64_t time, uint32_t tid) {
        play_compact(events, id, time);
        for (unsigned i = 0; i < size; i += 8)
                play_u8(events, (uint8_t) (tid >> i));
}

static void put_call(GByteArray *events, unsigned size, uint64_t time, uint32_t tid) {
        begin(events, size, SYSCALL, time, tid);
        play_u64(events, 0);
}

static void put_numbers(GByteArray *events, unsigned size, uint32_t id, uint64_t time, uint32_t by, uint32_t first,
                        uint32_t second) {
        begin(events, size, id, time, by);
        play_u32(events, first);
        play_u32(events, second);
}

static void put_packet(const play *p, const char *stream, uint32_t cpu, const GByteArray *events) {
        play_packet(p, stream, &(struct play_packet) { .stream_id = STREAM, .cpu = cpu }, events);
}

/* Of the system calls, by batch or one by one: time, and who. */
static void assert_threads(const play *p, bool by_batch, const char *expected) {
        g_autoptr(GString) text = g_string_new("");
        g_autoptr(tracectl_reader) reader = NULL;
        tracectl_reader_batch *batch;
        tracectl_reader_event *event;

        g_assert_cmpint(tracectl_reader_new(&reader), ==, 0);
        g_assert_cmpint(tracectl_reader_open(reader, p->directory), ==, 0);
        g_assert_cmpint(tracectl_reader_batch_new(&batch), ==, 0);
        if (by_batch)
                g_assert_cmpint(tracectl_reader_fill_batch(reader, batch), ==, 1);
        while (by_batch ? (event = tracectl_reader_batch_next(batch)) != NULL :
                          tracectl_reader_next(reader, &event) > 0) {
                int64_t time = tracectl_reader_event_get_time(event) - EPOCH;
                int32_t pid, tid;

                if (!g_str_has_prefix(tracectl_reader_event_get_name(event), "syscall"))
                        continue;
                if (tracectl_reader_event_get_thread(event, &pid, &tid) > 0)
                        g_string_append_printf(text, "%d:%d/%d ", (int) time, (int) pid, (int) tid);
                else
                        g_string_append_printf(text, "%d:- ", (int) time);
        }
        tracectl_reader_batch_free(batch);
        g_assert_cmpstr(text->str, ==, expected);
}

/* The dump is in one processor's stream, later than what another one's begins with. */
static void make_trace(const play *p, const char *tid, unsigned size) {
        g_autoptr(GByteArray) dump = play_events(), first = play_events(), second = play_events();

        describe(p, "", "kernel", tid);
        put_numbers(dump, size, STATE, 20, 0, 7, 7);
        put_numbers(dump, size, STATE, 20, 0, 8, 7);
        put_numbers(dump, size, STATE, 20, 0, 9, 9);
        put_packet(p, "c_0", 0, dump);
        put_call(first, size, 30, 7);
        put_numbers(first, size, EXEC, 40, 8, 8, 8); /* is 8 from now on, whoever it was */
        put_call(first, size, 50, 8);
        put_call(first, size, 60, 0);
        put_packet(p, "c_0", 0, first);
        put_call(second, size, 10, 8);
        put_call(second, size, 11, 5);
        put_call(second, size, 45, 8);
        put_packet(p, "c_1", 1, second);
}

static void test_state(void) {
        static const char expected[] = "10:7/8 11:-1/5 30:7/7 45:8/8 50:8/8 60:0/0 ";

        for (unsigned size = 24; size <= 32; size += 8) {
                g_autoptr(play) p = play_new();

                make_trace(p, size == 24 ? TID_24 : TID_32, size);
                assert_threads(p, false, expected);
                assert_threads(p, true, expected);
        }
}

/* Threads that begin are learned of in the order of time, whichever stream says it. */
static void test_news(void) {
        g_autoptr(GByteArray) first = play_events(), second = play_events();
        g_autoptr(play) p = play_new();

        describe(p, "", "kernel", TID_24);
        put_numbers(first, 24, FORK_OF_LTTNG, 10, 3, 4, 4);
        begin(first, 24, NEW, 20, 4); /* a thread of 4 */
        play_u32(first, 5);
        play_u64(first, 0x10000);
        begin(first, 24, NEW, 30, 5); /* a process */
        play_u32(first, 6);
        play_u64(first, 0);
        put_numbers(first, 24, FORK, 31, 5, 5, 6);
        put_packet(p, "c_0", 0, first);
        put_call(second, 24, 5, 5);
        put_call(second, 24, 15, 4);
        put_call(second, 24, 25, 5);
        put_call(second, 24, 35, 6);
        put_packet(p, "c_1", 1, second);
        assert_threads(p, false, "5:-1/5 15:4/4 25:4/5 35:6/6 ");
        assert_threads(p, true, "5:-1/5 15:4/4 25:4/5 35:6/6 ");
}

static void put_print(GByteArray *events, uint64_t time, uint32_t by, const char *what) {
        begin(events, 24, PRINT, time, by);
        g_byte_array_append(events, (const guint8 *) what, (guint) strlen(what) + 1);
}

/* What tracectl's programs in the kernel print of them; not what is like it. */
static void test_printed(void) {
        g_autoptr(GByteArray) events = play_events();
        g_autoptr(play) p = play_new();

        describe(p, "", "kernel", TID_24);
        put_print(events, 10, 3, "tracectl+4 3");
        put_call(events, 24, 11, 4);
        put_print(events, 12, 3, "tracectl+5 5");
        put_call(events, 24, 13, 5);
        put_print(events, 14, 3, "tracectl+6 6 ");
        put_print(events, 15, 3, "tracectl0 +6 6");
        put_print(events, 16, 3, "other+6 6");
        put_print(events, 17, 3, "tracectl+6");
        put_print(events, 18, 3, "tracectl+6 99999999999999999999999");
        put_call(events, 24, 19, 6);
        put_packet(p, "c_0", 0, events);
        assert_threads(p, false, "11:3/4 13:5/5 19:-1/6 ");
        assert_threads(p, true, "11:3/4 13:5/5 19:-1/6 ");
}

/* A number that somebody else may have now is nobody's. */
static void test_used_again(void) {
        g_autoptr(GByteArray) events = play_events();
        g_autoptr(play) p = play_new();

        describe(p, "", "kernel", TID_24);
        put_numbers(events, 24, STATE, 10, 0, 8, 7);
        put_call(events, 24, 11, 8);
        put_numbers(events, 24, FORK, 12, 3, 3, 8);
        put_call(events, 24, 13, 8);
        put_packet(p, "c_0", 0, events);
        assert_threads(p, false, "11:7/8 13:-1/8 ");
}

/* Chunks of a trace are one trace; numbers that no thread can have do no harm. */
static void test_chunks(void) {
        g_autoptr(GByteArray) first = play_events(), second = play_events();
        g_autoptr(play) p = play_new();

        describe(p, "1", "kernel", TID_32);
        describe(p, "2", "kernel", TID_32);
        put_numbers(first, 32, STATE, 10, 0, 8, 7);
        put_numbers(first, 32, STATE, 10, 0, 0x7fffffff, 7);
        put_numbers(first, 32, STATE, 10, 0, 0xffffffff, 7);
        put_numbers(first, 32, STATE, 10, 0, 9, 0x7fffffff);
        put_numbers(first, 32, STATE, 10, 0, 10, 0x80000000);
        put_packet(p, "1/c_0", 0, first);
        put_call(second, 32, 20, 8);
        put_call(second, 32, 21, 9);
        put_call(second, 32, 22, 10);
        put_call(second, 32, 23, 0x7fffffff);
        put_call(second, 32, 24, 0x80000000);
        put_packet(p, "2/c_0", 0, second);
        assert_threads(p, false, "20:7/8 21:-1/9 22:-1/10 23:-1/2147483647 24:-1/-2147483648 ");
}

/* A context of this name in a program's trace is only that. */
static void test_programs(void) {
        g_autoptr(GByteArray) events = play_events();
        g_autoptr(play) p = play_new();

        describe(p, "", "ust", TID_32);
        put_call(events, 32, 10, 8);
        put_packet(p, "c_0", 0, events);
        assert_threads(p, false, "10:- ");
}

int main(int argc, char *argv[]) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/threads/state", test_state);
        g_test_add_func("/threads/news", test_news);
        g_test_add_func("/threads/printed", test_printed);
        g_test_add_func("/threads/used-again", test_used_again);
        g_test_add_func("/threads/chunks", test_chunks);
        g_test_add_func("/threads/programs", test_programs);
        return g_test_run();
}
