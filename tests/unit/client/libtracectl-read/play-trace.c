/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <glib/gstdio.h>
#include <stdio.h>
#include <string.h>

#include "play-trace.h"
#include "protocol/ctf.h"

const char PLAY_METADATA[] =
        "/* CTF 1.8 */\n"
        "typealias integer { size = 8; align = 8; signed = false; } := uint8_t;\n"
        "typealias integer { size = 16; align = 8; signed = false; } := uint16_t;\n"
        "typealias integer { size = 32; align = 8; signed = false; } := uint32_t;\n"
        "typealias integer { size = 64; align = 8; signed = false; } := uint64_t;\n"
        "typealias integer { size = 32; align = 8; signed = true; } := int32_t;\n"
        "typealias integer { size = 5; align = 1; signed = false; } := uint5_t;\n"
        "trace { major = 1; minor = 8; uuid = \"" PLAY_UUID "\"; byte_order = le;\n"
        "        packet.header := struct { uint32_t magic; uint8_t uuid[16]; uint32_t stream_id; }; };\n"
        "clock { name = \"c\"; freq = 1000000000; offset_s = 1000000; offset = 0; absolute = true; };\n"
        "typealias integer { size = 27; align = 1; signed = false; map = clock.c.value; } := uint27_clock_t;\n"
        "typealias integer { size = 64; align = 8; signed = false; map = clock.c.value; } := uint64_clock_t;\n"
        "struct packet_context { uint64_clock_t timestamp_begin; uint64_clock_t timestamp_end;\n"
        "        uint64_t content_size; uint64_t packet_size; uint64_t packet_seq_num;\n"
        "        uint64_t events_discarded; uint32_t cpu_id; };\n"
        "struct event_header { enum : uint5_t { compact = 0 ... 30, extended = 31 } id;\n"
        "        variant <id> { struct { uint27_clock_t timestamp; } compact;\n"
        "        struct { uint32_t id; uint64_clock_t timestamp; } extended; } v; } align(8);\n"
        "stream { id = 1; event.header := struct event_header; packet.context := struct packet_context; };\n"
        "event { name = \"tracectl:thread\"; id = 0; stream_id = 1;\n"
        "        fields := struct { int32_t _pid; int32_t _tid; }; };\n"
        "event { name = \"t:number\"; id = 1; stream_id = 1; loglevel = 6; fields := struct { uint64_t _n; }; };\n";

play *play_new(void) {
        play *p = g_new0(play, 1);
        g_autoptr(GError) error = NULL;

        p->directory = g_dir_make_tmp("tracectl-read-XXXXXX", &error);
        g_assert_no_error(error);
        return p;
}

static void remove_tree(const char *path) {
        GDir *dir = g_dir_open(path, 0, NULL);

        if (dir) {
                const char *name;

                while ((name = g_dir_read_name(dir))) {
                        g_autofree char *below = g_build_filename(path, name, NULL);

                        if (g_file_test(below, G_FILE_TEST_IS_DIR) && !g_file_test(below, G_FILE_TEST_IS_SYMLINK))
                                remove_tree(below);
                        else
                                g_unlink(below);
                }
                g_dir_close(dir);
        }
        g_rmdir(path);
}

void play_free(play *p) {
        remove_tree(p->directory);
        g_free(p->directory);
        g_free(p);
}

char *play_path(const play *p, const char *name) {
        char *path = g_build_filename(p->directory, name, NULL);
        g_autofree char *parent = g_path_get_dirname(path);

        g_assert_cmpint(g_mkdir_with_parents(parent, 0700), ==, 0);
        return path;
}

void play_metadata(const play *p, const char *name, const char *more) {
        g_autofree char *file = g_build_filename(name, "metadata", NULL);
        g_autofree char *path = play_path(p, file);
        g_autofree char *text = g_strconcat(PLAY_METADATA, more, NULL);

        g_assert_true(g_file_set_contents(path, text, -1, NULL));
}

void play_packet(const play *p, const char *stream, const struct play_packet *packet, const GByteArray *events) {
        g_autofree char *path = play_path(p, stream);
        uint64_t bits = (sizeof(struct ctf_packet) + events->len + (uint64_t) packet->missing) * 8;
        struct ctf_packet header = {
                .magic = CTF_MAGIC,
                .stream_id = packet->stream_id ? packet->stream_id : 1,
                .timestamp_begin = packet->begin,
                .timestamp_end = packet->end,
                .content_size = bits,
                .packet_size = bits,
                .packet_seq_num = packet->sequence,
                .events_discarded = packet->discarded,
                .cpu_id = packet->cpu,
        };
        FILE *f = fopen(path, "ae");

        for (unsigned i = 0; i < 16; i++)
                header.uuid[i] = (uint8_t) (i * 0x11);
        g_assert_nonnull(f);
        g_assert_cmpuint(fwrite(&header, sizeof(header), 1, f), ==, 1);
        g_assert_cmpuint(fwrite(events->data, 1, events->len, f), ==, events->len);
        g_assert_cmpint(fclose(f), ==, 0);
}

GByteArray *play_events(void) {
        return g_byte_array_new();
}

static void put(GByteArray *events, const void *data, size_t size) {
        g_byte_array_append(events, data, (guint) size);
}

void play_u8(GByteArray *events, uint8_t value) {
        put(events, &value, sizeof(value));
}

void play_u16(GByteArray *events, uint16_t value) {
        put(events, &value, sizeof(value));
}

void play_u32(GByteArray *events, uint32_t value) {
        put(events, &value, sizeof(value));
}

void play_u64(GByteArray *events, uint64_t value) {
        put(events, &value, sizeof(value));
}

void play_string(GByteArray *events, const char *s) {
        put(events, s, strlen(s) + 1);
}

void play_compact(GByteArray *events, uint32_t id, uint64_t time) {
        play_u32(events, ctf_compact_header(id, time));
}

void play_extended(GByteArray *events, uint32_t id, uint64_t time) {
        play_u8(events, CTF_ID_EXTENDED);
        play_u32(events, id);
        play_u64(events, time);
}

void play_thread(GByteArray *events, uint64_t time, int32_t pid, int32_t tid) {
        play_compact(events, CTF_ID_THREAD, time);
        play_u32(events, (uint32_t) pid);
        play_u32(events, (uint32_t) tid);
}
