/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Traces that would keep a reader busy for ever, or for years: it says so and goes on behind them. */

#include <glib.h>
#include <stdint.h>
#include <string.h>

#include "client/libtracectl-read/tracectl-read.h"
#include "play-trace.h"

G_DEFINE_AUTOPTR_CLEANUP_FUNC(tracectl_reader, tracectl_reader_free)

static void keep_report(const char *sentence, void *userdata) {
        g_string_append_printf(userdata, "%s\n", sentence);
}

/* Of a trace with this metadata and these bytes, all events are counted. */
static guint64 count(const char *metadata, const void *stream, size_t size, GString *reports) {
        g_autoptr(play) p = play_new();
        g_autofree char *metadata_path = play_path(p, "metadata"), *stream_path = play_path(p, "c_0");
        g_autofree char *text = g_strconcat("/* CTF 1.8 */ trace { major = 1; minor = 8; byte_order = le; };"
                                            "typealias integer { size = 1; align = 1; } := bit;"
                                            "typealias integer { size = 8; align = 8; } := byte;",
                                            metadata, NULL);
        g_autoptr(tracectl_reader) reader = NULL;
        tracectl_reader_event *event;
        guint64 n = 0;

        g_assert_true(g_file_set_contents(metadata_path, text, -1, NULL));
        g_assert_true(g_file_set_contents(stream_path, stream, (gssize) size, NULL));
        g_assert_cmpint(tracectl_reader_new(&reader), ==, 0);
        tracectl_reader_set_report(reader, keep_report, reports);
        if (tracectl_reader_open(reader, p->directory) < 0)
                return G_MAXUINT64;
        while (tracectl_reader_next(reader, &event) > 0)
                n++;
        return n;
}

static void assert_reported(const GString *reports, const char *sentence) {
        if (!strstr(reports->str, sentence))
                g_error("'%s' is not in: %s", sentence, reports->str);
}

/* With a layout and without: the same event would come again and again. */
static void test_events_without_size(void) {
        static const char *const fields[] = { "", "fields := struct { bit nothing[0]; };",
                                              "fields := struct { struct { } a; };" };

        for (size_t i = 0; i < G_N_ELEMENTS(fields); i++) {
                g_autofree char *metadata = g_strdup_printf("stream { }; event { name = \"e\"; %s };", fields[i]);
                g_autoptr(GString) reports = g_string_new("");

                g_assert_cmpuint(count(metadata, "1234567", 7, reports), ==, 0);
                assert_reported(reports, "an event has no size; 7 bytes from there on");
        }
}

/* A bit for each event, with two hundred thousand structs of nothing in each. */
static void test_events_of_nothing(void) {
        g_autofree char *stream = g_malloc0(65536);
        g_autoptr(GString) reports = g_string_new("");
        guint64 n = count("stream { }; event { name = \"e\"; fields := struct { bit b; struct { } a[100000]; }; };",
                          stream, 65536, reports);

        g_assert_cmpuint(n, >, 0);
        g_assert_cmpuint(n, <, 100);
        assert_reported(reports, "reading on would take too long");
}

/* As many values as anybody writes are not too many. */
static void test_much_of_nothing(void) {
        g_autofree char *stream = g_malloc0(65536);
        g_autoptr(GString) reports = g_string_new("");
        guint64 n = count("stream { }; event { name = \"e\"; fields := struct { byte b; struct { } a[20]; }; };",
                          stream, 65536, reports);

        g_assert_cmpuint(n, ==, 65536);
        g_assert_cmpstr(reports->str, ==, "");
}

/* Packets of three bytes, ten thousand of them: none is read twice. */
static void test_small_packets(void) {
        g_autofree guint8 *stream = g_malloc0(30000);
        g_autoptr(GString) reports = g_string_new("");

        for (size_t i = 0; i < 30000; i += 3) {
                stream[i] = 24;
                stream[i + 1] = (guint8) i;
        }
        g_assert_cmpuint(count("stream { packet.context := struct { byte packet_size; }; };"
                               "event { name = \"e\"; fields := struct { byte b; }; };",
                               stream, 30000, reports),
                         ==, 20000);
        g_assert_cmpstr(reports->str, ==, "");
}

/* Names that refer to each other's: each variant is compared with each label. */
static void test_choices(void) {
        g_autoptr(GString) metadata = g_string_new("stream { }; typealias enum : byte { ");
        g_autoptr(GString) reports = g_string_new("");

        for (unsigned i = 0; i < 2000; i++)
                g_string_append_printf(metadata, "l%u, ", i);
        g_string_append(metadata, "end } := labels; event { name = \"e\"; fields := struct { labels t; variant <t> { ");
        for (unsigned i = 0; i < 2000; i++)
                g_string_append_printf(metadata, "byte l%u; ", i);
        g_string_append(metadata, "} ");
        for (unsigned i = 0; i < 20; i++)
                g_string_append_printf(metadata, "a%u[3]%s", i, i < 19 ? ", " : "; }; };");
        g_assert_cmpuint(count(metadata->str, "", 0, reports), ==, G_MAXUINT64);
        assert_reported(reports, "the types are too complex");
}

int main(int argc, char *argv[]) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/read/hostile/events-without-size", test_events_without_size);
        g_test_add_func("/read/hostile/events-of-nothing", test_events_of_nothing);
        g_test_add_func("/read/hostile/much-of-nothing", test_much_of_nothing);
        g_test_add_func("/read/hostile/small-packets", test_small_packets);
        g_test_add_func("/read/hostile/choices", test_choices);
        return g_test_run();
}
