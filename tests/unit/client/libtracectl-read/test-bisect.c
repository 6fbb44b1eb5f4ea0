/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Entering a stream that has no index: what is found in a range of time is what
 * somebody finds who reads everything, also where threads are named rarely,
 * where packets are missing, and where events contain what packets begin with.
 */

#include <glib.h>
#include <stdbool.h>
#include <string.h>

#include "client/libtracectl-read/tracectl-read.h"
#include "play-trace.h"
#include "protocol/ctf.h"

G_DEFINE_AUTOPTR_CLEANUP_FUNC(tracectl_reader, tracectl_reader_free)

#define EPOCH (INT64_C(1000000) * 1000000000)
#define PACKETS 1500
#define PERIOD 1000 /* nanoseconds, of a packet */

static const char MORE[] =
        "event { name = \"t:bytes\"; id = 2; stream_id = 1; fields := struct {"
        "uint16_t __b_length; uint8_t _b[__b_length]; }; };";

enum kind {
        PLAIN,
        FEW_THREADS, /* are named: one packet in 500 begins with who recorded it */
        LOSSES,
        PACKETS_IN_EVENTS,
};

static void put_bytes(GByteArray *events, uint64_t time, const void *data, size_t size) {
        play_compact(events, 2, time);
        play_u16(events, (uint16_t) size);
        g_byte_array_append(events, data, (guint) size);
}

/* All that a packet begins with, and of long ago; behind it there is no other. */
static void put_false_packet(GByteArray *events, uint64_t time) {
        struct {
                struct ctf_packet packet;
                uint32_t thread;
        } __attribute__((packed)) bytes = {
                .packet = {
                        .magic = CTF_MAGIC,
                        .stream_id = 1,
                        .timestamp_begin = 1,
                        .timestamp_end = 2,
                        .content_size = 8 * sizeof(bytes),
                        .packet_size = 8 * sizeof(bytes),
                },
                .thread = ctf_compact_header(CTF_ID_THREAD, 1),
        };

        for (unsigned i = 0; i < 16; i++)
                bytes.packet.uuid[i] = (uint8_t) (i * 0x11);
        put_bytes(events, time, &bytes, sizeof(bytes));
}

static void add_packet(const play *p, GRand *rand, const char *stream, unsigned i, enum kind kind) {
        g_autoptr(GByteArray) events = play_events();
        uint64_t begin = (uint64_t) i * PERIOD;
        struct play_packet packet = { .begin = begin, .end = begin + PERIOD - 1, .sequence = i };
        static const uint8_t room[600];
        int thread;

        if (kind == LOSSES) {
                packet.sequence = i + i / 7;
                packet.discarded = i / 3;
        }
        thread = (int) i / 500;
        if (kind != FEW_THREADS || i % 500 == 0)
                play_thread(events, begin, 100 + thread, 100 + thread);
        for (unsigned j = 0; j < 3; j++) {
                play_compact(events, 1, begin + 100 * j);
                play_u64(events, i);
                if (kind == PACKETS_IN_EVENTS)
                        put_false_packet(events, begin + 100 * j);
                put_bytes(events, begin + 100 * j + 50, room, (size_t) g_rand_int_range(rand, 0, sizeof(room)));
        }
        play_packet(p, stream, &packet, events);
}

static play *make_trace(enum kind kind) {
        GRand *rand = g_rand_new_with_seed(7);
        play *p = play_new();

        play_metadata(p, "", MORE);
        for (unsigned i = 0; i < PACKETS; i++) {
                add_packet(p, rand, "c_0", i, kind);
                add_packet(p, rand, "c_1", i, kind);
        }
        g_rand_free(rand);
        return p;
}

static void never(const char *text, void *userdata) {
        g_error("reported: %s", text);
}

struct result {
        uint64_t n, sum, threads, discarded, lost;
};

static struct result read_range(const play *p, int64_t since, int64_t until, bool by_hand) {
        g_autoptr(tracectl_reader) reader = NULL;
        tracectl_reader_event *event;
        struct result result = {};

        g_assert_cmpint(tracectl_reader_new(&reader), ==, 0);
        tracectl_reader_set_report(reader, never, NULL);
        if (!by_hand)
                tracectl_reader_set_range(reader, EPOCH + since, EPOCH + until);
        g_assert_cmpint(tracectl_reader_open(reader, p->directory), ==, 0);
        while (tracectl_reader_next(reader, &event) > 0) {
                int64_t time = tracectl_reader_event_get_time(event) - EPOCH;
                int32_t pid = -1, tid = -1;

                if (time < since || time >= until)
                        continue;
                tracectl_reader_event_get_thread(event, &pid, &tid);
                result.n++;
                result.sum += (uint64_t) time;
                result.threads += (uint64_t) tid;
        }
        result.discarded = tracectl_reader_get_discarded(reader);
        result.lost = tracectl_reader_get_packets_lost(reader);
        return result;
}

static void test_ranges(gconstpointer data) {
        enum kind kind = (enum kind) GPOINTER_TO_INT(data);
        g_autoptr(play) p = make_trace(kind);

        for (int64_t since = 0; since < (PACKETS - 1) * PERIOD; since += 99997) {
                int64_t until = since + 10 * PERIOD;
                struct result expected = read_range(p, since, until, true), found = read_range(p, since, until, false);

                g_assert_cmpuint(expected.n, >, 0);
                g_assert_cmpuint(found.n, ==, expected.n);
                g_assert_cmpuint(found.sum, ==, expected.sum);
                g_assert_cmpuint(found.threads, ==, expected.threads);
        }
}

/* As many as happened in that range, or between it and the packets beside it. */
static void test_losses(void) {
        g_autoptr(play) p = make_trace(LOSSES);
        struct result found = read_range(p, 1400 * PERIOD, INT64_MAX / 2, false);

        g_assert_cmpuint(found.n, ==, (PACKETS - 1400) * 2 * 6);
        g_assert_cmpuint(found.discarded, ==, 2 * ((PACKETS - 1) / 3 - 1399 / 3));
        g_assert_cmpuint(found.lost, ==, 2 * ((PACKETS - 1) / 7 - 1399 / 7));
}

/* Behind a packet that nobody can read on from: who passes all of them would not come here. */
static void test_gets_there(void) {
        g_autoptr(play) p = make_trace(PLAIN);
        struct result found;

        for (unsigned i = 0; i < 2; i++) {
                g_autofree char *path = play_path(p, i ? "c_1" : "c_0"), *data = NULL;
                struct ctf_packet *second;
                gsize size;

                g_assert_true(g_file_get_contents(path, &data, &size, NULL));
                second = (struct ctf_packet *) (data + ((struct ctf_packet *) data)->packet_size / 8);
                second->magic = 0;
                g_assert_true(g_file_set_contents(path, data, (gssize) size, NULL));
        }
        found = read_range(p, 1400 * PERIOD, INT64_MAX / 2, false);
        g_assert_cmpuint(found.n, ==, (PACKETS - 1400) * 2 * 6);
}

int main(int argc, char *argv[]) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_data_func("/bisect/plain", GINT_TO_POINTER(PLAIN), test_ranges);
        g_test_add_data_func("/bisect/few-threads", GINT_TO_POINTER(FEW_THREADS), test_ranges);
        g_test_add_data_func("/bisect/packets-in-events", GINT_TO_POINTER(PACKETS_IN_EVENTS), test_ranges);
        g_test_add_func("/bisect/losses", test_losses);
        g_test_add_func("/bisect/gets-there", test_gets_there);
        return g_test_run();
}
