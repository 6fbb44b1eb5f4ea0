/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Every type of field and every kind of name: what babeltrace2 makes of our metadata. */

#undef NDEBUG
#include <errno.h>
#include <glib.h>
#include <string.h>

#include "play-tracingd.h"
#include "protocol/context.h"

struct bytes {
        char data[1024];
        size_t size;
};

struct fixture {
        struct play play;
        struct play_ring ring;
        uint64_t time;
};

static void set_up(struct fixture *f) {
        play_start(&f->play, NULL);
        play_ring_new(&f->ring, 0, 1, 4, RING_SUBBUF_SIZE_MIN, f->play.created);
        g_assert_cmpint(play_rings(&f->play, 1, 0, "shared", "default", &f->ring), ==, 0);
        f->time = f->play.created;
}

static void tear_down(struct fixture *f) {
        play_ring_done(&f->ring);
        play_done(&f->play);
}

static void put(struct bytes *b, const void *data, size_t size) {
        memcpy(b->data + b->size, data, size);
        b->size += size;
}

#define PUT(b, type, value)                                                                                    \
        do {                                                                                                   \
                type _v = (value);                                                                             \
                put(b, &_v, sizeof(_v));                                                                       \
        } while (0)

/* Defines one event, records it once, and gives what babeltrace2 says between the second braces. */
static char *round_trip(const struct definition *d, const struct bytes *b) {
        g_auto(GStrv) lines = NULL;
        uint32_t id = 1;
        struct fixture f;
        char *fields;

        set_up(&f);
        g_assert_cmpint(play_classes(&f.play, 1, 0, d, &id, 1), ==, 0);
        g_assert_true(play_ring_write(&f.ring, 0, f.time += 5, 1, id, b->data, b->size));
        g_assert_cmpint(play_flush(&f.play), ==, 0);
        g_assert_cmpuint(f.play.status->lost_garbage, ==, 0);
        lines = play_read(f.play.directory, NULL);
        g_assert_cmpuint(g_strv_length(lines), ==, 1);
        fields = strstr(lines[0], "}, { ");
        g_assert_nonnull(fields);
        fields = g_strdup(fields + strlen("}, { "));
        fields[strlen(fields) - strlen(" }")] = '\0';
        tear_down(&f);
        return fields;
}

static void test_scalars(void) {
        const struct definition d = {
                .provider = "t",
                .name = "scalars",
                .n_fields = 12,
                .fields = {
                        { DEFINITION_U8, "u8" }, { DEFINITION_U16, "u16" }, { DEFINITION_U32, "u32" },
                        { DEFINITION_U64, "u64" }, { DEFINITION_I8, "i8" }, { DEFINITION_I16, "i16" },
                        { DEFINITION_I32, "i32" }, { DEFINITION_I64, "i64" }, { DEFINITION_HEX64, "hex" },
                        { DEFINITION_F32, "f32" }, { DEFINITION_F64, "f64" }, { DEFINITION_BOOL, "flag" },
                },
        };
        g_autofree char *fields = NULL;
        struct bytes b = {};

        PUT(&b, uint8_t, 200);
        PUT(&b, uint16_t, 60000);
        PUT(&b, uint32_t, 4000000000);
        PUT(&b, uint64_t, UINT64_MAX);
        PUT(&b, int8_t, -100);
        PUT(&b, int16_t, -30000);
        PUT(&b, int32_t, -2000000000);
        PUT(&b, int64_t, INT64_MIN);
        PUT(&b, uint64_t, 0xdeadbeef);
        PUT(&b, float, 1.5f);
        PUT(&b, double, -2.25);
        PUT(&b, uint8_t, 1);
        fields = round_trip(&d, &b);
        g_assert_cmpstr(fields, ==,
                        "u8 = 200, u16 = 60000, u32 = 4000000000, u64 = 18446744073709551615, i8 = -100, i16 = -30000, "
                        "i32 = -2000000000, i64 = -9223372036854775808, hex = 0xDEADBEEF, f32 = 1.5, f64 = -2.25, "
                        "flag = 1");
}

static void test_strings(void) {
        const struct definition d = {
                .provider = "t",
                .name = "strings",
                .n_fields = 4,
                .fields = {
                        { DEFINITION_STRING, "s" }, { DEFINITION_TEXT, "t" }, { DEFINITION_BYTES, "b" },
                        { DEFINITION_STRING, "empty" },
                },
        };
        g_autofree char *fields = NULL;
        struct bytes b = {};

        put(&b, "gr\xc3\xbc\xc3\x9f", sizeof("gr\xc3\xbc\xc3\x9f"));
        PUT(&b, uint32_t, 4);
        put(&b, "text", 4);
        PUT(&b, uint32_t, 2);
        put(&b, "\x01\xff", 2);
        put(&b, "", 1);
        fields = round_trip(&d, &b);
        g_assert_cmpstr(fields, ==,
                        "s = \"gr\xc3\xbc\xc3\x9f\", _t_length = 4, t = \"text\", _b_length = 2, "
                        "b = [ [0] = 0x1, [1] = 0xFF ], empty = \"\"");
}

static void test_arrays(void) {
        const struct definition d = {
                .provider = "t",
                .name = "arrays",
                .n_fields = 8,
                .fields = {
                        { DEFINITION_ARRAY_U8, "a" }, { DEFINITION_ARRAY_U16, "b" }, { DEFINITION_ARRAY_U32, "c" },
                        { DEFINITION_ARRAY_U64, "d" }, { DEFINITION_ARRAY_I8, "e" }, { DEFINITION_ARRAY_I16, "f" },
                        { DEFINITION_ARRAY_I32, "g" }, { DEFINITION_ARRAY_I64, "h" },
                },
        };
        g_autofree char *fields = NULL;
        struct bytes b = {};

        PUT(&b, uint32_t, 1);
        PUT(&b, uint8_t, 255);
        PUT(&b, uint32_t, 1);
        PUT(&b, uint16_t, 65535);
        PUT(&b, uint32_t, 2);
        PUT(&b, uint32_t, 1);
        PUT(&b, uint32_t, UINT32_MAX);
        PUT(&b, uint32_t, 1);
        PUT(&b, uint64_t, UINT64_MAX);
        PUT(&b, uint32_t, 1);
        PUT(&b, int8_t, -1);
        PUT(&b, uint32_t, 1);
        PUT(&b, int16_t, -2);
        PUT(&b, uint32_t, 1);
        PUT(&b, int32_t, -3);
        PUT(&b, uint32_t, 0);
        fields = round_trip(&d, &b);
        g_assert_cmpstr(fields, ==,
                        "_a_length = 1, a = [ [0] = 255 ], _b_length = 1, b = [ [0] = 65535 ], "
                        "_c_length = 2, c = [ [0] = 1, [1] = 4294967295 ], "
                        "_d_length = 1, d = [ [0] = 18446744073709551615 ], _e_length = 1, e = [ [0] = -1 ], "
                        "_f_length = 1, f = [ [0] = -2 ], _g_length = 1, g = [ [0] = -3 ], _h_length = 0, h = [ ]");
}

/* Keywords, digits, equal names, and names that look like our own: never a broken trace. */
static void test_names(void) {
        const struct definition d = {
                .provider = "event",
                .name = "struct",
                .n_fields = 6,
                .fields = {
                        { DEFINITION_U8, "string" }, { DEFINITION_U8, "1st" }, { DEFINITION_U8, "_x_length" },
                        { DEFINITION_ARRAY_U8, "x" }, { DEFINITION_U8, "x" }, { DEFINITION_U8, "x" },
                },
        };
        g_autofree char *fields = NULL;
        struct bytes b = {};

        PUT(&b, uint8_t, 1);
        PUT(&b, uint8_t, 2);
        PUT(&b, uint8_t, 3);
        PUT(&b, uint32_t, 1);
        PUT(&b, uint8_t, 4);
        PUT(&b, uint8_t, 5);
        PUT(&b, uint8_t, 6);
        fields = round_trip(&d, &b);
        g_assert_cmpstr(fields, ==,
                        "string = 1, 1st = 2, _x_length = 3, _x_length_2 = 1, x = [ [0] = 4 ], x_2 = 5, x_3 = 6");
}

static void test_longest(void) {
        char names[DEFINITION_FIELDS_MAX][DEFINITION_NAME_MAX + 1];
        struct definition d = { .provider = names[0], .name = names[1], .n_fields = DEFINITION_FIELDS_MAX };
        g_autofree char *fields = NULL;
        struct bytes b = {};

        memset(names, 'n', sizeof(names));
        for (unsigned i = 0; i < DEFINITION_FIELDS_MAX; i++) {
                names[i][DEFINITION_NAME_MAX] = '\0';
                d.fields[i] = (struct definition_field) { DEFINITION_ARRAY_U8, names[i] };
                PUT(&b, uint32_t, 0);
        }
        fields = round_trip(&d, &b);
        g_assert_nonnull(strstr(fields, "n_32 = [ ]"));
}

/* Contexts stand before the fields in every event but tracectl:thread. */
static void test_contexts(void) {
        static const char *const expected[] = {
                [0] = "{ id = 7 }",
                [CONTEXT_VPID] = "{ vpid = 42 }, { id = 7 }",
                [CONTEXT_VTID | CONTEXT_PROCNAME] = "{ vtid = 43, procname = \"shop-worker\" }, { id = 7 }",
                [CONTEXT_IP] = "{ ip = 0x7F001234 }, { id = 7 }",
                [CONTEXT_PID | CONTEXT_TID] = "{ pid = 44, tid = 0 }, { id = 7 }",
                [CONTEXT_UID | CONTEXT_GID] = "{ uid = 4294967295, gid = 100 }, { id = 7 }",
                [CONTEXT_CGROUP] = "{ cgroup = \"/user.slice\" }, { id = 7 }",
                [CONTEXTS_ALL] = "{ vpid = 42, vtid = 43, procname = \"shop-worker\", ip = 0x7F001234, pid = 44, "
                                 "tid = 0, uid = 4294967295, gid = 100, cgroup = \"/user.slice\" }, { id = 7 }",
        };
        const struct definition d = {
                .provider = "t", .name = "context", .n_fields = 1, .fields = { { DEFINITION_U32, "id" } },
        };
        const uint32_t id = 1;

        for (uint32_t contexts = 0; contexts <= CONTEXTS_ALL; contexts++) {
                int n_contexts = __builtin_popcount(contexts), n_all = __builtin_popcount(CONTEXTS_ALL);
                const char cgroup[] = "/user.slice";
                char name[CONTEXT_PROCNAME_SIZE] = "shop-worker";
                g_auto(GStrv) lines = NULL;
                struct bytes b = {};
                struct fixture f;

                /* All pairs, and all but one, are enough of the 512 sets. */
                if (n_contexts > 2 && n_contexts < n_all - 1)
                        continue;
                set_up(&f);
                play_send_rings(&f.play, 2, 0, "other", "default", contexts, &f.ring);
                g_assert_cmpint(play_answer(&f.play, NULL), ==, 0);
                g_assert_cmpint(play_classes(&f.play, 2, 0, &d, &id, 1), ==, 0);
                g_assert_cmpint(play_release(&f.play, 1, 0), ==, 0);
                if (contexts & CONTEXT_VPID)
                        PUT(&b, int32_t, 42);
                if (contexts & CONTEXT_VTID)
                        PUT(&b, int32_t, 43);
                if (contexts & CONTEXT_PROCNAME)
                        put(&b, name, sizeof(name));
                if (contexts & CONTEXT_IP)
                        PUT(&b, uint64_t, 0x7f001234);
                if (contexts & CONTEXT_PID)
                        PUT(&b, int32_t, 44);
                if (contexts & CONTEXT_TID)
                        PUT(&b, int32_t, 0);
                if (contexts & CONTEXT_UID)
                        PUT(&b, uint32_t, CONTEXT_ID_UNKNOWN);
                if (contexts & CONTEXT_GID)
                        PUT(&b, uint32_t, 100);
                g_assert_cmpuint(b.size, ==, contexts_fixed_size(contexts));
                if (contexts & CONTEXT_CGROUP)
                        put(&b, cgroup, sizeof(cgroup));
                PUT(&b, uint32_t, 7);
                for (int i = 0; i < 3; i++)
                        g_assert_true(play_ring_write(&f.ring, 0, f.time += 5, 1 + i, id, b.data, b.size));
                g_assert_cmpint(play_flush(&f.play), ==, 0);
                g_assert_cmpuint(f.play.status->lost_garbage, ==, 0);
                lines = play_read(f.play.directory, NULL);
                g_assert_cmpuint(g_strv_length(lines), ==, 3);
                if (expected[contexts])
                        g_assert_true(g_str_has_suffix(lines[2], expected[contexts]));
                tear_down(&f);
        }
}

static void test_unknown_context(void) {
        struct fixture f;

        set_up(&f);
        play_send_rings(&f.play, 2, 0, "other", "default", CONTEXTS_ALL + 1, &f.ring);
        g_assert_cmpint(play_answer(&f.play, NULL), ==, EBADMSG);
        tear_down(&f);
}

static void test_preamble(void) {
        static const char *const parts[] = {
                "major = 1;", "minor = 8;", "byte_order = le;", "domain = \"user\";", "tracer_name = \"tracectl\";",
                "session = \"shop\";", "uid = 1234;", "set = \"process-9\";", "word_size = 64;", "pid = 9;",
                "trace_creation_datetime = \"20231114T221320+0000\";", "name = \"monotonic\";",
                "uuid = \"09080706-0000-0000-0000-000000000000\";", "uuid = \"01020304-0000-0000-0000-000000000000\";", "freq = 1000000000;", "offset_s = 1700000000;",
                "offset = 5;", "precision = 77;", "absolute = true;",
        };
        struct consumer_rings m = { .set = 9, .uid = 1234, .word_size = 64, .pid = 9, .set_name = "process-9",
                                    .channel = "default", .uuid = { 9, 8, 7, 6 } };
        g_autofree char *text = NULL, *path = NULL;
        struct fixture f;
        int fds[2];

        set_up(&f);
        fds[0] = f.ring.ring_fd;
        fds[1] = f.ring.positions_fd;
        g_assert_cmpint(play_call(&f.play, CONSUMER_RINGS, &m, sizeof(m), fds, 2), ==, 0);
        path = play_path(&f.play, "process-9/metadata");
        g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
        g_assert_true(g_str_has_prefix(text, "/* CTF 1.8 */"));
        for (unsigned i = 0; i < G_N_ELEMENTS(parts); i++)
                if (!strstr(text, parts[i]))
                        g_error("%s is missing", parts[i]);
        tear_down(&f);
}

int main(int argc, char *argv[]) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/fields/scalars", test_scalars);
        g_test_add_func("/fields/strings", test_strings);
        g_test_add_func("/fields/arrays", test_arrays);
        g_test_add_func("/fields/names", test_names);
        g_test_add_func("/fields/longest", test_longest);
        g_test_add_func("/fields/contexts", test_contexts);
        g_test_add_func("/fields/unknown-context", test_unknown_context);
        g_test_add_func("/fields/preamble", test_preamble);
        return g_test_run();
}
