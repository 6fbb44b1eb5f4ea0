/* SPDX-License-Identifier: LGPL-2.1-or-later */

#undef NDEBUG
#include <glib.h>

#include "consumer/wait.h"

/* Far less than a sleep's own end, far more than a system call takes. */
#define SOON (G_USEC_PER_SEC / 20)

static gint64 sleep_once(struct wait *w) {
        gint64 start = g_get_monotonic_time();

        wait_sleep(w);
        return g_get_monotonic_time() - start;
}

/* A word that has changed since it was collected ends the sleep before it begins. Best of some, for a busy machine. */
static void test_changed_before(void) {
        uint32_t words[3] = {};
        gint64 best = G_MAXINT64;
        struct wait w = {};

        for (int i = 0; i < 20; i++) {
                gint64 slept;

                wait_reset(&w);
                for (unsigned k = 0; k < G_N_ELEMENTS(words); k++)
                        wait_add(&w, &words[k]);
                words[i % 3]++;
                slept = sleep_once(&w);
                best = MIN(best, slept);
        }
        g_assert_false(w.unsupported);
        g_assert_cmpint(best, <, SOON);
}

static void test_timeout(void) {
        struct wait w = {};
        uint32_t word = 5;
        gint64 slept;

        wait_reset(&w);
        wait_add(&w, &word);
        slept = sleep_once(&w);
        g_assert_cmpint(slept, >=, SOON);
        g_assert_cmpint(slept, <, 10 * G_USEC_PER_SEC);
}

/* More words than the kernel takes: the sleep is short instead. */
static void test_overflow(void) {
        uint32_t words[200] = {};
        gint64 best = G_MAXINT64;
        struct wait w = {};

        for (int i = 0; i < 20; i++) {
                gint64 slept;

                wait_reset(&w);
                g_assert_false(w.overflow);
                for (unsigned k = 0; k < G_N_ELEMENTS(words); k++)
                        wait_add(&w, &words[k]);
                g_assert_true(w.overflow);
                slept = sleep_once(&w);
                best = MIN(best, slept);
        }
        g_assert_false(w.unsupported);
        g_assert_cmpint(best, <, SOON);
}

/* An old kernel: the first word alone, for a short time. */
static void test_unsupported(void) {
        struct wait w = { .unsupported = true };
        gint64 best = G_MAXINT64;
        uint32_t word = 0;

        for (int i = 0; i < 20; i++) {
                gint64 slept;

                wait_reset(&w);
                wait_add(&w, &word);
                slept = sleep_once(&w);
                best = MIN(best, slept);
        }
        g_assert_cmpint(best, <, SOON);
        g_assert_cmpint(best, >, 0);
}

/* A call that the kernel refuses is not tried for ever. */
static void test_refused(void) {
        struct wait w = {};
        uint32_t word = 0;

        wait_reset(&w);
        wait_add(&w, &word);
        w.words[0].flags = UINT32_MAX;
        wait_sleep(&w);
        g_assert_true(w.unsupported);
}

int main(int argc, char *argv[]) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/wait/changed-before", test_changed_before);
        g_test_add_func("/wait/timeout", test_timeout);
        g_test_add_func("/wait/overflow", test_overflow);
        g_test_add_func("/wait/unsupported", test_unsupported);
        g_test_add_func("/wait/refused", test_refused);
        return g_test_run();
}
