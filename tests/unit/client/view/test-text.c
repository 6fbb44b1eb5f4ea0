/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <math.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "client/tracectl/text.h"

static struct text *text_new(int fd) {
        struct text *text = g_new0(struct text, 1);

        text->fd = fd;
        return text;
}

/* What is in the buffer, which is empty then. */
static char *take(struct text *text) {
        char *s = g_strndup(text->data, text->size);

        text->size = 0;
        return s;
}

#define assert_text(text, expected)                                                                            \
        do {                                                                                                   \
                g_autofree char *_s = take(text);                                                              \
                                                                                                               \
                g_assert_cmpstr(_s, ==, expected);                                                             \
        } while (0)

/* The digits against those of printf(), of numbers of every size. */
static void test_random_numbers(void) {
        g_autofree struct text *text = text_new(-1);
        GRand *rand = g_rand_new_with_seed(3);
        char nine[TEXT_NUMBER];

        for (unsigned i = 0; i < 200000; i++) {
                uint64_t value = ((uint64_t) g_rand_int(rand) << 32 | g_rand_int(rand)) >> (i % 64);
                char expected[TEXT_NUMBER];

                g_snprintf(expected, sizeof(expected), "%" G_GUINT64_FORMAT, value);
                text_add_u64(text, value);
                assert_text(text, expected);
                g_snprintf(expected, sizeof(expected), "%09u", (unsigned) (value % 1000000000));
                g_assert_true(text_write_nanoseconds(nine, (uint32_t) (value % 1000000000)) == nine + 9);
                g_assert_cmpmem(nine, 9, expected, 9);
        }
        g_rand_free(rand);
}

static void test_numbers(void) {
        g_autofree struct text *text = text_new(-1);

        for (uint64_t base = 1, i = 0; i < 20; i++, base *= 10)
                for (int d = -1; d <= 1; d++) {
                        g_autofree char *expected = g_strdup_printf("%" G_GUINT64_FORMAT, base + (uint64_t) d);

                        text_add_u64(text, base + (uint64_t) d);
                        assert_text(text, expected);
                }
        text_add_u64(text, UINT64_MAX);
        assert_text(text, "18446744073709551615");
        text_add_i64(text, INT64_MIN);
        assert_text(text, "-9223372036854775808");
        text_add_i64(text, -1);
        assert_text(text, "-1");
        text_add_digits(text, 42, 9);
        assert_text(text, "000000042");
        text_add_u64_base(text, 0xfeed, 16, 1);
        assert_text(text, "feed");
        text_add_u64_base(text, 5, 2, 8);
        assert_text(text, "00000101");
        text_add_u64_base(text, 0, 8, 1);
        assert_text(text, "0");
        text_add_u64_base(text, UINT64_MAX, 2, 1);
        g_assert_cmpuint(text->size, ==, 64);
}

static void test_doubles(void) {
        static const double values[] = { 0, -0.5, 0.1, 1e300, 1.0 / 3, 123456789.125, 5e-324 };
        g_autofree struct text *text = text_new(-1);

        text_add_double(text, 0.1);
        assert_text(text, "0.1");
        text_add_double(text, NAN);
        g_assert_cmpuint(text->size, >, 0);
        text->size = 0;
        text_add_double(text, INFINITY);
        assert_text(text, "inf");
        for (size_t i = 0; i < G_N_ELEMENTS(values); i++) {
                g_autofree char *s = NULL;

                text_add_double(text, values[i]);
                s = take(text);
                g_assert_cmpfloat(g_ascii_strtod(s, NULL), ==, values[i]);
        }
}

/* Nothing that a terminal would obey gets through. */
static void test_escapes(void) {
        static const struct {
                const char *in, *out;
                size_t size;
        } cases[] = {
                { "plain", "plain" },
                { "a\"b\\c", "a\\\"b\\\\c" },
                { "\a\b\t\n\v\f\r\x1b[31m", "\\a\\b\\t\\n\\v\\f\\r\\e[31m" },
                { "\x01\x7f", "\\x01\\x7f" },
                { "gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80",
                  "gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80" },
                { "\xc2\x9b" "31m", "\\xc2\\x9b31m" },            /* CSI in 8 bits */
                { "\x9b", "\\x9b" },
                { "\xe2\x80\xae", "\\xe2\\x80\\xae" },            /* right to left */
                { "\xe2\x80\xa8", "\\xe2\\x80\\xa8" },            /* line separator */
                { "\xc0\x8a\xe0\x80\x8a", "\\xc0\\x8a\\xe0\\x80\\x8a" }, /* a line feed, overlong */
                { "\xed\xa0\x80", "\\xed\\xa0\\x80" },            /* a surrogate */
                { "\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80" },   /* beyond Unicode */
                { "\xc3", "\\xc3" },
                { "\xe2\x82", "\\xe2\\x82" },
                { "\xff\xfe", "\\xff\\xfe" },
                { "a\0b", "a\\x00b", 3 },
        };
        g_autofree struct text *text = text_new(-1);

        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                text_add_escaped(text, cases[i].in, cases[i].size > 0 ? cases[i].size : strlen(cases[i].in), '"');
                assert_text(text, cases[i].out);
        }
        text_add_escaped(text, "a\"b", 3, 0);
        assert_text(text, "a\"b");
}

/* More than the buffer, in pieces of all sizes, arrives as it was. */
static void test_flush(void) {
        g_autofree struct text *text = NULL;
        g_autofree char *back = NULL;
        g_autoptr(GString) expected = g_string_new("");
        int fd = memfd_create("text", MFD_CLOEXEC);

        g_assert_cmpint(fd, >=, 0);
        text = text_new(fd);
        for (unsigned i = 0; i < 3000; i++) {
                g_autofree char *piece = g_strnfill(i % 400, (char) ('a' + i % 26));

                g_string_append(expected, piece);
                text_add(text, piece, i % 400);
                g_string_append_printf(expected, "%u", i);
                text_add_u64(text, i);
        }
        text_flush(text);
        g_assert_cmpint(text->error, ==, 0);
        back = g_malloc0(expected->len + 2);
        g_assert_cmpint(pread(fd, back, expected->len + 1, 0), ==, (ssize_t) expected->len);
        g_assert_cmpstr(back, ==, expected->str);
        close(fd);
}

static void test_error(void) {
        g_autofree struct text *text = text_new(open("/dev/full", O_WRONLY | O_CLOEXEC));

        text_add_literal(text, "x");
        g_assert_cmpint(text->error, ==, 0);
        text_flush(text);
        g_assert_cmpint(text->error, ==, ENOSPC);
        for (unsigned i = 0; i < 2 * TEXT_SIZE; i++)
                text_add_char(text, 'x');
        g_assert_cmpint(text->error, ==, ENOSPC);
        close(text->fd);
}

int main(int argc, char *argv[]) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/text/numbers", test_numbers);
        g_test_add_func("/text/random-numbers", test_random_numbers);
        g_test_add_func("/text/doubles", test_doubles);
        g_test_add_func("/text/escapes", test_escapes);
        g_test_add_func("/text/flush", test_flush);
        g_test_add_func("/text/error", test_error);
        return g_test_run();
}
