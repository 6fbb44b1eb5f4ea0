/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/libtracectl-read/tracectl-read.h"
#include "play-trace.h"
#include "protocol/ctf.h"
#include "protocol/ring.h"

#define EPOCH INT64_C(1000000000000000) /* of the clock in PLAY_METADATA */

G_DEFINE_AUTOPTR_CLEANUP_FUNC(tracectl_reader, tracectl_reader_free)

static void keep_report(const char *sentence, void *userdata) {
        g_string_append_printf(userdata, "%s\n", sentence);
}

static tracectl_reader *open_trace(const play *p, GString *reports) {
        tracectl_reader *reader;

        g_assert_cmpint(tracectl_reader_new(&reader), ==, 0);
        tracectl_reader_set_report(reader, keep_report, reports);
        if (tracectl_reader_open(reader, p->directory) < 0)
                g_error("%s", tracectl_reader_get_error(reader));
        return reader;
}

/* All events: time, the number, and who. */
static char *read_all(tracectl_reader *reader) {
        g_autoptr(GString) text = g_string_new("");
        tracectl_reader_event *event;
        int r;

        while ((r = tracectl_reader_next(reader, &event)) > 0) {
                const tracectl_field *field = tracectl_reader_event_next_field(event);
                int32_t pid = -1, tid = -1;

                tracectl_reader_event_get_thread(event, &pid, &tid);
                g_string_append_printf(text, "%" G_GINT64_FORMAT ":%" G_GUINT64_FORMAT "@%d/%d ",
                                       tracectl_reader_event_get_time(event) - EPOCH, field ? field->u : 0, pid, tid);
        }
        g_assert_cmpint(r, ==, 0);
        return g_string_free(g_steal_pointer(&text), FALSE);
}

static void put_number(GByteArray *events, uint64_t time, uint64_t n) {
        play_compact(events, 1, time);
        play_u64(events, n);
}

static void assert_events(const play *p, const char *expected, const char *expected_reports) {
        g_autoptr(GString) reports = g_string_new("");
        g_autoptr(tracectl_reader) reader = open_trace(p, reports);
        g_autofree char *text = read_all(reader);

        g_assert_cmpstr(text, ==, expected);
        if (expected_reports && *expected_reports)
                g_assert_nonnull(strstr(reports->str, expected_reports));
        else
                g_assert_cmpstr(reports->str, ==, "");
}

/* Streams of several traces become one sequence. */
static void test_merge(void) {
        g_autoptr(play) p = play_new();

        for (unsigned cpu = 0; cpu < 5; cpu++) {
                g_autoptr(GByteArray) events = play_events();
                g_autofree char *set = g_strdup_printf("user/%u", cpu % 2);
                g_autofree char *stream = g_strdup_printf("%s/c_%u", set, cpu);

                play_metadata(p, set, "");
                play_thread(events, cpu, 10, (int32_t) (10 + cpu));
                for (unsigned i = 0; i < 3; i++)
                        put_number(events, 100 * i + 10 * (5 - cpu), cpu);
                play_packet(p, stream, &(struct play_packet) { .cpu = cpu }, events);
        }
        assert_events(p,
                      "10:4@10/14 20:3@10/13 30:2@10/12 40:1@10/11 50:0@10/10 "
                      "110:4@10/14 120:3@10/13 130:2@10/12 140:1@10/11 150:0@10/10 "
                      "210:4@10/14 220:3@10/13 230:2@10/12 240:1@10/11 250:0@10/10 ", "");
}

/* The compact time wraps around, and the extended one starts it anew. */
static void test_times(void) {
        g_autoptr(play) p = play_new();
        g_autoptr(GByteArray) events = play_events();

        play_metadata(p, "", "");
        put_number(events, 134217726, 1);
        put_number(events, 134217730, 2);
        play_extended(events, 1, UINT64_C(1) << 40);
        play_u64(events, 3);
        put_number(events, (UINT64_C(1) << 40) + 5, 4);
        play_packet(p, "c_0", &(struct play_packet) { .begin = 134217000 }, events);
        assert_events(p, "134217726:1@-1/-1 134217730:2@-1/-1 1099511627776:3@-1/-1 1099511627781:4@-1/-1 ", "");
}

/* Who recorded what holds from packet to packet, but not over a gap. */
static void test_threads(void) {
        g_autoptr(play) p = play_new();
        g_autoptr(GByteArray) first = play_events(), second = play_events(), third = play_events();

        play_metadata(p, "", "");
        put_number(first, 1, 1);
        play_thread(first, 2, 7, 8);
        put_number(first, 3, 2);
        put_number(second, 11, 3);
        put_number(third, 21, 4);
        play_packet(p, "c_0", &(struct play_packet) { .begin = 0, .sequence = 5 }, first);
        play_packet(p, "c_0", &(struct play_packet) { .begin = 10, .sequence = 6 }, second);
        play_packet(p, "c_0", &(struct play_packet) { .begin = 20, .sequence = 9 }, third);
        assert_events(p, "1:1@-1/-1 3:2@7/8 11:3@7/8 21:4@-1/-1 ", "");
}

static void test_markers(void) {
        g_autoptr(play) p = play_new();
        g_autoptr(GByteArray) events = play_events();
        g_autoptr(GString) reports = g_string_new("");
        g_autoptr(tracectl_reader) reader = NULL;
        g_autofree char *text = NULL;

        play_metadata(p, "", "");
        play_thread(events, 1, 7, 8);
        put_number(events, 2, 5);
        play_packet(p, "c_0", &(struct play_packet) {}, events);
        reader = open_trace(p, reports);
        tracectl_reader_set_markers(reader, 1);
        text = read_all(reader);
        g_assert_cmpstr(text, ==, "1:7@7/8 2:5@7/8 ");
}

static void test_losses(void) {
        g_autoptr(play) p = play_new();
        g_autoptr(GByteArray) events = play_events();
        g_autoptr(GString) reports = g_string_new("");
        g_autoptr(tracectl_reader) reader = NULL;
        g_autofree char *text = NULL;

        play_metadata(p, "", "");
        put_number(events, 1, 1);
        play_packet(p, "c_0", &(struct play_packet) { .sequence = 0, .discarded = 3 }, events);
        play_packet(p, "c_0", &(struct play_packet) { .sequence = 1, .discarded = 3 }, events);
        play_packet(p, "c_0", &(struct play_packet) { .sequence = 5, .discarded = 10 }, events);
        play_packet(p, "c_1", &(struct play_packet) { .sequence = 0, .discarded = 100 }, events);
        reader = open_trace(p, reports);
        text = read_all(reader);
        g_assert_cmpuint(tracectl_reader_get_discarded(reader), ==, 110);
        g_assert_cmpuint(tracectl_reader_get_packets_lost(reader), ==, 3);
        g_assert_cmpuint(tracectl_reader_get_bytes_skipped(reader), ==, 0);
}

static void test_accessors(void) {
        g_autoptr(play) p = play_new();
        g_autoptr(GByteArray) events = play_events();
        g_autoptr(GString) reports = g_string_new("");
        g_autoptr(tracectl_reader) reader = NULL;
        tracectl_reader_event *event;

        play_metadata(p, "", "");
        put_number(events, 9, 1);
        play_packet(p, "c_3", &(struct play_packet) { .cpu = 3 }, events);
        reader = open_trace(p, reports);
        g_assert_cmpint(tracectl_reader_next(reader, &event), ==, 1);
        g_assert_cmpstr(tracectl_reader_event_get_name(event), ==, "t:number");
        g_assert_cmpstr(tracectl_reader_event_get_clock_name(event), ==, "c");
        g_assert_cmpuint(tracectl_reader_event_get_clock_frequency(event), ==, 1000000000);
        g_assert_cmpuint(tracectl_reader_event_get_ticks(event), ==, 9);
        g_assert_cmpint(tracectl_reader_event_get_cpu(event), ==, 3);
        g_assert_cmpint(tracectl_reader_event_get_loglevel(event), ==, 6);
        g_assert_true(g_str_has_suffix(tracectl_reader_event_get_stream(event), "/c_3"));
        g_assert_cmpint(tracectl_reader_open(reader, p->directory), ==, -EBUSY);
        g_assert_cmpint(tracectl_reader_next(reader, &event), ==, 0);
        g_assert_cmpint(tracectl_reader_next(reader, &event), ==, 0);
}

/* An event that is larger than what is read at once, in the middle of others. */
static void test_large_event(void) {
        g_autoptr(play) p = play_new();
        g_autoptr(GByteArray) events = play_events();
        g_autoptr(GString) reports = g_string_new("");
        g_autoptr(tracectl_reader) reader = NULL;
        const tracectl_field *field;
        tracectl_reader_event *event;
        uint64_t n = 0;

        play_metadata(p, "", "event { name = \"t:text\"; id = 2; stream_id = 1; fields := struct { uint32_t n;"
                             "integer { size = 8; encoding = UTF8; } _s[n]; string _z; }; };");
        for (unsigned i = 0; i < 40; i++) {
                g_autofree char *s = g_strnfill(i * 12345, (char) ('a' + i % 26));

                put_number(events, i * 2, i);
                play_compact(events, 2, i * 2 + 1);
                play_u32(events, i * 12345);
                g_byte_array_append(events, (const uint8_t *) s, i * 12345);
                play_string(events, s);
        }
        play_packet(p, "c_0", &(struct play_packet) {}, events);
        reader = open_trace(p, reports);
        while (tracectl_reader_next(reader, &event) > 0) {
                if (n % 2 == 1) {
                        g_assert_cmpuint(tracectl_reader_event_next_field(event)->is_length, ==, 1);
                        for (unsigned i = 0; i < 2; i++) {
                                field = tracectl_reader_event_next_field(event);
                                g_assert_cmpuint(field->string.size, ==, n / 2 * 12345);
                                for (size_t j = 0; j < field->string.size; j++)
                                        g_assert_cmpint(field->string.data[j], ==, (char) ('a' + n / 2 % 26));
                        }
                } else
                        g_assert_cmpuint(tracectl_reader_event_next_field(event)->u, ==, n / 2);
                n++;
        }
        g_assert_cmpuint(n, ==, 80);
        g_assert_cmpstr(reports->str, ==, "");
}

/* Many packets and windows: every event is there, in order. */
static void test_long_stream(void) {
        g_autoptr(play) p = play_new();
        g_autoptr(GString) reports = g_string_new("");
        g_autoptr(tracectl_reader) reader = NULL;
        tracectl_reader_event *event;
        uint64_t n = 0;

        play_metadata(p, "", "");
        for (unsigned k = 0; k < 30; k++) {
                g_autoptr(GByteArray) events = play_events();

                for (unsigned i = 0; i < 1000 * k; i++, n++)
                        put_number(events, n, n);
                play_packet(p, "c_0", &(struct play_packet) { .begin = n - 1000 * k, .sequence = k }, events);
        }
        reader = open_trace(p, reports);
        for (uint64_t i = 0; i < n; i++) {
                g_assert_cmpint(tracectl_reader_next(reader, &event), ==, 1);
                g_assert_cmpuint(tracectl_reader_event_next_field(event)->u, ==, i);
                g_assert_null(tracectl_reader_event_next_field(event));
                g_assert_cmpint(tracectl_reader_event_get_time(event), ==, EPOCH + (int64_t) i);
        }
        g_assert_cmpint(tracectl_reader_next(reader, &event), ==, 0);
        g_assert_cmpstr(reports->str, ==, "");
}

/* A file that ends anywhere: what is whole is read, and it is said that more is missing. */
static void test_truncated(void) {
        g_autoptr(GByteArray) events = play_events();
        size_t whole = sizeof(struct ctf_packet) + 2 * 12;

        put_number(events, 1, 1);
        put_number(events, 2, 2);
        for (size_t size = 1; size < whole; size++) {
                g_autoptr(play) p = play_new();
                g_autofree char *path = play_path(p, "c_0");
                bool is_cut = size > sizeof(struct ctf_packet);
                unsigned n = is_cut ? (unsigned) (size - sizeof(struct ctf_packet)) / 12 : 0;

                play_metadata(p, "", "");
                play_packet(p, "c_0", &(struct play_packet) {}, events);
                g_assert_cmpint(truncate(path, (off_t) size), ==, 0);
                assert_events(p, n == 1 ? "1:1@-1/-1 " : "",
                              size >= sizeof(struct ctf_packet) ? "the last packet is cut off" : "cannot be read");
        }
}

/* A packet that is broken inside costs what follows in it, and not the next. */
static void test_broken_packet(void) {
        g_autoptr(GByteArray) unknown = play_events(), shorter = play_events(), good = play_events();

        put_number(unknown, 1, 1);
        play_compact(unknown, 9, 2);
        put_number(unknown, 3, 3);
        put_number(shorter, 1, 1);
        play_compact(shorter, 1, 2);
        play_u32(shorter, 0);
        put_number(good, 5, 5);
        for (unsigned i = 0; i < 2; i++) {
                g_autoptr(play) p = play_new();

                play_metadata(p, "", "");
                play_packet(p, "c_0", &(struct play_packet) { .sequence = 0 }, i == 0 ? unknown : shorter);
                play_packet(p, "c_0", &(struct play_packet) { .sequence = 1 }, good);
                assert_events(p, "1:1@-1/-1 5:5@-1/-1 ", i == 0 ? "there is an event that the metadata does not have" :
                                                                 "what follows is no event");
        }
}

/* A packet whose place or end cannot be believed ends its file, and no other. */
static void test_broken_header(void) {
        static const struct {
                size_t offset;
                uint8_t byte;
                const char *sentence;
        } cases[] = {
                { offsetof(struct ctf_packet, magic), 1, "this is no packet of CTF" },
                { offsetof(struct ctf_packet, uuid) + 3, 1, "the packet is of another trace" },
                { offsetof(struct ctf_packet, stream_id), 9, "a stream that the metadata does not have" },
                { offsetof(struct ctf_packet, packet_size), 3, "the packet has sizes that make no sense" },
                { offsetof(struct ctf_packet, content_size) + 3, 1, "the packet has sizes that make no sense" },
                { offsetof(struct ctf_packet, content_size), 8, "the packet has sizes that make no sense" },
        };
        g_autoptr(GByteArray) events = play_events();

        put_number(events, 1, 1);
        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_autoptr(play) p = play_new();
                g_autofree char *path = play_path(p, "c_0"), *data = NULL;
                gsize size;

                play_metadata(p, "", "");
                play_packet(p, "c_0", &(struct play_packet) {}, events);
                play_packet(p, "c_1", &(struct play_packet) { .begin = 1 }, events);
                g_assert_true(g_file_get_contents(path, &data, &size, NULL));
                data[cases[i].offset] = (char) cases[i].byte;
                g_assert_true(g_file_set_contents(path, data, (gssize) size, NULL));
                assert_events(p, "1:1@-1/-1 ", cases[i].sentence);
        }
}

/* A sequence that says it has more elements than the packet has bits. */
static void test_hostile_length(void) {
        static const uint32_t lengths[] = { 2, 1000, UINT32_MAX };

        for (size_t i = 0; i < G_N_ELEMENTS(lengths); i++) {
                g_autoptr(play) p = play_new();
                g_autoptr(GByteArray) events = play_events();

                play_metadata(p, "", "event { name = \"t:a\"; id = 2; stream_id = 1; fields := struct { uint32_t n;"
                                     "uint64_t a[n]; }; };");
                put_number(events, 1, 1);
                play_compact(events, 2, 2);
                play_u32(events, lengths[i]);
                play_u64(events, 0);
                play_packet(p, "c_0", &(struct play_packet) {}, events);
                assert_events(p, "1:1@-1/-1 ", "what follows is no event");
        }
}

/* An alignment that leads out of the packet. */
static void test_hostile_alignment(void) {
        g_autoptr(play) p = play_new();
        g_autoptr(GByteArray) events = play_events();

        play_metadata(p, "", "event { name = \"t:a\"; id = 2; stream_id = 1; fields := struct { uint8_t n;"
                             "struct { } align(4096) a; }; };");
        put_number(events, 1, 1);
        play_compact(events, 2, 2);
        while ((sizeof(struct ctf_packet) + events->len) % 512 != 0)
                play_u8(events, 7);
        play_u8(events, 8);
        while ((sizeof(struct ctf_packet) + events->len) % 512 != 0)
                play_u8(events, 0);
        play_compact(events, 2, 3);
        play_u8(events, 9);
        play_packet(p, "c_0", &(struct play_packet) {}, events);
        assert_events(p, "1:1@-1/-1 2:8@-1/-1 ", "what follows is no event");
}

/* Elements without a bit of their own would fit into any packet, four thousand million times. */
static void test_endless_nothing(void) {
        g_autoptr(play) p = play_new();
        g_autoptr(GByteArray) events = play_events();

        play_metadata(p, "", "event { name = \"t:a\"; id = 2; stream_id = 1; fields := struct { uint32_t n;"
                             "struct { } a[n]; }; };");
        play_compact(events, 2, 2);
        play_u32(events, UINT32_MAX);
        play_packet(p, "c_0", &(struct play_packet) {}, events);
        assert_events(p, "", "an event is too large");
}

/* As large as a sub-buffer may be, wherever in its file it begins; what is larger than any window is told. */
static void test_largest(void) {
        g_autofree char *text = g_malloc0(RING_SUBBUF_SIZE_MAX + 1024);

        for (unsigned before = 0; before < 1024; before += 101) {
                const bool fits = before < 1010;
                size_t length = RING_SUBBUF_SIZE_MAX - CTF_COMPACT_SIZE - 2 + (fits ? 0 : 1024);
                g_autoptr(play) p = play_new();
                g_autoptr(GByteArray) events = play_events();

                play_metadata(p, "", "event { name = \"t:a\"; id = 2; stream_id = 1; fields := struct { uint8_t n;"
                                     "string text; }; };");
                memset(text, 'x', length);
                for (unsigned i = 0; i < 2; i++) {
                        size_t n = i ? length : before;

                        text[n] = '\0';
                        play_compact(events, 2, 2 + i);
                        play_u8(events, (uint8_t) (8 + i));
                        play_string(events, text);
                        text[n] = 'x';
                }
                play_packet(p, "c_0", &(struct play_packet) {}, events);
                assert_events(p, fits ? "2:8@-1/-1 3:9@-1/-1 " : "2:8@-1/-1 ", fits ? "" : "an event is too large");
        }
}

static void assert_refused(const char *path, int error, const char *sentence) {
        g_autoptr(tracectl_reader) reader = NULL;

        g_assert_cmpint(tracectl_reader_new(&reader), ==, 0);
        g_assert_null(tracectl_reader_get_error(reader));
        g_assert_cmpint(tracectl_reader_open(reader, path), ==, error);
        g_assert_nonnull(strstr(tracectl_reader_get_error(reader), sentence));
}

static void test_refused(void) {
        g_autoptr(play) p = play_new();
        g_autofree char *none = play_path(p, "none"), *file = play_path(p, "file"), *bad = play_path(p, "bad/metadata"),
                        *fifo = play_path(p, "fifo/metadata"), *bad_dir = g_path_get_dirname(bad),
                        *fifo_dir = g_path_get_dirname(fifo);

        assert_refused(none, -ENOENT, "No such file or directory");
        assert_refused(bad_dir, -ENODATA, "There is no trace in or below");
        g_assert_true(g_file_set_contents(file, "", -1, NULL));
        assert_refused(file, -ENOTDIR, "Not a directory");
        g_assert_true(g_file_set_contents(bad, "trace {", -1, NULL));
        assert_refused(bad_dir, -ENODATA, "bad/metadata, line 1: a name expected");
        g_assert_cmpint(mkfifo(fifo, 0600), ==, 0);
        assert_refused(fifo_dir, -ENODATA, "is no file");
}

/* One trace that cannot be read does not hide the others. */
static void test_one_of_two(void) {
        g_autoptr(play) p = play_new();
        g_autoptr(GByteArray) events = play_events();
        g_autofree char *bad = play_path(p, "a/metadata");

        g_assert_true(g_file_set_contents(bad, "nonsense", -1, NULL));
        play_metadata(p, "b", "");
        put_number(events, 1, 1);
        play_packet(p, "b/c_0", &(struct play_packet) {}, events);
        assert_events(p, "1:1@-1/-1 ", "a/metadata, line 1");
}

int main(int argc, char *argv[]) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/reader/merge", test_merge);
        g_test_add_func("/reader/times", test_times);
        g_test_add_func("/reader/threads", test_threads);
        g_test_add_func("/reader/markers", test_markers);
        g_test_add_func("/reader/losses", test_losses);
        g_test_add_func("/reader/accessors", test_accessors);
        g_test_add_func("/reader/large-event", test_large_event);
        g_test_add_func("/reader/long-stream", test_long_stream);
        g_test_add_func("/reader/truncated", test_truncated);
        g_test_add_func("/reader/broken-packet", test_broken_packet);
        g_test_add_func("/reader/broken-header", test_broken_header);
        g_test_add_func("/reader/hostile-length", test_hostile_length);
        g_test_add_func("/reader/hostile-alignment", test_hostile_alignment);
        g_test_add_func("/reader/endless-nothing", test_endless_nothing);
        g_test_add_func("/reader/largest", test_largest);
        g_test_add_func("/reader/refused", test_refused);
        g_test_add_func("/reader/one-of-two", test_one_of_two);
        return g_test_run();
}
