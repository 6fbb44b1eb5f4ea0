/* SPDX-License-Identifier: LGPL-2.1-or-later */
#undef NDEBUG

#include <glib.h>

#include "client/tracectl/record-cost.h"

#define EVENTS UINT64_C(10000000)
#define BYTES (12 * EVENTS)

/* How many times as much as events that are in the trace. The clock, which is measured, is in both. */
static double compare(const struct record_cost *cost) {
        const struct record_cost one = { .events = EVENTS, .bytes = BYTES };

        return (double) record_cost_estimate(cost) / (double) record_cost_estimate(&one);
}

static void assert_about(double value, double expected) {
        g_assert_cmpfloat(value, >, expected * 0.7);
        g_assert_cmpfloat(value, <, expected * 1.4);
}

/* What is not in the trace has taken its time, too. */
static void test_lost(void) {
        assert_about(compare(&(struct record_cost) { .events = EVENTS, .bytes = BYTES, .overwritten = 9 * BYTES }), 10);
        assert_about(compare(&(struct record_cost) { .discarded = 100 * EVENTS }),
                     compare(&(struct record_cost) { .discarded = 10 * EVENTS }) * 10);
        g_assert_cmpfloat(compare(&(struct record_cost) { .discarded = EVENTS }), >, 0.2);
}

static void test_nothing(void) {
        g_assert_cmpuint(record_cost_estimate(&(struct record_cost) {}), ==, 0);
        g_assert_cmpuint(record_cost_estimate(&(struct record_cost) { .starts = 1 }), >, 0);
}

int main(int argc, char *argv[]) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/record-cost/lost", test_lost);
        g_test_add_func("/record-cost/nothing", test_nothing);
        return g_test_run();
}
