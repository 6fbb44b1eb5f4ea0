/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <glib.h>

#include "client/libtracectl-read/clock.h"

#define NSEC_PER_SEC UINT64_C(1000000000)

/* A frequency of 1 GHz is exact, up to the last tick. */
static void test_nanoseconds(void) {
        struct clock clock = { .frequency = NSEC_PER_SEC, .offset_seconds = 5, .offset_ticks = 7 };

        g_assert_cmpint(clock_finish(&clock), ==, 0);
        g_assert_cmpint(clock_to_ns(&clock, 0), ==, 5000000007);
        g_assert_cmpint(clock_to_ns(&clock, 123456789012345), ==, 123461789012352);
        g_assert_cmpint(clock_to_ns(&clock, INT64_C(1) << 62), ==, (INT64_C(1) << 62) + 5000000007);
}

/* Any other agrees with the division that it stands for, and never runs backwards. */
static void test_other_frequencies(void) {
        static const uint64_t frequencies[] = { 1, 32768, 2445424141, 3999999999, UINT64_C(10000000000) };

        for (size_t i = 0; i < G_N_ELEMENTS(frequencies); i++) {
                struct clock clock = { .frequency = frequencies[i] };
                int64_t last = -1;

                g_assert_cmpint(clock_finish(&clock), ==, 0);
                for (uint64_t n = 0; n < 2000; n++) {
                        uint64_t ticks = n * 977 + (n % 2) * frequencies[i] * 1000;
                        uint64_t exact = (uint64_t) ((unsigned __int128) ticks * NSEC_PER_SEC / frequencies[i]);

                        g_assert_cmpint(clock_to_ns(&clock, ticks), ==, (int64_t) exact);
                }
                for (uint64_t n = 0; n < 1000; n++) {
                        int64_t ns = clock_to_ns(&clock, frequencies[i] * 1000000 + n);

                        g_assert_cmpint(ns, >=, last);
                        last = ns;
                }
        }
}

static void test_offset_ticks(void) {
        struct clock clock = { .frequency = 4, .offset_seconds = -1, .offset_ticks = 6 };

        g_assert_cmpint(clock_finish(&clock), ==, 0);
        g_assert_cmpint(clock_to_ns(&clock, 1), ==, 750000000);
}

static void test_senseless(void) {
        struct clock stopped = { .frequency = 0 };
        struct clock far = { .frequency = 1, .offset_seconds = INT64_MAX / 2 };
        struct clock farther = { .frequency = 1, .offset_ticks = UINT64_MAX / 2 };

        g_assert_cmpint(clock_finish(&stopped), ==, -EINVAL);
        g_assert_cmpint(clock_finish(&far), ==, -EINVAL);
        g_assert_cmpint(clock_finish(&farther), ==, -EINVAL);
}

int main(int argc, char *argv[]) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/clock/nanoseconds", test_nanoseconds);
        g_test_add_func("/clock/other-frequencies", test_other_frequencies);
        g_test_add_func("/clock/offset-ticks", test_offset_ticks);
        g_test_add_func("/clock/senseless", test_senseless);
        return g_test_run();
}
