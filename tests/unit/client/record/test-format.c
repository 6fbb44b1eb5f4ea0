/* SPDX-License-Identifier: LGPL-2.1-or-later */
#undef NDEBUG

#include <glib.h>
#include <stdlib.h>

#include "client/tracectl/format.h"

/* What write makes of f, compared and freed. */
#define assert_written(expected, write)                                                                                \
        G_STMT_START {                                                                                                 \
                char *text = NULL;                                                                                     \
                size_t size;                                                                                           \
                FILE *f = open_memstream(&text, &size);                                                                \
                write;                                                                                                 \
                fclose(f);                                                                                             \
                g_assert_cmpstr(text, ==, expected);                                                                   \
                free(text);                                                                                            \
        }                                                                                                              \
        G_STMT_END

static void test_number(void) {
        assert_written("0", format_number(f, 0));
        assert_written("999", format_number(f, 999));
        assert_written("1,000", format_number(f, 1000));
        assert_written("1,002,034", format_number(f, 1002034));
        assert_written("18,446,744,073,709,551,615", format_number(f, UINT64_MAX));
}

static void test_count(void) {
        assert_written("0 events", format_count(f, 0, "event", "events"));
        assert_written("1 event", format_count(f, 1, "event", "events"));
        assert_written("2,000 processes", format_count(f, 2000, "process", "processes"));
}

static void test_bytes(void) {
        assert_written("0 bytes", format_bytes(f, 0));
        assert_written("1 byte", format_bytes(f, 1));
        assert_written("999 bytes", format_bytes(f, 999));
        assert_written("1.0 kB", format_bytes(f, 1000));
        assert_written("12.3 MB", format_bytes(f, 12345678));
        assert_written("999.9 kB", format_bytes(f, 999949));
        assert_written("1.0 MB", format_bytes(f, 999950));
        assert_written("18.4 EB", format_bytes(f, UINT64_MAX));
}

static void test_shell_word(void) {
        assert_written("shop-20261121/x", format_shell_word(f, "shop-20261121/x"));
        assert_written("''", format_shell_word(f, ""));
        assert_written("'a b'", format_shell_word(f, "a b"));
        assert_written("'it'\\''s $HOME'", format_shell_word(f, "it's $HOME"));
        assert_written("'~root'", format_shell_word(f, "~root"));
}

int main(int argc, char *argv[]) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/format/number", test_number);
        g_test_add_func("/format/count", test_count);
        g_test_add_func("/format/bytes", test_bytes);
        g_test_add_func("/format/shell-word", test_shell_word);
        return g_test_run();
}
