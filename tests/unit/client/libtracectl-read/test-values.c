/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Values of all types against babeltrace2's text, event by event. A trace of
 * your own is compared with TRACECTL_TEST_TRACE=DIR; its clock should have
 * 1 GHz, because babeltrace2 rounds others to the nearest double.
 */

#include <glib.h>
#include <stdbool.h>
#include <string.h>

#include "client/libtracectl-read/tracectl-read.h"
#include "play-trace.h"
#include "protocol/ctf.h"

G_DEFINE_AUTOPTR_CLEANUP_FUNC(tracectl_reader, tracectl_reader_free)

static void add_binary(GString *text, uint64_t value, unsigned n) {
        g_string_append(text, "0b");
        while (n-- > 0)
                g_string_append_c(text, value & (UINT64_C(1) << n) ? '1' : '0');
}

static void add_integer(GString *text, const tracectl_field *field) {
        uint64_t mask = field->bits < 64 ? (UINT64_C(1) << field->bits) - 1 : UINT64_MAX;

        if (field->base == 16)
                g_string_append_printf(text, "0x%" G_GINT64_MODIFIER "X", field->u & mask);
        else if (field->base == 8)
                g_string_append_printf(text, "0%" G_GINT64_MODIFIER "o", field->u & mask);
        else if (field->base == 2)
                add_binary(text, field->u, field->bits);
        else if (field->type == TRACECTL_FIELD_SIGNED)
                g_string_append_printf(text, "%" G_GINT64_FORMAT, field->i);
        else
                g_string_append_printf(text, "%" G_GUINT64_FORMAT, field->u);
}

static void add_string(GString *text, const char *data, size_t size) {
        g_string_append_c(text, '"');
        for (size_t i = 0; i < size && data[i]; i++) {
                static const char plain[] = "\a\b\t\n\v\f\r\x1b\"\\", names[] = "abtnvfre\"\\";
                const char *p = strchr(plain, data[i]);

                if (p)
                        g_string_append_printf(text, "\\%c", names[p - plain]);
                else
                        g_string_append_c(text, data[i]);
        }
        g_string_append_c(text, '"');
}

/* The field's value, and where it is an array or struct, all that belongs to it. */
static void add_value(GString *text, tracectl_reader_event *event, const tracectl_field *field) {
        bool is_struct = field->type == TRACECTL_FIELD_STRUCT;
        unsigned n = 0;

        if (field->type == TRACECTL_FIELD_DOUBLE) {
                g_string_append_printf(text, "%g", field->d);
                return;
        }
        if (field->type == TRACECTL_FIELD_STRING) {
                add_string(text, field->string.data, field->string.size);
                return;
        }
        if (field->type == TRACECTL_FIELD_SIGNED || field->type == TRACECTL_FIELD_UNSIGNED) {
                if (field->label)
                        g_string_append_printf(text, "( \"%s\" : container = ", field->label);
                add_integer(text, field);
                if (field->label)
                        g_string_append(text, " )");
                return;
        }
        g_string_append(text, is_struct ? "{" : "[");
        while ((field = tracectl_reader_event_next_field(event)) && field->type != TRACECTL_FIELD_CLOSE) {
                g_string_append(text, n > 0 ? ", " : " ");
                if (is_struct)
                        g_string_append_printf(text, "%s = ", field->name);
                else
                        g_string_append_printf(text, "[%u] = ", n);
                add_value(text, event, field);
                n++;
        }
        g_assert_nonnull(field);
        g_string_append(text, is_struct ? " }" : " ]");
}

static void add_scope(GString *text, tracectl_reader_event *event, enum tracectl_field_scope scope) {
        const tracectl_field *field;
        const char *before = " { ";

        tracectl_reader_event_rewind(event, scope);
        while ((field = tracectl_reader_event_next_field(event))) {
                g_string_append_printf(text, "%s%s = ", before, field->name);
                add_value(text, event, field);
                before = ", ";
        }
        if (*before == ',')
                g_string_append(text, " }");
        else if (scope == TRACECTL_SCOPE_FIELDS)
                g_string_append(text, " { }");
}

static char *read_ourselves(const char *path) {
        g_autoptr(tracectl_reader) reader = NULL;
        GString *text = g_string_new("");
        tracectl_reader_event *event;

        g_assert_cmpint(tracectl_reader_new(&reader), ==, 0);
        tracectl_reader_set_markers(reader, 1);
        g_assert_cmpint(tracectl_reader_open(reader, path), ==, 0);
        while (tracectl_reader_next(reader, &event) > 0) {
                int64_t ns = tracectl_reader_event_get_time(event);

                g_string_append_printf(text, "[%" G_GINT64_FORMAT ".%09d] %s:", ns / 1000000000,
                                       (int) (ns % 1000000000), tracectl_reader_event_get_name(event));
                g_string_append_printf(text, " { cpu_id = %d },", tracectl_reader_event_get_cpu(event));
                add_scope(text, event, TRACECTL_SCOPE_CONTEXT);
                if (text->str[text->len - 1] == '}')
                        g_string_append_c(text, ',');
                add_scope(text, event, TRACECTL_SCOPE_FIELDS);
                g_string_append_c(text, '\n');
        }
        return g_string_free(text, FALSE);
}

static char *read_with_babeltrace(const char *path) {
        const char *const argv[] = { "babeltrace2", "--clock-seconds", "--no-delta", "--fields=trace:vpid", path,
                                     NULL };
        g_autofree char *errors = NULL;
        g_autoptr(GError) error = NULL;
        char *text = NULL;
        int status;

        g_spawn_sync(NULL, (char **) argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, &text, &errors, &status, &error);
        g_assert_no_error(error);
        g_assert_cmpstr(errors, ==, "");
        g_assert_true(g_spawn_check_wait_status(status, NULL));
        return text;
}

/*
 * What differs in form alone: babeltrace2 marks values without a label, and puts
 * a variant's choice and the event's own context in braces of their own.
 */
static char *normalize(const char *text) {
        g_autoptr(GRegex) unknown = g_regex_new("\\( <unknown> : container = ([^ ]+) \\)", G_REGEX_RAW, 0, NULL);
        g_autoptr(GRegex) variant = g_regex_new("v = \\{ (.*) \\}, end", G_REGEX_RAW, 0, NULL);
        g_autoptr(GRegex) context = g_regex_new(" \\}, \\{ m = ", G_REGEX_RAW, 0, NULL);
        g_autofree char *labelled = g_regex_replace(unknown, text, -1, 0, "\\1", 0, NULL);
        g_autofree char *chosen = g_regex_replace(variant, labelled, -1, 0, "v = \\1, end", 0, NULL);

        return g_regex_replace(context, chosen, -1, 0, ", m = ", 0, NULL);
}

static void compare(const char *path, unsigned min_events) {
        g_autofree char *ours = read_ourselves(path), *theirs = read_with_babeltrace(path), *normal = normalize(theirs);
        g_auto(GStrv) a = g_strsplit(ours, "\n", -1), b = g_strsplit(normal, "\n", -1);

        g_assert_cmpuint(g_strv_length(a), >, min_events);
        for (size_t i = 0; a[i] && b[i]; i++)
                g_assert_cmpstr(a[i], ==, b[i]);
        g_assert_cmpuint(g_strv_length(a), ==, g_strv_length(b));
}

#define TYPES                                                                                                  \
        "typealias integer { size = 8; align = 8; signed = true; } := int8_t;"                                 \
        "typealias integer { size = 16; align = 8; signed = true; } := int16_t;"                               \
        "typealias integer { size = 64; align = 8; signed = true; } := int64_t;"                               \
        "typealias integer { size = 64; align = 8; base = 16; } := hex64_t;"                                   \
        "typealias integer { size = 16; align = 8; base = 8; } := oct16_t;"                                    \
        "typealias integer { size = 8; align = 8; base = 2; } := bin8_t;"                                      \
        "typealias integer { size = 32; align = 8; byte_order = be; signed = true; } := be32_t;"               \
        "typealias integer { size = 8; align = 8; encoding = UTF8; } := char_t;"                               \
        "typealias floating_point { exp_dig = 8; mant_dig = 24; align = 8; } := float;"                        \
        "typealias floating_point { exp_dig = 11; mant_dig = 53; align = 8; byte_order = be; } := be_double;"

static void test_integers(void) {
        g_autoptr(play) p = play_new();
        g_autoptr(GByteArray) events = play_events();

        play_metadata(p, "", TYPES
                      "event { name = \"t:int\"; id = 2; stream_id = 1; fields := struct { int8_t _a; int16_t b;"
                      "int32_t c;"
                      "int64_t d; hex64_t e; oct16_t f; bin8_t g; be32_t h; uint16_t i; }; };");
        for (unsigned i = 0; i < 64; i++) {
                uint64_t v = UINT64_C(0x8000000000000001) >> i;

                play_compact(events, 2, i);
                play_u8(events, (uint8_t) (v >> 3));
                play_u16(events, (uint16_t) v);
                play_u32(events, (uint32_t) -v);
                play_u64(events, -v);
                play_u64(events, v);
                play_u16(events, (uint16_t) (v * 3));
                play_u8(events, (uint8_t) i);
                play_u32(events, (uint32_t) v * 7);
                play_u16(events, (uint16_t) ~v);
        }
        play_packet(p, "c_0", &(struct play_packet) { .cpu = 2, .end = 100 }, events);
        compare(p->directory, 64);
}

/* Bit fields of odd sizes, one after another, in both orders. */
static void test_bit_fields(void) {
        static const char *const orders[] = { "le", "be" };

        for (unsigned k = 0; k < 2; k++) {
                g_autoptr(play) p = play_new();
                g_autoptr(GByteArray) events = play_events();
                g_autoptr(GString) metadata = g_string_new("event { name = \"t:bits\"; id = 2; stream_id = 1; "
                                                           "fields := struct { ");

                for (unsigned i = 1; i < 64; i += 4)
                        g_string_append_printf(metadata,
                                               "integer { size = %u; align = 1; signed = %s; byte_order = %s; } b%u;",
                                               i, i % 3 ? "true" : "false", orders[k], i);
                g_string_append(metadata, " uint8_t last; }; };");
                play_metadata(p, "", metadata->str);
                for (unsigned i = 0; i < 50; i++) {
                        play_compact(events, 2, i);
                        for (unsigned j = 0; j < 63; j++)
                                play_u8(events, (uint8_t) (i * 89 + j * 151));
                }
                play_packet(p, "c_0", &(struct play_packet) { .end = 100 }, events);
                compare(p->directory, 50);
        }
}

static void test_texts(void) {
        g_autoptr(play) p = play_new();
        g_autoptr(GByteArray) events = play_events();
        static const char *const strings[] = { "", "a", "two words", "quote \" \\ \n\t\r", "gr\xc3\xbc\xc3\x9f" };

        play_metadata(p, "", TYPES
                      "event { name = \"t:text\"; id = 2; stream_id = 1; fields := struct { string _s; char_t _a[8];"
                      "uint32_t __t_length; char_t _t[__t_length]; string { encoding = ASCII; } _z; }; };");
        for (unsigned i = 0; i < G_N_ELEMENTS(strings); i++) {
                char fixed[8] = "";

                play_compact(events, 2, i);
                play_string(events, strings[i]);
                g_strlcpy(fixed, strings[i], sizeof(fixed));
                g_byte_array_append(events, (uint8_t *) fixed, sizeof(fixed));
                play_u32(events, (uint32_t) strlen(strings[i]));
                g_byte_array_append(events, (const uint8_t *) strings[i], (guint) strlen(strings[i]));
                play_string(events, "end");
        }
        play_packet(p, "c_0", &(struct play_packet) { .end = 100 }, events);
        compare(p->directory, G_N_ELEMENTS(strings));
}

static void put_double_be(GByteArray *events, double value) {
        uint64_t bits;

        memcpy(&bits, &value, sizeof(bits));
        play_u64(events, GUINT64_TO_BE(bits));
}

static void test_compounds(void) {
        g_autoptr(play) p = play_new();
        g_autoptr(GByteArray) events = play_events();

        play_metadata(p, "", TYPES
                      "event { name = \"t:deep\"; id = 100; stream_id = 1; fields := struct {"
                      "enum : uint8_t { red, green = 4 ... 6, blue } _c;"
                      "uint16_t _n; uint16_t _a[_n]; hex64_t _grid[2][2];"
                      "struct { uint8_t _n; struct { int8_t x; float y; } _in[_n]; } _s[2];"
                      "enum : int8_t { small = -2 ... -1, large = 0 } _tag;"
                      "variant <_tag> { uint8_t small; struct { be_double d; string t; } large; } _v;"
                      "uint8_t _end; }; };");
        for (unsigned i = 0; i < 12; i++) {
                play_extended(events, 100, i);
                play_u8(events, (uint8_t) i);
                play_u16(events, (uint16_t) i);
                for (unsigned j = 0; j < i; j++)
                        play_u16(events, (uint16_t) (j * i));
                for (unsigned j = 0; j < 4; j++)
                        play_u64(events, j << (i * 4));
                for (unsigned j = 0; j < 2; j++) {
                        play_u8(events, (uint8_t) (i % 3));
                        for (unsigned k = 0; k < i % 3; k++) {
                                float y = (float) k / 4;

                                play_u8(events, (uint8_t) (100 + 20 * k));
                                g_byte_array_append(events, (uint8_t *) &y, sizeof(y));
                        }
                }
                if (i % 2 == 0) {
                        play_u8(events, (uint8_t) -1 - (uint8_t) (i % 4 / 2));
                        play_u8(events, (uint8_t) i);
                } else {
                        play_u8(events, 0);
                        put_double_be(events, (double) i * 1.25e10);
                        play_string(events, "t");
                }
                play_u8(events, 0xee);
        }
        play_packet(p, "c_0", &(struct play_packet) { .end = 100 }, events);
        compare(p->directory, 12);
}

static void pad(GByteArray *events) {
        while ((sizeof(struct ctf_packet) + events->len) % 4 != 0)
                play_u8(events, 0xcc);
}

/* Contexts, a header without compact form, natural alignment, fields that refer to other scopes. */
static void test_other_layout(void) {
        g_autoptr(play) p = play_new();
        g_autoptr(GByteArray) events = play_events();

        play_metadata(p, "",
                      "typealias integer { size = 32; align = 32; } := aligned32;"
                      "stream { id = 2; packet.context := struct packet_context;"
                      "  event.header := struct { uint32_t id; uint64_clock_t timestamp; };"
                      "  event.context := struct { int32_t _vpid; int32_t _vtid; uint8_t _k; }; };"
                      "event { name = \"t:other\"; id = 77; stream_id = 2; context := struct { uint8_t _m; };"
                      "  fields := struct { uint8_t _x[stream.event.context._k]; uint8_t _y[event.context._m];"
                      "  struct { uint8_t a; aligned32 b; } _s; }; };");
        for (unsigned i = 0; i < 10; i++) {
                play_u32(events, 77);
                play_u64(events, i);
                play_u32(events, 5);
                play_u32(events, 6);
                play_u8(events, (uint8_t) i);
                play_u8(events, (uint8_t) (9 - i));
                pad(events); /* the fields have the alignment of the largest among them */
                for (unsigned j = 0; j < 9; j++)
                        play_u8(events, (uint8_t) j);
                pad(events);
                play_u8(events, 1);
                pad(events);
                play_u32(events, i);
        }
        play_packet(p, "c_0", &(struct play_packet) { .stream_id = 2, .end = 100 }, events);
        compare(p->directory, 10);
}

static void test_your_own(void) {
        compare(g_getenv("TRACECTL_TEST_TRACE"), 0);
}

int main(int argc, char *argv[]) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/values/integers", test_integers);
        g_test_add_func("/values/bit-fields", test_bit_fields);
        g_test_add_func("/values/texts", test_texts);
        g_test_add_func("/values/compounds", test_compounds);
        g_test_add_func("/values/other-layout", test_other_layout);
        if (g_getenv("TRACECTL_TEST_TRACE"))
                g_test_add_func("/values/your-own", test_your_own);
        return g_test_run();
}
