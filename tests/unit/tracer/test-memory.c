/* SPDX-License-Identifier: LGPL-2.1-or-later */

#undef NDEBUG

#include <glib.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "tracer/memory.h"

static size_t total_mapped(void) {
        g_autofree char *maps = NULL;
        size_t total = 0;

        g_assert_true(g_file_get_contents("/proc/self/maps", &maps, NULL, NULL));
        for (const char *line = maps; line && *line; line = strchr(line, '\n')) {
                unsigned long begin, end;

                line += *line == '\n';
                if (sscanf(line, "%lx-%lx", &begin, &end) == 2 && !strstr(line, "[heap]"))
                        total += end - begin;
        }
        return total;
}

static char *take(size_t size) {
        char *p = memory_new(size);

        g_assert_nonnull(p);
        g_assert_cmpuint((uintptr_t) p % 16, ==, 0);
        for (size_t i = 0; i < size; i++)
                g_assert_cmpint(p[i], ==, 0);
        memset(p, 0xff, size);
        return p;
}

/* What is registered stays; what is to be recorded is replaced again and again, the new beside the old. */
static void change(size_t first, size_t second) {
        char *registered = take(400), *old = take(first);
        size_t before = total_mapped();

        for (unsigned i = 0; i < 10; i++) {
                size_t old_size = i % 2 ? second : first, size = i % 2 ? first : second;
                char *next = take(size);

                g_assert_cmpuint(total_mapped(), ==, before);
                memory_free(old, old_size);
                old = next;
        }
        memory_free(old, first);
        memory_free(registered, 400);
}

static void test_changes(void) {
        change(300, 700);
        change(800, 1000);
        change(1500, 1600);
        change(4096, 4000);
}

static void test_large(void) {
        size_t before = total_mapped();
        char *large = take(4097), *another = take(100000);

        g_assert_cmpuint(total_mapped(), >, before);
        memory_free(large, 4097);
        memory_free(another, 100000);
        g_assert_cmpuint(total_mapped(), ==, before);
}

/* More than there is of our own. */
static void test_many(void) {
        size_t before = total_mapped();
        char *p[20];

        for (unsigned i = 0; i < G_N_ELEMENTS(p); i++)
                p[i] = take(i % 2 ? 100 : 2000);
        for (unsigned i = 0; i < G_N_ELEMENTS(p); i++)
                for (unsigned j = 0; j < i; j++)
                        g_assert_true(p[i] != p[j]);
        for (unsigned i = 0; i < G_N_ELEMENTS(p); i++)
                memory_free(p[i], i % 2 ? 100 : 2000);
        g_assert_cmpuint(total_mapped(), ==, before);
}

int main(int argc, char *argv[]) {
        g_test_init(&argc, &argv, NULL);
        /* What GLib maps when it is first used. */
        (void) total_mapped();
        g_test_add_func("/tracer/memory/changes", test_changes);
        g_test_add_func("/tracer/memory/large", test_large);
        g_test_add_func("/tracer/memory/many", test_many);
        return g_test_run();
}
