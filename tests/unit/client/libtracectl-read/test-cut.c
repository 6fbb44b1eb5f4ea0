/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Traces of which the end is missing, at whichever byte: what is whole is read, and the rest is said to be cut off. */

#include <glib.h>
#include <string.h>

#include "client/libtracectl-read/metadata.h"
#include "client/libtracectl-read/problem.h"
#include "client/libtracectl-read/tracectl-read.h"
#include "play-trace.h"

#define EVENTS 3
#define LAST "event { name = \"g:last\"; id = 9; stream_id = 1; fields := struct { uint64_t n; }; };\n"

G_DEFINE_AUTOPTR_CLEANUP_FUNC(tracectl_reader, tracectl_reader_free)

static void check_class(const struct metadata *metadata, bool is_there) {
        const struct stream_class *stream = metadata_find_stream(metadata, 1);

        g_assert_nonnull(stream);
        g_assert_cmpint(stream_class_find_event(stream, 9) != NULL, ==, is_there);
}

static void test_declaration(void) {
        g_autofree char *text = g_strconcat(PLAY_METADATA, LAST, NULL);
        size_t size = strlen(text), before = strlen(PLAY_METADATA), whole = size - strlen("\n");

        for (size_t n = before + 1; n <= size; n++) {
                struct metadata *metadata = NULL;
                struct problem problem = {};

                g_assert_cmpint(metadata_parse(text, n, "metadata", &problem, &metadata), ==, 0);
                g_assert_cmpstr(problem.text, ==, "");
                check_class(metadata, n >= whole - strlen(";"));
                g_assert_cmpint(metadata->is_cut, ==, n < whole);
                metadata_free(metadata);
        }
}

/* Without all that says how a trace is written nothing can be read of it; never is it taken for something else. */
static void test_preamble(void) {
        size_t size = strlen(PLAY_METADATA);
        const char *trace = strstr(PLAY_METADATA, "trace {");
        size_t needed = (size_t) (strstr(trace, "}; };") + strlen("}; };") - PLAY_METADATA);

        g_assert_cmpuint(needed, <, size);
        for (size_t n = 0; n < size; n++) {
                struct metadata *metadata = NULL;
                struct problem problem = {};
                int r = metadata_parse(PLAY_METADATA, n, "metadata", &problem, &metadata);

                if (n >= needed)
                        g_assert_cmpstr(problem.text, ==, "");
                else if (r >= 0)
                        g_assert_null(metadata->streams);
                metadata_free(metadata);
        }
}

/* What is wrong, and whole, is refused wherever it stands. */
static void test_wrong(void) {
        static const char *const texts[] = {
                "event { id = @; };\n", "event { id = @; };", "stream { id = 1; };", "event { name = 3; id = 9; };",
                "event { name = \"g:last; id = 9; };\n",
        };

        for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
                g_autofree char *text = g_strconcat(PLAY_METADATA, texts[i], NULL);
                struct metadata *metadata = NULL;
                struct problem problem = {};

                g_assert_cmpint(metadata_parse(text, strlen(text), "metadata", &problem, &metadata), <, 0);
                g_assert_cmpstr(problem.text, !=, "");
        }
}

static void keep_report(const char *sentence, void *userdata) {
        GString *reports = userdata;

        g_string_append_printf(reports, "%s\n", sentence);
}

static void read_all(const play *p, guint *ret_n, GString *reports) {
        g_autoptr(tracectl_reader) reader = NULL;
        tracectl_reader_event *event;

        g_assert_cmpint(tracectl_reader_new(&reader), ==, 0);
        tracectl_reader_set_report(reader, keep_report, reports);
        g_assert_cmpint(tracectl_reader_open(reader, p->directory), ==, 0);
        for (*ret_n = 0; tracectl_reader_next(reader, &event) > 0; (*ret_n)++)
                ;
}

static void test_packet(void) {
        g_autoptr(GByteArray) events = play_events();
        g_autoptr(play) p = play_new();
        g_autofree char *path = play_path(p, "c_0"), *data = NULL;
        gsize size;

        for (unsigned i = 0; i < EVENTS; i++) {
                play_compact(events, 1, i);
                play_u64(events, i);
        }
        play_metadata(p, "", "");
        play_packet(p, "c_0", &(struct play_packet) { .end = EVENTS }, events);
        g_assert_true(g_file_get_contents(path, &data, &size, NULL));
        for (gsize n = 1; n <= size; n++) {
                g_autoptr(GString) reports = g_string_new(NULL);
                guint found;

                g_assert_true(g_file_set_contents(path, data, (gssize) n, NULL));
                read_all(p, &found, reports);
                g_assert_cmpuint(found, <=, EVENTS);
                g_assert_cmpint(found == EVENTS, ==, n == size);
                g_assert_cmpint(strstr(reports->str, "the last packet is cut off") != NULL, ==, n < size);
        }
}

static void test_report(void) {
        g_autoptr(GString) reports = g_string_new(NULL);
        g_autoptr(play) p = play_new();
        g_autofree char *expected = NULL;
        guint found;

        play_metadata(p, "", "event { name = \"g:la");
        read_all(p, &found, reports);
        expected = g_strdup_printf("%s/metadata: the last declaration is cut off, and left out\n", p->directory);
        g_assert_cmpstr(reports->str, ==, expected);
}

int main(int argc, char *argv[]) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/cut/declaration", test_declaration);
        g_test_add_func("/cut/preamble", test_preamble);
        g_test_add_func("/cut/wrong", test_wrong);
        g_test_add_func("/cut/packet", test_packet);
        g_test_add_func("/cut/report", test_report);
        return g_test_run();
}
