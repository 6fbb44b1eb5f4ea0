/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <glib.h>

#include "client/tracectl/nearest.h"

static const char *nearest_of(const char *word) {
        static const char *const words[] = { "record", "view", "version", "help", "by" };
        struct nearest nearest = NEAREST_INIT(word);

        for (size_t i = 0; i < G_N_ELEMENTS(words); i++)
                nearest_offer(&nearest, words[i]);
        return nearest.best;
}

static void test_meant(void) {
        g_assert_cmpstr(nearest_of("recrod"), ==, "record");
        g_assert_cmpstr(nearest_of("recor"), ==, "record");
        g_assert_cmpstr(nearest_of("rrecord"), ==, "record");
        g_assert_cmpstr(nearest_of("vew"), ==, "view");
        g_assert_cmpstr(nearest_of("versoin"), ==, "version");
        g_assert_cmpstr(nearest_of("help"), ==, "help");
        g_assert_cmpstr(nearest_of("yb"), ==, "by");
}

static void test_not_meant(void) {
        g_assert_null(nearest_of("xyz"));
        g_assert_null(nearest_of(""));
        g_assert_null(nearest_of("ls"));
        g_assert_null(nearest_of("recordrecordrecordrecordrecordrecord"));
}

int main(int argc, char *argv[]) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/nearest/meant", test_meant);
        g_test_add_func("/nearest/not-meant", test_not_meant);
        return g_test_run();
}
