/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <string.h>
#include <unistd.h>

#include "client/libtracectl-read/metadata.h"
#include "play-trace.h"

static int load_text(const char *text, gssize size, struct problem *problem, struct metadata **ret) {
        g_autoptr(play) p = play_new();
        g_autofree char *path = play_path(p, "metadata");
        int fd, r;

        g_assert_true(g_file_set_contents(path, text, size, NULL));
        fd = open(p->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        g_assert_cmpint(fd, >=, 0);
        *problem = (struct problem) {};
        r = metadata_load(fd, "metadata", problem, ret);
        close(fd);
        return r;
}

static int load(const char *more, struct problem *problem, struct metadata **ret) {
        g_autofree char *text = g_strconcat(PLAY_METADATA, more, NULL);

        return load_text(text, -1, problem, ret);
}

static void test_ours(void) {
        struct metadata *metadata = NULL;
        const struct event_class *event;
        struct stream_class *stream;
        struct problem problem;

        g_assert_cmpint(load("event { name = \"t:far\"; id = 70000; stream_id = 1; };", &problem, &metadata), ==, 0);
        g_assert_cmpstr(problem.text, ==, "");
        g_assert_false(metadata->is_big_endian);
        g_assert_cmpuint(metadata->uuid[15], ==, 0xff);
        stream = metadata_find_stream(metadata, 1);
        g_assert_nonnull(stream);
        g_assert_true(stream->has_compact_header);
        g_assert_cmpstr(stream->clock->name, ==, "c");
        g_assert_null(metadata_find_stream(metadata, 2));

        event = stream_class_find_event(stream, 1);
        g_assert_cmpstr(event->name, ==, "t:number");
        g_assert_cmpint(event->loglevel, ==, 6);
        g_assert_false(event->is_thread);
        g_assert_true(stream_class_find_event(stream, 0)->is_thread);
        g_assert_cmpstr(stream_class_find_event(stream, 70000)->name, ==, "t:far");
        g_assert_null(stream_class_find_event(stream, 2));
        g_assert_null(stream_class_find_event(stream, 70001));
        metadata_free(metadata);
}

/* The parts of the grammar that tracectl does not write, but others do. */
static void test_grammar(void) {
        static const char *const texts[] = {
                "typedef uint32_t number, numbers[2][3];"
                "event { name = \"a\"; id = 2; stream_id = 1; fields := struct { number x; numbers y; }; };",
                "typealias integer { size = 32; byte_order = network; base = hex; encoding = none; } := unsigned long;"
                "event { name = a; id = 2; stream_id = 1; fields := struct { const unsigned long x, y; }; };",
                "enum colour : uint8_t { red, \"dark green\" = 4 ... 6, blue, }; "
                "event { id = 2; stream_id = 1; fields := struct { enum colour c; }; };",
                "struct point { uint32_t x; uint32_t y; } align(32);"
                "variant any { uint8_t small; struct point large; };"
                "event { id = 2; stream_id = 1; fields := struct {"
                "        enum : uint8_t { small, large } tag; variant any <tag> v; struct point p[2]; }; };",
                "event { id = 2; stream_id = 1; context := struct { uint8_t n; };"
                "        fields := struct { uint8_t a[event.context.n]; uint8_t b[n]; }; };",
                "event { id = 2; stream_id = 1; fields := struct { struct { uint8_t n; } s; uint8_t a[s.n];"
                "        struct { uint8_t b[s.n]; } inner; }; };",
                "event { id = 2; stream_id = 1; fields := struct { string { encoding = ASCII; } a; string b; }; };",
                "typealias floating_point { exp_dig = 8; mant_dig = 24; align = 32; } := float; ;"
                "callsite { name = \"x\"; func = \"f\"; line = 3; }; env { a = \"b\" \"c\"; n = -5; };"
                "event { id = 2; stream_id = 1; model.emf.uri = \"u\"; fields := struct { float f; }; };",
                "event { id = 2; stream_id = 1; fields := struct { typedef uint8_t byte; struct q { byte b; };"
                "        struct q r; }; };",
        };

        for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
                struct metadata *metadata = NULL;
                struct problem problem;
                int r = load(texts[i], &problem, &metadata);

                g_assert_cmpstr(problem.text, ==, "");
                g_assert_cmpint(r, ==, 0);
                g_assert_nonnull(stream_class_find_event(metadata_find_stream(metadata, 1), 2));
                metadata_free(metadata);
        }
}

#define EVENT(fields) "event { name = \"e\"; id = 2; stream_id = 1; fields := struct { " fields " }; };"

static const struct {
        const char *text, *sentence;
} broken[] = {
        { "nonsense;", "trace, env, clock, stream, event or a type expected, but there is 'nonsense'" },
        { "event { id = @; };", "a number expected, but there is '@'" },
        { "event { id = -1; };", "'id' must be a number that is not negative" },
        { "event { id = 1; stream_id = 1; };", "there are two events with id 1 in stream 1" },
        { "stream { id = 1; };", "there are two streams with id 1" },
        { "event { fields := uint8_t; };", "'fields' must be a struct, after ':='" },
        { "event { fields = 3; };", "'fields' must be a struct, after ':='" },
        { "trace { major = 2; };", "the trace is not of CTF 1.8, the version that tracectl reads" },
        { "trace { uuid = \"1234\"; };", "'uuid' must be a UUID in quotes" },
        { "trace { byte_order = up; };", "'byte_order' must be le, be, network or native" },
        { "trace { byte_order = native; };", "the trace's 'byte_order' must be le or be" },
        { "clock { freq = 5; };", "the clock before has no 'name'" },
        { "clock { name = c2; freq = 0; };", "the clock 'c2' has a frequency or an offset that makes no sense" },
        { "clock { name = c2; offset_s = x; };", "'offset_s' must be a number of seconds" },
        { "typealias integer { size = 65; } := x;", "an integer must have 1 to 64 bits" },
        { "typealias integer { align = 8; } := x;", "the integer before has no 'size'" },
        { "typealias integer { size = 8; align = 3; } := x;",
          "an alignment must be a power of two, at most 4096" },
        { "typealias integer { size = 8; base = 7; } := x;", "'base' must be 2, 8, 10 or 16" },
        { "typealias integer { size = 8; signed = 2; } := x;", "'signed' must be true or false" },
        { "typealias integer { size = 8; encoding = latin1; } := x;", "'encoding' must be none, UTF8 or ASCII" },
        { "typealias integer { size = 8; map = c; } := x;", "'map' must be clock.NAME.value" },
        { "typealias floating_point { exp_dig = 5; mant_dig = 11; } := half;",
          "only floating point numbers of 32 and 64 bits can be read" },
        { EVENT("uint9_t x;"), "there is no type 'uint9_t'" },
        { EVENT("struct s x;"), "there is no type 'struct s'" },
        { EVENT("variant v <t> x;"), "there is no type 'variant v'" },
        { EVENT("enum e x;"), "there is no type 'enum e'" },
        { "typealias string := text;" EVENT("enum : text { a } x;"), "an enumeration must be of an integer" },
        { EVENT("uint8_t;"), "a type and a name expected, but there is 'uint8_t'" },
        { EVENT("uint8_t x[-1];"), "the length of an array expected, but there is '-'" },
};

static void test_broken(void) {
        for (size_t i = 0; i < G_N_ELEMENTS(broken); i++) {
                struct metadata *metadata = NULL;
                struct problem problem;

                g_assert_cmpint(load(broken[i].text, &problem, &metadata), ==, -EBADMSG);
                g_assert_null(metadata);
                g_test_message("%s", problem.text);
                g_assert_nonnull(strstr(problem.text, broken[i].sentence));
        }
}

/* Types that are well formed and still cannot be read. */
static void test_cannot_be_compiled(void) {
        static const struct {
                const char *text, *sentence;
        } cases[] = {
                { EVENT("uint8_t a[n];"),
                  "metadata, event 'e', field 'a': there is no integer 'n' before it that could be a length or tag" },
                { EVENT("uint8_t a[n]; uint8_t n;"), "there is no integer 'n'" },
                { EVENT("string n; uint8_t a[n];"), "there is no integer 'n'" },
                { EVENT("variant { uint8_t a; } v;"), "a variant has no tag" },
                { EVENT("uint8_t t; variant <t> { uint8_t a; } v;"), "the tag 't' of a variant is no enumeration" },
                { EVENT("integer { size = 8; map = clock.d.value; } x;"), "there is no clock 'd'" },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                struct metadata *metadata = NULL;
                struct problem problem;

                g_assert_cmpint(load(cases[i].text, &problem, &metadata), ==, -EBADMSG);
                g_test_message("%s", problem.text);
                g_assert_nonnull(strstr(problem.text, cases[i].sentence));
        }
}

static void test_line_number(void) {
        struct metadata *metadata = NULL;
        struct problem problem;

        g_assert_cmpint(load_text("/* CTF 1.8 */\n\ntrace {\n  major = ;\n};\n", -1, &problem, &metadata), ==,
                        -EBADMSG);
        g_assert_cmpstr(problem.text, ==, "metadata, line 4: a number expected, but there is ';'");
}

/* What would take hours, gigabytes or the stack ends with a sentence. */
static void test_too_complex(void) {
        g_autoptr(GString) nested = g_string_new("event { name = \"e\"; id = 2; stream_id = 1; fields := ");
        g_autoptr(GString) doubling = g_string_new("struct s0 { };");
        g_autoptr(GString) dimensions = g_string_new("typedef uint8_t x");
        struct metadata *metadata = NULL;
        struct problem problem;

        for (int i = 0; i < 100000; i++)
                g_string_append(nested, "struct { ");
        g_assert_cmpint(load(nested->str, &problem, &metadata), ==, -EBADMSG);
        g_assert_nonnull(strstr(problem.text, "types are nested more than"));

        for (int i = 0; i < 60; i++)
                g_string_append_printf(doubling, "struct s%d { struct s%d a; struct s%d b; };", i + 1, i, i);
        g_string_append(doubling, EVENT("struct s60 x;"));
        g_assert_cmpint(load(doubling->str, &problem, &metadata), ==, -EBADMSG);
        g_test_message("%s", problem.text);
        g_assert_nonnull(strstr(problem.text, "the types are too complex"));

        for (int i = 0; i < 100000; i++)
                g_string_append(dimensions, "[2]");
        g_assert_cmpint(load(dimensions->str, &problem, &metadata), ==, -EBADMSG);
        g_assert_nonnull(strstr(problem.text, "dimensions"));
}

struct packet_header {
        uint32_t magic;
        uint8_t uuid[16];
        uint32_t checksum, content_size, packet_size;
        uint8_t compression, encryption, checksum_scheme, major, minor;
} __attribute__((packed));

static void add_packet(GByteArray *file, const char *text, size_t size, uint8_t compression) {
        struct packet_header header = {
                .magic = 0x75d11d57,
                .content_size = (uint32_t) (sizeof(header) + size) * 8,
                .packet_size = (uint32_t) (sizeof(header) + size + 16) * 8,
                .compression = compression,
                .major = 1,
                .minor = 8,
        };

        g_byte_array_append(file, (const uint8_t *) &header, sizeof(header));
        g_byte_array_append(file, (const uint8_t *) text, (guint) size);
        g_byte_array_append(file, (const uint8_t *) "################", 16);
}

static void test_packetized(void) {
        g_autoptr(GByteArray) file = g_byte_array_new(), compressed = g_byte_array_new();
        size_t size = strlen(PLAY_METADATA), half = size / 2;
        struct metadata *metadata = NULL;
        struct problem problem;

        add_packet(file, PLAY_METADATA, half, 0);
        add_packet(file, PLAY_METADATA + half, size - half, 0);
        g_assert_cmpint(load_text((char *) file->data, file->len, &problem, &metadata), ==, 0);
        g_assert_nonnull(stream_class_find_event(metadata_find_stream(metadata, 1), 1));
        metadata_free(metadata);

        file->data[half + sizeof(struct packet_header) + 16] ^= 1;
        g_assert_cmpint(load_text((char *) file->data, file->len, &problem, &metadata), ==, -EBADMSG);
        g_assert_nonnull(strstr(problem.text, "metadata is broken at byte"));

        add_packet(compressed, PLAY_METADATA, size, 1);
        g_assert_cmpint(load_text((char *) compressed->data, compressed->len, &problem, &metadata), ==, -EBADMSG);
        g_assert_nonnull(strstr(problem.text, "compressed"));
}

static void test_other_version(void) {
        struct metadata *metadata = NULL;
        struct problem problem;

        g_assert_cmpint(load_text("\x1e{\"type\":\"preamble\",\"version\":2}\n", -1, &problem, &metadata), ==,
                        -EPROTONOSUPPORT);
        g_assert_nonnull(strstr(problem.text, "CTF 2"));
}

static void test_no_file(void) {
        g_autoptr(play) p = play_new();
        struct metadata *metadata = NULL;
        struct problem problem = {};
        int fd = open(p->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        g_assert_cmpint(metadata_load(fd, "metadata", &problem, &metadata), ==, -ENOENT);
        g_assert_cmpstr(problem.text, ==, "Failed to open metadata: No such file or directory");
        close(fd);
}

int main(int argc, char *argv[]) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/metadata/ours", test_ours);
        g_test_add_func("/metadata/grammar", test_grammar);
        g_test_add_func("/metadata/broken", test_broken);
        g_test_add_func("/metadata/cannot-be-compiled", test_cannot_be_compiled);
        g_test_add_func("/metadata/line-number", test_line_number);
        g_test_add_func("/metadata/too-complex", test_too_complex);
        g_test_add_func("/metadata/packetized", test_packetized);
        g_test_add_func("/metadata/other-version", test_other_version);
        g_test_add_func("/metadata/no-file", test_no_file);
        return g_test_run();
}
