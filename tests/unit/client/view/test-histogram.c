/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <glib.h>

#include "client/tracectl/histogram.h"

static void assert_near(uint64_t value, uint64_t expected) {
        g_assert_cmpuint(value, >=, expected - expected / 64);
        g_assert_cmpuint(value, <=, expected + (expected / 64 < UINT64_MAX - expected ? expected / 64 : 0));
}

static void test_empty(void) {
        g_autofree struct histogram *h = g_new0(struct histogram, 1);

        g_assert_cmpuint(histogram_get(h, 500), ==, 0);
}

/* Each alone, from its own bucket: what is read is near what was put in. */
static void test_values(void) {
        for (unsigned shift = 0; shift < 64; shift++)
                for (int64_t around = -1; around <= 1; around++) {
                        g_autofree struct histogram *h = g_new0(struct histogram, 1);
                        uint64_t value = (UINT64_C(1) << shift) + (uint64_t) around;

                        histogram_add(h, 0);
                        histogram_add(h, value);
                        histogram_add(h, UINT64_MAX);
                        assert_near(histogram_get(h, 500), value);
                        g_assert_cmpuint(h->min, ==, 0);
                        g_assert_cmpuint(h->max, ==, UINT64_MAX);
                }
}

static void test_percentiles(void) {
        g_autofree struct histogram *h = g_new0(struct histogram, 1);

        for (unsigned i = 1; i <= 1000; i++)
                histogram_add(h, i * 1000);
        assert_near(histogram_get(h, 500), 500000);
        assert_near(histogram_get(h, 990), 990000);
        g_assert_cmpuint(histogram_get(h, 1000), ==, 1000000);
        g_assert_cmpuint(h->sum, ==, 500500000);
}

static void test_sum_stops(void) {
        g_autofree struct histogram *h = g_new0(struct histogram, 1);

        histogram_add(h, UINT64_MAX);
        histogram_add(h, 1);
        g_assert_cmpuint(h->sum, ==, UINT64_MAX);
}

int main(int argc, char *argv[]) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/histogram/empty", test_empty);
        g_test_add_func("/histogram/values", test_values);
        g_test_add_func("/histogram/percentiles", test_percentiles);
        g_test_add_func("/histogram/sum-stops", test_sum_stops);
        return g_test_run();
}
