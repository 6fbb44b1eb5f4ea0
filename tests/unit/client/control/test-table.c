/* SPDX-License-Identifier: LGPL-2.1-or-later */
#undef NDEBUG

#include <glib.h>
#include <stdio.h>

#include "client/tracectl/table.h"

static const char *const headers[] = { "NAME", "N", "TEXT", NULL };

static void fill(struct table *table) {
        table_add(table, "a\tb");
        table_add_number(table, 7);
        table_add(table, "x");
        table_add(table, "\xc3\xa4\xc3\xb6");
        table_add_number(table, 1234);
        table_add(table, "");
}

/* In a process of its own: what it prints is what is tested. */
static void print_in_child(const char *indent, gboolean with_legend) {
        struct table table = { .headers = headers, .indent = indent, .with_legend = with_legend };

        fill(&table);
        g_assert_cmpint(table_print(&table), ==, 0);
        table_done(&table);
}

static void test_aligned(void) {
        if (g_test_subprocess()) {
                print_in_child(NULL, TRUE);
                return;
        }
        g_test_trap_subprocess(NULL, 0, 0);
        g_test_trap_assert_passed();
        g_test_trap_assert_stdout("*NAME     N  TEXT\na\\tb     7  x\n\xc3\xa4\xc3\xb6    1234  -\n*");
}

static void test_without_legend(void) {
        if (g_test_subprocess()) {
                print_in_child("  ", FALSE);
                return;
        }
        g_test_trap_subprocess(NULL, 0, 0);
        g_test_trap_assert_passed();
        g_test_trap_assert_stdout("*  a\\tb     7  x\n  \xc3\xa4\xc3\xb6    1234  -\n*");
        g_test_trap_assert_stdout_unmatched("*NAME*");
}

static void test_empty(void) {
        if (g_test_subprocess()) {
                struct table table = { .headers = headers, .with_legend = true };

                g_assert_cmpint(table_print(&table), ==, 0);
                table_done(&table);
                return;
        }
        g_test_trap_subprocess(NULL, 0, 0);
        g_test_trap_assert_passed();
        g_test_trap_assert_stdout("*NAME  N  TEXT\n*");
}

int main(int argc, char *argv[]) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/table/aligned", test_aligned);
        g_test_add_func("/table/without-legend", test_without_legend);
        g_test_add_func("/table/empty", test_empty);
        return g_test_run();
}
