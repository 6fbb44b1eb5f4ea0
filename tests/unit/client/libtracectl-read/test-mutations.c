/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Traces with bytes changed, moved and missing, from a fixed seed: reading them
 * ends, and touches no memory that is not its own (which sanitizers show).
 */

#include <glib.h>
#include <string.h>
#include <unistd.h>

#include "client/libtracectl-read/tracectl-read.h"
#include "play-trace.h"

#define ROUNDS 400

G_DEFINE_AUTOPTR_CLEANUP_FUNC(tracectl_reader, tracectl_reader_free)

static const char MORE[] =
        "typealias integer { size = 8; align = 8; encoding = UTF8; } := char_t;"
        "event { name = \"t:deep\"; id = 2; stream_id = 1; fields := struct {"
        "enum : uint8_t { red, green = 4 ... 6, blue } _c; uint16_t _n; uint16_t _a[_n];"
        "struct { uint8_t _n; struct { uint8_t x; string y; } _in[_n]; } _s[2]; char_t _t[_n]; string _z;"
        "variant <_c> { uint8_t red; struct { string t; } green; uint64_t blue; } _v; }; };";

static GByteArray *make_events(void) {
        GByteArray *events = play_events();

        for (unsigned i = 0; i < 40; i++) {
                play_thread(events, i, 1, 2);
                play_compact(events, 2, i);
                play_u8(events, i % 3 == 0 ? 0 : i % 3 == 1 ? 5 : 7);
                play_u16(events, 2);
                play_u32(events, 5);
                for (unsigned j = 0; j < 2; j++) {
                        play_u8(events, 1);
                        play_u8(events, 1);
                        play_string(events, "y");
                }
                play_u16(events, 0x6161);
                play_string(events, "zzz");
                if (i % 3 == 0)
                        play_u8(events, 1);
                else if (i % 3 == 1)
                        play_string(events, "t");
                else
                        play_u64(events, 2);
                play_extended(events, 1, 5 * i);
                play_u64(events, i);
        }
        return events;
}

static void mutate(GRand *rand, char *data, gsize *size) {
        int changes = g_rand_int_range(rand, 1, 6);

        for (int i = 0; i < changes && *size > 0; i++) {
                gsize at = (gsize) g_rand_int_range(rand, 0, (gint32) *size);
                gsize from = (gsize) g_rand_int_range(rand, 0, (gint32) *size);
                gsize wanted = (gsize) g_rand_int_range(rand, 1, 40), room = MIN(*size - at, *size - from);
                gsize n = MIN(wanted, room);

                switch (g_rand_int_range(rand, 0, 5)) {
                case 0:
                        data[at] ^= (char) (1 << g_rand_int_range(rand, 0, 8));
                        break;
                case 1:
                        data[at] = (char) g_rand_int_range(rand, 0, 256);
                        break;
                case 2:
                        memmove(data + at, data + from, n);
                        break;
                case 3:
                        memset(data + at, g_rand_boolean(rand) ? 0xff : 0, MIN(n, 8));
                        break;
                default:
                        if (g_rand_int_range(rand, 0, 4) == 0)
                                *size = at;
                }
        }
}

/* Reads everything, fields and all. Returns the number of events. */
static unsigned read_all(const play *p) {
        g_autoptr(tracectl_reader) reader = NULL;
        tracectl_reader_event *event;
        unsigned n = 0;
        int r;

        g_assert_cmpint(tracectl_reader_new(&reader), ==, 0);
        if (tracectl_reader_open(reader, p->directory) < 0) {
                g_assert_nonnull(tracectl_reader_get_error(reader));
                return 0;
        }
        while ((r = tracectl_reader_next(reader, &event)) > 0) {
                const tracectl_field *field;
                uint64_t sum = 0;

                while ((field = tracectl_reader_event_next_field(event)))
                        for (size_t i = 0; field->type == TRACECTL_FIELD_STRING && i < field->string.size; i++)
                                sum += (unsigned char) field->string.data[i];
                if (sum != UINT64_MAX)
                        n++;
        }
        g_assert_cmpint(r, ==, 0);
        return n;
}

static void change_file(const char *name, unsigned seed) {
        g_autoptr(play) p = play_new();
        g_autoptr(GByteArray) events = make_events();
        g_autofree char *path = play_path(p, name), *original = NULL, *copy = NULL;
        GRand *rand = g_rand_new_with_seed(seed);
        unsigned whole, n_same = 0, n_less = 0;
        gsize size;

        play_metadata(p, "", MORE);
        for (unsigned i = 0; i < 3; i++)
                play_packet(p, "c_0", &(struct play_packet) { .sequence = i }, events);
        whole = read_all(p);
        g_assert_cmpuint(whole, ==, 3 * 80);
        g_assert_true(g_file_get_contents(path, &original, &size, NULL));
        copy = g_malloc(size);
        for (unsigned i = 0; i < ROUNDS; i++) {
                gsize changed = size;
                unsigned n;

                memcpy(copy, original, size);
                mutate(rand, copy, &changed);
                /* Written anew: what GLib writes in place does not become shorter. */
                g_assert_no_errno(unlink(path));
                g_assert_true(g_file_set_contents_full(path, copy, (gssize) changed, G_FILE_SET_CONTENTS_NONE, 0600,
                                                       NULL));
                n = read_all(p);
                n_same += n == whole;
                n_less += n < whole;
        }
        /* Both must happen, or the changes do not reach what they are for. */
        g_assert_cmpuint(n_same, >, 0);
        g_assert_cmpuint(n_less, >, ROUNDS / 10);
        g_rand_free(rand);
}

static void test_stream(void) {
        change_file("c_0", 1);
}

static void test_metadata(void) {
        change_file("metadata", 2);
}

int main(int argc, char *argv[]) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/mutations/stream", test_stream);
        g_test_add_func("/mutations/metadata", test_metadata);
        return g_test_run();
}
