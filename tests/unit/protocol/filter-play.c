/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <math.h>
#include <string.h>

#include "common/cleanup.h"
#include "protocol/context.h"
#include "tests/unit/protocol/filter-play.h"

static const struct __attribute__((packed)) {
        uint8_t u8;
        uint16_t u16;
        uint32_t u32;
        uint64_t u64;
        int8_t i8;
        int16_t i16;
        int32_t i32;
        int64_t i64;
        uint64_t hex;
        float f32, tiny, nan32, infinite32;
        double f64, nan, infinite, zero, minus_zero, big;
        uint8_t yes, no;
} values = {
        200, 60000, 4000000000, UINT64_MAX, -100, -30000, -2000000000, INT64_MIN, 0xdeadbeefcafe,
        1.5f, 1e-42f, NAN, INFINITY, -0.25, NAN, -INFINITY, 0.0, -0.0, 9007199254740993.0, 1, 0,
};

const struct play_event play_all = {
        .definition = {
                .provider = "play", .name = "all", .n_fields = 21,
                .fields = {
                        { DEFINITION_U8, "u8" },       { DEFINITION_U16, "u16" },    { DEFINITION_U32, "u32" },
                        { DEFINITION_U64, "u64" },     { DEFINITION_I8, "i8" },      { DEFINITION_I16, "i16" },
                        { DEFINITION_I32, "i32" },     { DEFINITION_I64, "i64" },    { DEFINITION_HEX64, "hex" },
                        { DEFINITION_F32, "f32" },     { DEFINITION_F32, "tiny" },   { DEFINITION_F32, "nan32" },
                        { DEFINITION_F32, "infinite32" }, { DEFINITION_F64, "f64" }, { DEFINITION_F64, "nan" },
                        { DEFINITION_F64, "infinite" }, { DEFINITION_F64, "zero" },  { DEFINITION_F64, "minus_zero" },
                        { DEFINITION_F64, "big" },     { DEFINITION_BOOL, "yes" },   { DEFINITION_BOOL, "no" },
                },
        },
        .pieces = { { (const char *) &values, sizeof(values), false } },
        .n_pieces = 1,
};

static const uint64_t id = 7;
static const int32_t after = -3;
static const uint32_t counts[] = { 5, 4, 2 };

const struct play_event play_mixed = {
        .definition = {
                .provider = "play", .name = "mixed", .n_fields = 8,
                .fields = {
                        { DEFINITION_U64, "id" },      { DEFINITION_STRING, "name" },     { DEFINITION_TEXT, "text" },
                        { DEFINITION_BYTES, "bytes" }, { DEFINITION_ARRAY_U16, "array" }, { DEFINITION_I32, "after" },
                        { DEFINITION_STRING, "path" }, { DEFINITION_STRING, "empty" },
                },
        },
        .pieces = {
                { (const char *) &id, sizeof(id), false },
                { "Ann*a", UINT32_MAX, true },
                { (const char *) &counts[0], 4, false }, { "hello, not this", 5, false },
                { (const char *) &counts[1], 4, false }, { "a\0\\z", 4, false },
                { (const char *) &counts[2], 4, false }, { "\1\0\2\0", 4, false },
                { (const char *) &after, sizeof(after), false },
                { "/usr/lib/x/libx.so.1", UINT32_MAX, true },
                { "", UINT32_MAX, true },
        },
        .n_pieces = 11,
};

struct played_input {
        struct filter_input input;
        const struct filter_code *code;
        const struct play_event *event;
        unsigned n_contexts;
        char *contexts; /* of exactly their size */
};

static bool get_piece(const struct filter_input *input, unsigned number, struct filter_piece *ret) {
        const struct play_event *event = CONTAINER_OF(input, struct played_input, input)->event;

        if (number >= event->n_pieces)
                return false;
        *ret = event->pieces[number];
        return true;
}

/* vpid 1000, vtid 1001, procname fifteen-letters, ip 2^63, pid 2000, tid 0, uid unknown, gid 100, cgroup /a/b. */
static const char *get_contexts(struct filter_input *input, uint32_t contexts) {
        struct played_input *p = CONTAINER_OF(input, struct played_input, input);
        static const int32_t numbers[] = { 1000, 1001, 2000, 0, -1, 100 };
        static const uint64_t ip = UINT64_C(1) << 63;
        static const struct {
                uint32_t context;
                const void *data;
                size_t size;
        } all[] = {
                { CONTEXT_VPID, &numbers[0], 4 }, { CONTEXT_VTID, &numbers[1], 4 },
                { CONTEXT_PROCNAME, "fifteen-letters", CONTEXT_PROCNAME_SIZE }, { CONTEXT_IP, &ip, 8 },
                { CONTEXT_PID, &numbers[2], 4 }, { CONTEXT_TID, &numbers[3], 4 }, { CONTEXT_UID, &numbers[4], 4 },
                { CONTEXT_GID, &numbers[5], 4 }, { CONTEXT_CGROUP, "/a/b", 5 },
        };
        size_t size = 0;

        g_assert_cmpuint(p->n_contexts++, ==, 0);
        p->contexts = g_malloc(CONTEXTS_SIZE_MAX);
        for (unsigned i = 0; i < G_N_ELEMENTS(all); i++)
                if (contexts & all[i].context) {
                        memcpy(p->contexts + size, all[i].data, all[i].size);
                        size += all[i].size;
                }
        p->contexts = g_realloc(p->contexts, size);
        return p->contexts;
}

/* The application's contexts; lost has gone since the code was made. */
static const struct {
        const char *name;
        unsigned type;
        char value[APP_CONTEXT_VALUE_MAX] __attribute__((aligned(8)));
} applications[] = {
        { "app:play:depth", DEFINITION_I64, "\xfb\xff\xff\xff\xff\xff\xff\xff" }, /* -5 */
        { "app:play:large", DEFINITION_U64, "\xff\xff\xff\xff\xff\xff\xff\xff" },
        { "app:play:half", DEFINITION_F64, "\0\0\0\0\0\0\xe0?" },
        { "app:play:who", DEFINITION_STRING, "ann*e" },
        { "app:play:lost", DEFINITION_I64, "" },
};

static unsigned find_application(const char *name) {
        for (unsigned i = 0; i < G_N_ELEMENTS(applications); i++)
                if (g_str_equal(applications[i].name, name))
                        return i;
        return G_N_ELEMENTS(applications);
}

static unsigned application_type(const char *name, const void *userdata) {
        unsigned i = find_application(name);

        return i < G_N_ELEMENTS(applications) ? applications[i].type : 0;
}

static const char *get_application(struct filter_input *input, unsigned number, unsigned type) {
        const struct played_input *p = CONTAINER_OF(input, struct played_input, input);
        g_auto(GStrv) names = g_strsplit(filter_code_app(p->code), " ", 0);
        g_autofree char *name = NULL;
        unsigned i;

        g_assert_cmpuint(number, <, g_strv_length(names));
        name = g_strconcat("app:", names[number], NULL);
        i = find_application(name);
        return i + 1 < G_N_ELEMENTS(applications) && applications[i].type == type ? applications[i].value : NULL;
}

bool play_run(const struct filter_code *code, const struct play_event *event, unsigned *ret_contexts) {
        struct played_input p = { { get_piece, get_contexts, get_application }, code, event, 0, NULL };
        bool passes = filter_run(code, &p.input);

        g_free(p.contexts);
        if (ret_contexts)
                *ret_contexts = p.n_contexts;
        return passes;
}

struct filter_program *play_compile(const char *text) {
        struct filter_program *program = NULL;
        struct filter_error error = { 0 };

        if (filter_compile(text, &program, &error) < 0)
                g_error("%s: %u: %s", text, error.position, error.message);
        return program;
}

struct filter_code *play_bind(const char *text, const struct play_event *event) {
        _cleanup_(filter_program_unrefp) struct filter_program *program = play_compile(text);
        g_autofree char *buffer = g_malloc(FILTER_CODE_SIZE_MAX);
        const struct filter_application application = { .type = application_type };
        size_t size = 0;
        int r;

        r = filter_bind(&program, 1, &event->definition, &application, buffer, FILTER_CODE_SIZE_MAX, &size);
        if (r == 0)
                return NULL;
        g_assert_cmpint(r, ==, 1);
        g_assert_cmpuint(size % 8, ==, 0);
        return g_memdup2(buffer, size);
}

enum played play(const char *text, const struct play_event *event) {
        g_autofree struct filter_code *code = play_bind(text, event);

        if (!code)
                return NEVER;
        g_assert_cmpint(filter_check(code, code->size), ==, 0);
        return play_run(code, event, NULL);
}
