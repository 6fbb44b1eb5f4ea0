/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <string.h>

#include "tests/fuzz/reader-seeds.h"
#include "tests/unit/client/libtracectl-read/play-trace.h"

static const char COMPACT[] =
        "typealias integer { size = 8; align = 8; encoding = UTF8; } := char_t;"
        "event { name = \"t:text\"; id = 2; stream_id = 1; context := struct { int32_t _vpid; string _where; };"
        "fields := struct { uint32_t __t_length; char_t _t[__t_length]; uint16_t __a_length; int32_t _a[__a_length];"
        "char_t _padded[4]; string _s; enum : uint8_t { red, green } _c;"
        "floating_point { exp_dig = 8; mant_dig = 24; align = 8; } _f; }; };"
        "event { name = \"t:deep\"; id = 3; stream_id = 1; fields := struct { enum : uint8_t { one, two } _n;"
        "struct { uint8_t x; string y; } _in[_n]; uint5_t _bits; uint5_t _more;"
        "variant <_n> { uint8_t one; uint64_t two; } _v; }; };";

/* Another tracer's: no compact header, big endian, contexts of the stream. */
static const char PLAIN[] =
        "/* CTF 1.8 */ trace { major = 1; minor = 8; byte_order = be; packet.header := struct {"
        "integer { size = 32; align = 8; } magic; }; };"
        "clock { name = c; freq = 1000; };"
        "stream { event.header := struct { integer { size = 16; align = 8; } id;"
        "integer { size = 32; align = 8; map = clock.c.value; } timestamp; };"
        "event.context := struct { integer { size = 32; align = 32; signed = true; } vpid;"
        "integer { size = 32; align = 8; signed = true; } vtid; };"
        "packet.context := struct { integer { size = 32; align = 8; } content_size;"
        "integer { size = 32; align = 8; } packet_size; }; };"
        "event { name = \"p:e\"; id = 0; fields := struct { integer { size = 16; align = 16; } n;"
        "integer { size = 24; align = 8; base = 16; } m[2]; }; };";

/* The kernel's events, which tell what threads there are. */
static const char KERNEL[] =
        "env { domain = \"kernel\"; }; stream { id = 2; event.header := struct event_header;"
        "packet.context := struct packet_context; event.context := struct {"
        "integer { size = 24; align = 8; signed = true; } _tid; }; };"
        "event { name = \"lttng_statedump_process_state\"; id = 1; stream_id = 2;"
        "fields := struct { int32_t _tid; int32_t _pid; }; };"
        "event { name = \"task_newtask\"; id = 2; stream_id = 2;"
        "fields := struct { int32_t _pid; uint64_t _clone_flags; }; };"
        "event { name = \"sched_process_fork\"; id = 3; stream_id = 2;"
        "fields := struct { int32_t _child_tid; int32_t _child_pid; }; };"
        "event { name = \"sched_process_exec\"; id = 4; stream_id = 2; fields := struct { string _filename; }; };"
        "event { name = \"syscall_entry_read\"; id = 5; stream_id = 2; fields := struct { uint64_t _fd; }; };";

static GByteArray *join(const void *metadata, size_t n_metadata, const void *stream, size_t n_stream) {
        guint32 size = GUINT32_TO_LE((guint32) n_metadata);
        GByteArray *input = g_byte_array_new();

        g_byte_array_append(input, (const guint8 *) &size, sizeof(size));
        g_byte_array_append(input, metadata, (guint) n_metadata);
        return g_byte_array_append(input, stream, (guint) n_stream);
}

static void put_events(GByteArray *events, uint64_t time) {
        play_thread(events, time, 1, 2);
        play_compact(events, 1, time + 1);
        play_u64(events, 7);
        play_compact(events, 2, time + 2);
        play_u32(events, 3);
        play_string(events, "here");
        play_u32(events, 2);
        play_u16(events, 0x6161);
        play_u16(events, 1);
        play_u32(events, 4);
        play_u32(events, 0x00616161);
        play_string(events, "end");
        play_u8(events, 1);
        play_u32(events, 0x3fc00000);
        play_compact(events, 3, time + 3);
        play_u8(events, 1);
        play_u8(events, 5);
        play_string(events, "y");
        play_u16(events, 0x155);
        play_u64(events, 6);
        play_extended(events, 1, time + 1000);
        play_u64(events, 8);
}

/* What was played, as an input. */
static GByteArray *join_played(const play *p) {
        g_autofree char *metadata_path = play_path(p, "metadata"), *path = play_path(p, "c_0");
        g_autofree char *metadata = NULL, *stream = NULL;
        gsize n_metadata, n_stream;

        g_assert_true(g_file_get_contents(metadata_path, &metadata, &n_metadata, NULL));
        g_assert_true(g_file_get_contents(path, &stream, &n_stream, NULL));
        return join(metadata, n_metadata, stream, n_stream);
}

GByteArray *reader_seed_compact(void) {
        g_autoptr(play) p = play_new();

        play_metadata(p, "", COMPACT);
        for (unsigned i = 0; i < 3; i++) {
                g_autoptr(GByteArray) events = play_events();

                put_events(events, 1000 * i);
                play_packet(p, "c_0",
                            &(struct play_packet) { .begin = 1000 * i, .end = 1000 * i + 900, .sequence = i }, events);
        }
        return join_played(p);
}

static void begin_of(GByteArray *events, uint32_t id, uint64_t time, uint16_t tid) {
        play_compact(events, id, time);
        play_u16(events, tid);
        play_u8(events, 0);
}

static void put_call_of(GByteArray *events, uint64_t time, uint16_t tid) {
        begin_of(events, 5, time, tid);
        play_u64(events, 3);
}

GByteArray *reader_seed_kernel(void) {
        g_autoptr(GByteArray) events = play_events();
        g_autoptr(play) p = play_new();

        play_metadata(p, "", KERNEL);
        begin_of(events, 1, 10, 0);
        play_u32(events, 8);
        play_u32(events, 7);
        put_call_of(events, 20, 8);
        begin_of(events, 2, 30, 8);
        play_u32(events, 9);
        play_u64(events, 0x10000);
        begin_of(events, 3, 31, 8);
        play_u32(events, 9);
        play_u32(events, 7);
        put_call_of(events, 40, 9);
        begin_of(events, 4, 50, 9);
        play_string(events, "/bin/true");
        put_call_of(events, 60, 9);
        play_packet(p, "c_0", &(struct play_packet) { .begin = 10, .end = 60, .stream_id = 2 }, events);
        return join_played(p);
}

GByteArray *reader_seed_plain(void) {
        static const uint8_t stream[] = {
                0xc1, 0xfc, 0x1f, 0xc1, 0, 0, 1, 0x20, 0, 0, 1, 0x20, /* 36 bytes */
                0, 0, 0, 0, 0, 9, 0, 0, 0, 0, 0, 5, 0, 0, 0, 6, 0, 7, 1, 2, 3, 4, 5, 6,
        };

        return join(PLAIN, strlen(PLAIN), stream, sizeof(stream));
}
