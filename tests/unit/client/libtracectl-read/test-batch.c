/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Batches, counts, streams without a merge and ranges of time, against what
 * tracectl_reader_next() says of the same trace: several streams, events with
 * and without a layout, larger than a batch, at equal times, and broken ones.
 */

#include <glib.h>
#include <stdbool.h>
#include <string.h>

#include "client/libtracectl-read/tracectl-read.h"
#include "play-trace.h"
#include "protocol/ctf.h"

G_DEFINE_AUTOPTR_CLEANUP_FUNC(tracectl_reader, tracectl_reader_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(tracectl_reader_batch, tracectl_reader_batch_free)

#define EPOCH (INT64_C(1000000) * 1000000000)

static const char MORE[] =
        "typealias integer { size = 8; align = 8; encoding = UTF8; } := char_t;"
        /* With a layout. */
        "event { name = \"t:text\"; id = 2; stream_id = 1; context := struct { int32_t _vpid; string _where; };"
        "fields := struct { uint32_t __t_length; char_t _t[__t_length]; uint16_t __a_length; int32_t _a[__a_length];"
        "char_t _padded[4]; string _s;"
        "enum : uint8_t { red, green } _c; floating_point { exp_dig = 8; mant_dig = 24; align = 8; } _f; }; };"
        /* Without. */
        "event { name = \"t:deep\"; id = 3; stream_id = 1; fields := struct { uint8_t _n;"
        "struct { uint8_t x; string y; } _in[_n]; uint5_t _bits; uint5_t _more; }; };";

static void put_text(GByteArray *events, uint64_t time, unsigned i, unsigned size) {
        play_compact(events, 2, time);
        play_u32(events, i);
        play_string(events, i % 2 ? "here" : "");
        play_u32(events, size);
        for (unsigned j = 0; j < size; j++)
                play_u8(events, (uint8_t) ('a' + j % 26));
        play_u16(events, (uint16_t) (i % 4));
        for (unsigned j = 0; j < i % 4; j++)
                play_u32(events, (uint32_t) -(int32_t) j);
        play_u32(events, 0x00616161);
        play_string(events, "end");
        play_u8(events, i % 3);
        play_u32(events, 0x3fc00000); /* 1.5 */
}

static void put_deep(GByteArray *events, uint64_t time, unsigned n) {
        play_compact(events, 3, time);
        play_u8(events, (uint8_t) n);
        for (unsigned j = 0; j < n; j++) {
                play_u8(events, (uint8_t) j);
                play_string(events, "deep");
        }
        play_u16(events, 0x155);
}

/* Streams that overlap, and agree on some times; the last packet of one is broken. */
static play *make_trace(void) {
        GRand *rand = g_rand_new_with_seed(5);
        play *p = play_new();

        play_metadata(p, "", MORE);
        for (unsigned stream = 0; stream < 3; stream++) {
                g_autofree char *name = g_strdup_printf("c_%u", stream);
                uint64_t time = 0;

                for (unsigned packet = 0; packet < 6; packet++) {
                        g_autoptr(GByteArray) events = play_events();
                        uint64_t begin = time;

                        /* A packet need not say whose events it begins with. */
                        if (packet % 2 == 0)
                                play_thread(events, time, (int32_t) (100 + packet), (int32_t) stream);
                        for (unsigned i = 0; i < 600; i++) {
                                time += (uint64_t) g_rand_int_range(rand, 0, 3);
                                if (i % 5 == 1)
                                        put_text(events, time, i, i == 301 ? 100000 : i % 50);
                                else if (i % 5 == 2)
                                        put_deep(events, time, i % 7);
                                else {
                                        play_compact(events, 1, time);
                                        play_u64(events, i);
                                }
                        }
                        if (stream == 1 && packet == 5) {
                                play_compact(events, 29, time);
                                play_u64(events, 0);
                        }
                        play_packet(p, name,
                                    &(struct play_packet) { .begin = begin, .end = time, .sequence = packet }, events);
                }
        }
        g_rand_free(rand);
        return p;
}

static void add_fields(GString *text, tracectl_reader_event *event, enum tracectl_field_scope scope) {
        const tracectl_field *field;

        tracectl_reader_event_rewind(event, scope);
        while ((field = tracectl_reader_event_next_field(event))) {
                g_string_append_printf(text, " %d", field->type);
                g_string_append_len(text, field->name, (gssize) field->name_size);
                if (field->type == TRACECTL_FIELD_STRING)
                        g_string_append_len(text, field->string.data, (gssize) field->string.size);
                else if (field->type == TRACECTL_FIELD_DOUBLE)
                        g_string_append_printf(text, "=%g", field->d);
                else if (field->type <= TRACECTL_FIELD_SIGNED)
                        g_string_append_printf(text, "=%" G_GUINT64_FORMAT "/%u/%u/%u/%s", field->u, field->bits,
                                               field->base, field->is_length, field->label ? field->label : "-");
        }
}

static char *describe(tracectl_reader_event *event) {
        GString *text = g_string_new(tracectl_reader_event_get_name(event));
        int32_t pid = -1, tid = -1;

        tracectl_reader_event_get_thread(event, &pid, &tid);
        g_string_append_printf(text, " %" G_GINT64_FORMAT " %" G_GUINT64_FORMAT " %d/%d %d %s",
                               tracectl_reader_event_get_time(event), tracectl_reader_event_get_ticks(event), pid, tid,
                               tracectl_reader_event_get_cpu(event), tracectl_reader_event_get_stream(event));
        add_fields(text, event, TRACECTL_SCOPE_CONTEXT);
        add_fields(text, event, TRACECTL_SCOPE_FIELDS);
        return g_string_free(text, FALSE);
}

static tracectl_reader *open_trace(const play *p) {
        tracectl_reader *reader;

        g_assert_cmpint(tracectl_reader_new(&reader), ==, 0);
        g_assert_cmpint(tracectl_reader_open(reader, p->directory), ==, 0);
        return reader;
}

/* Lines, which the array owns. */
static GPtrArray *read_singly(tracectl_reader *reader) {
        GPtrArray *lines = g_ptr_array_new_with_free_func(g_free);
        tracectl_reader_event *event;

        while (tracectl_reader_next(reader, &event) > 0)
                g_ptr_array_add(lines, describe(event));
        return lines;
}

/* Two batches in turn, each read when the other has been filled: they must not depend on where the reader is. */
static GPtrArray *read_batches(tracectl_reader *reader) {
        GPtrArray *lines = g_ptr_array_new_with_free_func(g_free);
        g_autoptr(tracectl_reader_batch) now = NULL, next = NULL;
        tracectl_reader_event *event;
        int r = 1;

        g_assert_cmpint(tracectl_reader_batch_new(&now), ==, 0);
        g_assert_cmpint(tracectl_reader_batch_new(&next), ==, 0);
        while (r > 0) {
                tracectl_reader_batch *full = next;

                r = tracectl_reader_fill_batch(reader, next);
                while ((event = tracectl_reader_batch_next(now)))
                        g_ptr_array_add(lines, describe(event));
                next = now;
                now = full;
        }
        g_assert_cmpint(r, ==, 0);
        g_assert_null(tracectl_reader_batch_next(now));
        return lines;
}

static void assert_same(const GPtrArray *a, const GPtrArray *b) {
        for (unsigned i = 0; i < MIN(a->len, b->len); i++)
                g_assert_cmpstr(a->pdata[i], ==, b->pdata[i]);
        g_assert_cmpuint(a->len, ==, b->len);
}

static void test_batches(void) {
        g_autoptr(play) p = make_trace();
        g_autoptr(tracectl_reader) one = open_trace(p), two = open_trace(p);
        g_autoptr(GPtrArray) singly = read_singly(one), batches = read_batches(two);

        g_assert_cmpuint(singly->len, ==, 3 * 6 * 600);
        assert_same(singly, batches);
        g_assert_cmpuint(tracectl_reader_get_bytes_skipped(one), >, 0);
        g_assert_cmpuint(tracectl_reader_get_bytes_skipped(two), ==, tracectl_reader_get_bytes_skipped(one));
}

/* One after the other, in turn by both ways. */
static void test_mixed(void) {
        g_autoptr(play) p = make_trace();
        g_autoptr(tracectl_reader) one = open_trace(p), two = open_trace(p);
        g_autoptr(GPtrArray) singly = read_singly(one), mixed = g_ptr_array_new_with_free_func(g_free);
        g_autoptr(tracectl_reader_batch) batch = NULL;
        tracectl_reader_event *event;

        g_assert_cmpint(tracectl_reader_batch_new(&batch), ==, 0);
        while (tracectl_reader_next(two, &event) > 0) {
                g_ptr_array_add(mixed, describe(event));
                if (tracectl_reader_fill_batch(two, batch) > 0)
                        while ((event = tracectl_reader_batch_next(batch)))
                                g_ptr_array_add(mixed, describe(event));
        }
        assert_same(singly, mixed);
}

static int compare_lines(const void *a, const void *b) {
        return strcmp(*(char *const *) a, *(char *const *) b);
}

static void test_unordered(void) {
        g_autoptr(play) p = make_trace();
        g_autoptr(tracectl_reader) one = open_trace(p), two = open_trace(p), three = open_trace(p);
        g_autoptr(GPtrArray) singly = read_singly(one), unordered = NULL, batches = NULL;
        const char *stream = NULL;
        unsigned n = 0;

        tracectl_reader_set_unordered(two, 1);
        tracectl_reader_set_unordered(three, 1);
        unordered = read_singly(two);
        batches = read_batches(three);
        assert_same(unordered, batches);
        for (unsigned i = 0; i < unordered->len; i++) {
                const char *its = strstr(unordered->pdata[i], "/c_");

                n += !stream || strncmp(stream, its, 4) != 0;
                stream = its;
        }
        g_assert_cmpuint(n, ==, 3);
        g_ptr_array_sort(singly, compare_lines);
        g_ptr_array_sort(unordered, compare_lines);
        assert_same(singly, unordered);
}

static void add_count(const char *name, int loglevel, uint64_t n, void *userdata) {
        g_string_append_printf(userdata, "%s/%d %" G_GUINT64_FORMAT "\n", name, loglevel, n);
}

static void test_count(void) {
        g_autoptr(play) p = make_trace();
        g_autoptr(tracectl_reader) reader = open_trace(p);
        g_autoptr(GString) counts = g_string_new("");

        g_assert_cmpint(tracectl_reader_count(reader, add_count, counts), ==, 0);
        g_assert_nonnull(strstr(counts->str, "t:number/6 6480\n"));
        g_assert_nonnull(strstr(counts->str, "t:text/-1 2160\n"));
        g_assert_nonnull(strstr(counts->str, "t:deep/-1 2160\n"));
        g_assert_null(strstr(counts->str, "thread"));
        g_assert_cmpuint(tracectl_reader_get_n_kinds(reader), ==, 4);
}

/* What there is of all from since to until, against a reader that was told so. */
static void assert_range(const play *p, const GPtrArray *all, int64_t since, int64_t until) {
        g_autoptr(tracectl_reader) reader = open_trace(p);
        g_autoptr(GPtrArray) found = NULL, expected = g_ptr_array_new();

        tracectl_reader_set_range(reader, EPOCH + since, EPOCH + until);
        found = read_batches(reader);
        for (unsigned i = 0; i < all->len; i++) {
                int64_t time = g_ascii_strtoll(strchr(all->pdata[i], ' '), NULL, 10) - EPOCH;

                if (time >= since && time < until)
                        g_ptr_array_add(expected, all->pdata[i]);
        }
        assert_same(expected, found);
}

static void assert_ranges(const play *p) {
        g_autoptr(tracectl_reader) whole = open_trace(p);
        g_autoptr(GPtrArray) all = read_singly(whole);

        for (int64_t since = -10; since < 4000; since += 797)
                for (int64_t until = since; until < 4000; until += 1597)
                        assert_range(p, all, since, until);
}

static void test_range(void) {
        g_autoptr(play) p = make_trace();

        assert_ranges(p);
}

/* The index of a stream, whose packets it finds; claims are added to their times. */
static void write_index(const play *p, const char *stream, int64_t claim, uint64_t offset_claim) {
        g_autofree char *from = play_path(p, stream), *data = NULL;
        g_autofree char *name = g_strdup_printf("index/%s.idx", stream), *to = play_path(p, name);
        g_autoptr(GByteArray) index = g_byte_array_new();
        struct ctf_index_header header = {
                .magic = GUINT32_TO_BE(CTF_INDEX_MAGIC),
                .major = GUINT32_TO_BE(CTF_INDEX_MAJOR),
                .minor = GUINT32_TO_BE(CTF_INDEX_MINOR),
                .entry_size = GUINT32_TO_BE(sizeof(struct ctf_index_entry)),
        };
        gsize size;

        g_byte_array_append(index, (const guint8 *) &header, sizeof(header));
        g_assert_true(g_file_get_contents(from, &data, &size, NULL));
        for (uint64_t at = 0; at < size;) {
                struct ctf_packet packet;
                struct ctf_index_entry entry = { .offset = GUINT64_TO_BE(at + offset_claim) };

                memcpy(&packet, data + at, sizeof(packet));
                entry.timestamp_begin = GUINT64_TO_BE(packet.timestamp_begin + (uint64_t) claim);
                entry.timestamp_end = GUINT64_TO_BE(packet.timestamp_end + (uint64_t) claim);
                entry.events_discarded = GUINT64_TO_BE(packet.events_discarded);
                entry.stream_id = GUINT64_TO_BE((uint64_t) packet.stream_id);
                entry.packet_seq_num = GUINT64_TO_BE(packet.packet_seq_num);
                g_byte_array_append(index, (const guint8 *) &entry, sizeof(entry));
                at += packet.packet_size / 8;
        }
        g_assert_true(g_file_set_contents(to, (const char *) index->data, index->len, NULL));
}

static void write_indexes(const play *p, int64_t claim, uint64_t offset_claim) {
        write_index(p, "c_0", claim, offset_claim);
        write_index(p, "c_1", claim, offset_claim);
        write_index(p, "c_2", claim, offset_claim);
}

/* Right ones; with offsets at which there is no packet; cut off; none at all. */
static void test_index(void) {
        g_autoptr(play) p = make_trace();
        g_autofree char *path = play_path(p, "index/c_0.idx");

        write_indexes(p, 0, 0);
        assert_ranges(p);
        write_indexes(p, 0, 1);
        assert_ranges(p);
        write_indexes(p, 0, UINT64_MAX / 2);
        assert_ranges(p);
        write_indexes(p, 0, 0);
        g_assert_true(g_file_set_contents(path, "short", -1, NULL));
        assert_ranges(p);
        g_assert_true(g_file_set_contents(path, "nonsense that is longer than a header of an index", -1, NULL));
        assert_ranges(p);
}

/* It is used: by one that says that all is over before, nothing of the first packets is found. */
static void test_wrong_index(void) {
        g_autoptr(play) p = make_trace();
        g_autoptr(tracectl_reader) reader = open_trace(p);
        g_autoptr(GPtrArray) found = NULL;

        write_indexes(p, -1000000, 0);
        tracectl_reader_set_range(reader, EPOCH, INT64_MAX);
        found = read_singly(reader);
        g_assert_cmpuint(found->len, <=, 3 * 2 * 600); /* the last, and the one that says whose its events are */
}

/* What is lost where nobody looks is not counted. */
static void test_range_losses(void) {
        for (unsigned with_index = 0; with_index < 2; with_index++) {
                g_autoptr(play) p = play_new();
                g_autoptr(tracectl_reader) reader = NULL;
                g_autoptr(GPtrArray) found = NULL;
                static const uint64_t discarded[] = { 5, 7, 7, 10 }, sequence[] = { 0, 2, 3, 5 };

                play_metadata(p, "", MORE);
                for (unsigned i = 0; i < 4; i++) {
                        g_autoptr(GByteArray) events = play_events();

                        play_compact(events, 1, 10 * i);
                        play_u64(events, i);
                        play_packet(p, "c_0",
                                    &(struct play_packet) { .begin = 10 * i, .end = 10 * i + 5, .sequence = sequence[i],
                                                            .discarded = discarded[i] }, events);
                }
                if (with_index)
                        write_index(p, "c_0", 0, 0);
                reader = open_trace(p);
                tracectl_reader_set_range(reader, EPOCH + 20, INT64_MAX);
                found = read_singly(reader);
                g_assert_cmpuint(found->len, ==, 2);
                g_assert_cmpuint(tracectl_reader_get_discarded(reader), ==, 3);
                g_assert_cmpuint(tracectl_reader_get_packets_lost(reader), ==, 1);
        }
}

/* The values of an event with a layout are where the layout says. */
static void test_layout(void) {
        g_autoptr(play) p = make_trace();
        g_autoptr(tracectl_reader) reader = open_trace(p);
        tracectl_reader_event *event;
        unsigned n_with = 0, n_without = 0;

        while (tracectl_reader_next(reader, &event) > 0) {
                const tracectl_layout *layout = tracectl_reader_event_get_layout(event);
                bool is_deep = strcmp(tracectl_reader_event_get_name(event), "t:deep") == 0;

                g_assert_true(is_deep == !layout);
                n_without += is_deep;
                if (strcmp(tracectl_reader_event_get_name(event), "t:number") == 0) {
                        uint64_t n;

                        g_assert_cmpuint(layout->n_fields, ==, 1);
                        g_assert_cmpuint(layout->size, ==, 8);
                        memcpy(&n, tracectl_reader_event_get_bytes(event), sizeof(n));
                        g_assert_cmpuint(n, ==, tracectl_reader_event_next_field(event)->u);
                        n_with++;
                } else if (layout) {
                        g_assert_true(layout->is_variable);
                        g_assert_cmpuint(layout->n_contexts, ==, 2);
                        g_assert_cmpuint(layout->n_fields, ==, 10);
                        g_assert_cmpstr(tracectl_reader_layout_get_label(&layout->fields[8], 1), ==, "green");
                        g_assert_null(tracectl_reader_layout_get_label(&layout->fields[8], 2));
                        g_assert_null(tracectl_reader_layout_get_label(&layout->fields[0], 0));
                }
        }
        g_assert_cmpuint(n_with, >, 0);
        g_assert_cmpuint(n_without, >, 0);
}

int main(int argc, char *argv[]) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/batch/same", test_batches);
        g_test_add_func("/batch/mixed", test_mixed);
        g_test_add_func("/batch/unordered", test_unordered);
        g_test_add_func("/batch/count", test_count);
        g_test_add_func("/batch/range", test_range);
        g_test_add_func("/batch/index", test_index);
        g_test_add_func("/batch/wrong-index", test_wrong_index);
        g_test_add_func("/batch/range-losses", test_range_losses);
        g_test_add_func("/batch/layout", test_layout);
        return g_test_run();
}
