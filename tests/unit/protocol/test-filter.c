/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What filters say about records: every type of field, contexts, numbers by value, strings, several at once. */

#include <errno.h>
#include <fenv.h>
#include <string.h>

#include "common/cleanup.h"
#include "tests/unit/protocol/filter-play.h"

struct row {
        const char *text;
        enum played expected;
};

static void assert_rows(const struct row *rows, size_t n, const struct play_event *event) {
        for (size_t i = 0; i < n; i++) {
                g_test_message("%s", rows[i].text);
                g_assert_cmpint(play(rows[i].text, event), ==, rows[i].expected);
        }
}

static void test_types(void) {
        static const struct row rows[] = {
                { "u8 == 200", YES },           { "u16 == 60000", YES },        { "u32 == 4000000000", YES },
                { "u64 == 18446744073709551615", YES }, { "i8 == -100", YES },  { "i16 == -30000", YES },
                { "i32 == -2000000000", YES },  { "i64 == -9223372036854775808", YES },
                { "hex == 0xdeadbeefcafe", YES }, { "f32 == 1.5", YES },        { "f64 == -0.25", YES },
                { "yes", YES },                 { "no", NO },                   { "yes == 1", YES },
                { "u8 == 201", NO },            { "u8 != 201", YES },           { "u8", YES },
                { "i8", YES },                  { "f64", YES },                 { "zero", NO },
                { "minus_zero", NO },           { "nan", YES },                 { "!nan", NO },
                { "!zero", YES },               { "u8 < 201 && u8 > 199 && u8 <= 200 && u8 >= 200", YES },
                { "u8 < 200", NO },             { "u8 > 200", NO },             { "u8 <= 199", NO },
                { "u8 >= 201", NO },
        };

        assert_rows(rows, G_N_ELEMENTS(rows), &play_all);
}

/* By value, whatever the types are. */
static void test_comparisons(void) {
        static const struct row rows[] = {
                { "i8 < u64", YES },            { "u64 > i64", YES },           { "-1 == u64", NO },
                { "-1 < u64", YES },            { "u64 < -1", NO },             { "i64 < -9223372036854775807", YES },
                { "i64 == -u64", NO },          { "-u64 == 1", YES },           { "-i64 == i64", YES },
                { "9223372036854775807 < 9223372036854775808", YES },
                /* An integer that no double has lies between two that are doubles. */
                { "9007199254740993 > 9007199254740992.0", YES },
                { "9007199254740993 < 9007199254740994.0", YES },
                { "9007199254740993 == big", NO },
                { "u64 < 18446744073709551616.0", YES }, { "u64 == 18446744073709551615.0", NO },
                { "i64 == -9223372036854775808.0", YES }, { "i64 > -9223372036854777856.0", YES },
                { "-3 > -3.5", YES },           { "-3 < -2.5", YES },           { "3 < 3.5", YES },
                { "3.5 > 3", YES },             { "3.5 < 3", NO },              { "4 > 3.5", YES },
                { "0 < 0.5", YES },             { "0 > -0.5", YES },            { "1 > 0.5", YES },
                { "-1 < -0.5", YES },           { "0 == 0.0", YES },            { "0 == minus_zero", YES },
                { "zero == minus_zero", YES },  { "zero > minus_zero", NO },    { "-1 < 0.0", YES },
                { "1 > minus_zero", YES },      { "1 > -2.0", YES },            { "-1 < 2.0", YES },
                { "f64 < f32", YES },           { "f32 > f64", YES },           { "f64 < -0.125", YES },
                { "f64 > -0.5", YES },          { "-f64 == 0.25", YES },        { "f64 <= -0.25", YES },
                { "u64 < infinite32", YES },    { "i64 > infinite", YES },      { "infinite < infinite32", YES },
                { "infinite == infinite", YES }, { "-infinite == infinite32", YES },
                { "tiny > 0", YES },            { "tiny < 1e-41", YES },        { "tiny > 9.9e-43", YES },
                { "tiny < 1", YES },            { "1 > tiny", YES },
        };

        assert_rows(rows, G_N_ELEMENTS(rows), &play_all);
}

static void test_nan(void) {
        static const char *const with[] = { "1", "u64", "i64", "f64", "nan", "infinite", "zero", "nan32", "0" };
        static const char *const names[] = { "nan", "nan32", "-nan" };

        for (unsigned i = 0; i < G_N_ELEMENTS(with); i++)
                for (unsigned k = 0; k < G_N_ELEMENTS(names); k++) {
                        static const char *const operators[] = { "==", "<", "<=", ">", ">=", "!=" };

                        for (unsigned o = 0; o < G_N_ELEMENTS(operators); o++) {
                                g_autofree char *a = g_strdup_printf("%s %s %s", names[k], operators[o], with[i]);
                                g_autofree char *b = g_strdup_printf("%s %s %s", with[i], operators[o], names[k]);

                                g_assert_cmpint(play(a, &play_all), ==, o == 5 ? YES : NO);
                                g_assert_cmpint(play(b, &play_all), ==, o == 5 ? YES : NO);
                        }
                }
}

static void test_bits(void) {
        static const struct row rows[] = {
                { "(u8 & 0x8) == 8", YES },     { "(u8 | 1) == 201", YES },     { "(u8 ^ 200) == 0", YES },
                { "~u8 == 0xffffffffffffff37", YES }, { "~0 == -1", YES },      { "~i8 == 99", YES },
                /* Signed with unsigned is unsigned. */
                { "(i8 & 0xff) == 156", YES },  { "(i8 | u8) > 0", YES },       { "(i8 | 0) < 0", YES },
                { "(-1 & u64) == u64", YES },   { "(-1 ^ u8) > 0", YES },
                { "1 << 63 < 0", YES },         { "1 << 64 == 0", YES },        { "1 << 1000000000000 == 0", YES },
                { "1 << -1 == 0", YES },        { "1 << 0 == 1", YES },         { "u64 >> 63 == 1", YES },
                { "u64 >> 64 == 0", YES },      { "i64 >> 63 == -1", YES },     { "i64 >> 64 == -1", YES },
                { "i64 >> 62 == -2", YES },     { "i8 >> 0 == -100", YES },     { "i8 >> 2 == -25", YES },
                { "100 >> -1 == 0", YES },      { "u64 << 8 >> 8 == 0xffffffffffffff", YES },
                { "f32 & 1", NEVER },           { "~f64", NEVER },              { "1 << f32", NEVER },
        };

        assert_rows(rows, G_N_ELEMENTS(rows), &play_all);
}

static void test_strings(void) {
        static const struct row rows[] = {
                { "name == \"Ann*a\"", YES },   { "name == 'Ann\\*a'", YES },   { "name == 'Ann\\x2aa'", YES },
                { "name == 'A\\*'", NO },       { "name == 'A*'", YES },        { "name == '*a'", YES },
                { "name == '*n*'", YES },       { "name == '*'", YES },         { "name == '**'", YES },
                { "name == '***a'", YES },      { "name == ''", NO },           { "name == 'ann*'", NO },
                { "name == 'Ann*ab'", NO },     { "name == 'Ann'", NO },        { "name == '*b*'", NO },
                { "name == 'A*n*a'", YES },     { "name == 'A*a*a'", NO },      { "name != 'A*'", NO },
                { "name != 'B'", YES },         { "'A*' == name", YES },        { "'A*' != name", NO },
                { "name == 'Ann*\\*a'", YES },  { "name == '*\\**'", YES },     { "name == '*\\*'", NO },
                { "text == 'hello'", YES },     { "text == 'hello*'", YES },    { "text == 'hell'", NO },
                { "text == 'hello, not this'", NO },
                { "bytes == 'a*\\\\z'", YES },  { "bytes == 'a'", NO },         { "bytes == 'a*z'", YES },
                { "bytes == 'a*\\\\y'", NO },   { "empty == ''", YES },         { "empty == '*'", YES },
                { "empty != 'x'", YES },        { "empty == 'x*'", NO },
                { "path == '/usr/*/libx.so*'", YES }, { "path == '*.so'", NO }, { "path == '*.so.*'", YES },
                { "path == '*lib*lib*'", YES },  { "path == '*lib*lib*lib*'", NO },
                { "name == path", NO },         { "name != path", YES },        { "name == name", YES },
                { "bytes == bytes", YES },      { "bytes == text", NO },        { "empty == name", NO },
                { "id == 7 && name == 'A*' || after == -3", YES },              { "after == -3", YES },
                { "after < 0 && id > 6", YES }, { "path == '/usr*' && after == -3 && text != 'x'", YES },
        };

        assert_rows(rows, G_N_ELEMENTS(rows), &play_mixed);
}

/* An event that the expression does not fit never passes, on whichever side what does not fit stands. */
static void test_never(void) {
        static const struct row rows[] = {
                { "missing == 1", NEVER },      { "id == 7 || missing", NEVER }, { "id == 7 && !missing", NEVER },
                { "id == 'x'", NEVER },         { "name == 1", NEVER },
                { "name", NEVER },              { "!name", NEVER },             { "name && id", NEVER },
                { "-name == 1", NEVER },        { "name | 1", NEVER },          { "array == 1", NEVER },
                { "array == 'x'", NEVER },      { "array", NEVER },             { "name == $ctx.vpid", NEVER },
                { "id == $ctx.procname", NEVER }, { "name == id", NEVER },      { "name > path", NEVER },
        };

        assert_rows(rows, G_N_ELEMENTS(rows), &play_mixed);
}

static void test_contexts(void) {
        static const struct row rows[] = {
                { "$ctx.vpid == 1000", YES },   { "$ctx.vtid == 1001", YES },
                { "$ctx.procname == 'fifteen-letters'", YES },
                { "$ctx.procname == 'fifteen*'", YES }, { "$ctx.procname == 'fifteen'", NO },
                { "$ctx.ip == 9223372036854775808", YES }, { "$ctx.ip > 0", YES }, { "$ctx.pid == 2000", YES },
                { "$ctx.tid == 0", YES },       { "$ctx.uid == 4294967295", YES }, { "$ctx.gid == 100", YES },
                { "$ctx.cgroup == '/a/*'", YES }, { "$ctx.cgroup == $ctx.procname", NO },
                { "$ctx.cgroup == '/a/b' && $ctx.vtid == 1001 && $ctx.gid == 100 && $ctx.ip", YES },
                { "$ctx.vpid != $ctx.pid", YES }, { "name == $ctx.procname", NO },
        };
        unsigned n;

        assert_rows(rows, G_N_ELEMENTS(rows), &play_mixed);
        for (unsigned i = 0; i < 2; i++) {
                /* Asked for once where they are looked at, and not at all where they are not. */
                g_autofree struct filter_code *code =
                        play_bind(i ? "id == 7 && $ctx.vpid == 1000 && $ctx.cgroup == '/a*'" : "id == 8 && $ctx.vpid",
                                  &play_mixed);

                g_assert_cmpint(play_run(code, &play_mixed, &n), ==, i == 1);
                g_assert_cmpuint(n, ==, i);
        }
}

/* Those that an application defines itself; one without them is never recorded by an expression that names one. */
static void test_applications(void) {
        static const struct row rows[] = {
                { "$app.play:depth == -5", YES }, { "$app.play:depth < u8", YES }, { "-$app.play:depth == 5", YES },
                { "$app.play:large == 18446744073709551615", YES }, { "$app.play:large < $app.play:depth", NO },
                { "$app.play:half == 0.5", YES }, { "$app.play:half > 1", NO }, { "!$app.play:half", NO },
                { "$app.play:who == 'ann\\*e'", YES }, { "$app.play:who != 'a*'", NO },
                { "$app.play:who == $ctx.procname", NO }, { "$app.play:who == $app.play:who", YES },
                { "$app.play:depth == -5 && $app.play:who == '*e' && u8 == 200 && $app.play:depth", YES },
                { "$app.play:lost == 0", NO }, { "$app.play:lost || u8 == 200", NO }, { "u8 == 200 || $app.play:lost", YES },
                { "$app.play:missing == 0", NEVER }, { "u8 == 200 || $app.play:missing", NEVER },
                { "$app.other:depth == -5", NEVER }, { "$app.play:who == 1", NEVER }, { "$app.play:half & 1", NEVER },
                { "$app.play:depth == 'x'", NEVER }, { "$app.play:who", NEVER },
        };
        static const char *const names[] = { "a", "b", "c", "d", "e", "f", "g", "h" };
        _cleanup_(filter_program_unrefp) struct filter_program *program = play_compile("$app.play:depth || 1");
        g_autofree char *buffer = g_malloc(FILTER_CODE_SIZE_MAX);
        g_autoptr(GString) text = g_string_new("u8 == 200");
        struct filter_program *refused = NULL;
        struct filter_error error;
        size_t size;

        assert_rows(rows, G_N_ELEMENTS(rows), &play_all);
        g_assert_cmpint(filter_bind(&program, 1, &play_all.definition, NULL, buffer, FILTER_CODE_SIZE_MAX, &size), ==, 0);
        for (unsigned i = 0; i < G_N_ELEMENTS(names); i++)
                g_string_append_printf(text, " || $app.many:%s || $app.many:%s", names[i], names[i]);
        filter_program_unref(play_compile(text->str));
        g_string_append(text, " || $app.many:one_more");
        g_assert_cmpint(filter_compile(text->str, &refused, &error), ==, -EINVAL);
        g_assert_nonnull(strstr(error.message, "more than 8 contexts of applications"));
        g_assert_cmpuint(error.position, ==, text->len - strlen("$app.many:one_more"));
}

/* Several expressions pass where one does; those that do not fit the event count for nothing. */
static void test_several(void) {
        static const struct {
                const char *texts[3];
                enum played expected;
        } cases[] = {
                { { "id == 8", "name == 'B*'", "after == 1" }, NO },
                { { "id == 7", "name == 'B*'", "after == 1" }, YES },
                { { "id == 8", "name == 'B*'", "after == -3" }, YES },
                { { "missing", "name == 'A*'", "missing" }, YES },
                { { "missing", "name == 'B*'", "name == 1" }, NO },
                { { "missing", "array", "name == 1" }, NEVER },
        };

        for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_autofree struct filter_code *code = g_malloc(FILTER_CODE_SIZE_MAX);
                struct filter_program *programs[3];
                size_t size = 0;
                int r;

                for (unsigned k = 0; k < 3; k++)
                        programs[k] = play_compile(cases[i].texts[k]);
                r = filter_bind(programs, 3, &play_mixed.definition, NULL, code, FILTER_CODE_SIZE_MAX, &size);
                g_assert_cmpint(r, ==, cases[i].expected != NEVER);
                if (r > 0) {
                        g_assert_cmpint(filter_check(code, size), ==, 0);
                        g_assert_cmpint(play_run(code, &play_mixed, NULL), ==, cases[i].expected);
                }
                for (unsigned k = 0; k < 3; k++)
                        filter_program_unref(programs[k]);
        }
}

static struct filter_program *largest(void) {
        g_autoptr(GString) text = g_string_new("");

        /* 64 floating point values, each made a condition on both sides. */
        for (unsigned i = 0; i < 64; i++)
                g_string_append(text, i ? "&&f64" : "f64");
        return play_compile(text->str);
}

/* Room: what is promised always fits, and what does not is refused, at every size below. */
static void test_room(void) {
        g_autofree char *buffer = g_malloc(FILTER_CODE_SIZE_MAX);
        struct filter_program *programs[FILTER_BIND_MAX * 2];
        _cleanup_(filter_program_unrefp) struct filter_program *small = play_compile("name == 'abc' && id == 7");
        size_t size = 0, need;

        for (unsigned i = 0; i < G_N_ELEMENTS(programs); i++)
                programs[i] = largest();
        g_assert_cmpint(filter_bind(programs, FILTER_BIND_MAX, &play_all.definition, NULL, buffer, FILTER_CODE_SIZE_MAX,
                                    &size), ==, 1);
        g_assert_cmpint(filter_check(buffer, size), ==, 0);
        g_assert_true(play_run((const struct filter_code *) buffer, &play_all, NULL));
        g_assert_cmpint(filter_bind(programs, G_N_ELEMENTS(programs), &play_all.definition, NULL, buffer,
                                    FILTER_CODE_SIZE_MAX, &size), ==, -E2BIG);
        for (unsigned i = 0; i < G_N_ELEMENTS(programs); i++)
                filter_program_unref(programs[i]);
        g_assert_cmpint(filter_bind(&small, 1, &play_mixed.definition, NULL, buffer, FILTER_CODE_SIZE_MAX, &need), ==, 1);
        for (size_t room = 0; room <= need; room += 8) {
                g_autofree char *exact = g_malloc(room + 1);

                g_assert_cmpint(filter_bind(&small, 1, &play_mixed.definition, NULL, exact, room, &size), ==,
                                room < need ? -E2BIG : 1);
        }
}

/* A string without end, or a pattern that makes much work, ends the filter, and quickly. */
static void test_steps(void) {
        g_autofree char *endless = g_malloc(1 << 20);
        struct play_event event = play_mixed;
        gint64 begin;

        memset(endless, 'a', 1 << 20);
        event.pieces[1] = (struct filter_piece) { endless, UINT32_MAX, true };
        g_assert_cmpint(play("name == 'a*'", &event), ==, YES);
        g_assert_cmpint(play("name == 'b*'", &event), ==, NO);
        g_assert_cmpint(play("name != '*b'", &event), ==, NO);
        g_assert_cmpint(play("name == name", &event), ==, NO);
        g_assert_cmpint(play("name == name || id == 7", &event), ==, NO);
        g_assert_cmpint(play("id == 7 || name == name", &event), ==, YES);
        begin = g_get_monotonic_time();
        g_assert_cmpint(play("name == '*aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab'", &event), ==, NO);
        g_assert_cmpint(g_get_monotonic_time() - begin, <, 1000000);
        /* A string of known length is looked at as a whole. */
        event.pieces[1] = (struct filter_piece) { endless, FILTER_STEPS_MAX - 2, false };
        g_assert_cmpint(play("name == '*b' || id == 7", &event), ==, YES);
        event.pieces[1].size = FILTER_STEPS_MAX * 2;
        g_assert_cmpint(play("name == '*b' || id == 7", &event), ==, NO);
}

/* A record in which what the filter was made for is not there. */
static void test_other_pieces(void) {
        struct play_event event = play_mixed;

        for (unsigned n = 0; n < 8; n++) {
                event.n_pieces = n;
                g_assert_cmpint(play("after == -3", &event), ==, NO);
                g_assert_cmpint(play("after != -3 || id == 7", &event), ==, NO);
        }
        event = play_mixed;
        event.pieces[0].size = 7;
        g_assert_cmpint(play("id != 0", &event), ==, NO);
        event.pieces[0] = (struct filter_piece) { "ab", UINT32_MAX, true };
        g_assert_cmpint(play("id != 0", &event), ==, NO);
        event = play_mixed;
        event.pieces[3] = (struct filter_piece) { NULL, 0, false };
        g_assert_cmpint(play("text == ''", &event), ==, YES);
        g_assert_cmpint(play("text == '?*' || text == bytes", &event), ==, NO);
        event = play_all;
        event.pieces[0].size = 10;
        g_assert_cmpint(play("u32 == 4000000000", &event), ==, YES);
        g_assert_cmpint(play("u64 || 1", &event), ==, NO);
        g_assert_cmpint(play("no == 0", &event), ==, NO);
}

/* The program's floating point state stays as it was, and it may have asked for traps. */
static void test_floating_point_state(void) {
        for (unsigned i = 0; i < 2; i++) {
                g_autofree struct filter_code *code =
                        play_bind(i ? "tiny > 1e-300 && nan32 < 1 || u64 == f64" : "nan < 1 || nan == nan || 3 == 3.5",
                                  &play_all);

                feclearexcept(FE_ALL_EXCEPT);
                g_assert_false(play_run(code, &play_all, NULL));
                g_assert_cmpint(fetestexcept(FE_ALL_EXCEPT), ==, 0);
        }
}

int main(int argc, char *argv[]) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/filter/types", test_types);
        g_test_add_func("/filter/comparisons", test_comparisons);
        g_test_add_func("/filter/nan", test_nan);
        g_test_add_func("/filter/bits", test_bits);
        g_test_add_func("/filter/strings", test_strings);
        g_test_add_func("/filter/never", test_never);
        g_test_add_func("/filter/contexts", test_contexts);
        g_test_add_func("/filter/applications", test_applications);
        g_test_add_func("/filter/several", test_several);
        g_test_add_func("/filter/room", test_room);
        g_test_add_func("/filter/steps", test_steps);
        g_test_add_func("/filter/other-pieces", test_other_pieces);
        g_test_add_func("/filter/floating-point-state", test_floating_point_state);
        return g_test_run();
}
