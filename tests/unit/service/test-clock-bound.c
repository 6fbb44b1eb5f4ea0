/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <glib.h>
#include <sched.h>

#include "service/model/clock-bound.h"

#define AHEAD 10000000 /* ns: more than what a busy machine adds, mostly */
#define TRIES 20

static uint64_t read_right(void) {
        return trace_clock_read_monotonic(0);
}

/* As where a processor's counter was not set to that of the others. */
static uint64_t read_ahead(void) {
        unsigned cpu;

        g_assert_cmpint(getcpu(&cpu, NULL), ==, 0);
        return trace_clock_read_monotonic(0) + (cpu > 0 ? AHEAD : 0);
}

static uint64_t read_behind(void) {
        unsigned cpu;

        g_assert_cmpint(getcpu(&cpu, NULL), ==, 0);
        return trace_clock_read_monotonic(0) - (cpu > 0 ? AHEAD : 0);
}

static int n_cpus(void) {
        cpu_set_t set;

        g_assert_cmpint(sched_getaffinity(0, sizeof(set), &set), ==, 0);
        return CPU_ISSET(0, &set) ? CPU_COUNT(&set) : 1;
}

/* A machine that has no time for it may say so. */
static void measure(clock_bound_read_t read, struct clock_bound *ret) {
        int r = -ETIME;

        for (int i = 0; i < TRIES && r == -ETIME; i++)
                r = clock_bound_measure_with(read, ret);
        g_assert_cmpint(r, ==, 0);
}

/* Counters that are one: a bound, and never a difference. */
static void test_one_counter(void) {
        struct clock_bound bound;
        cpu_set_t before, after;

        g_assert_cmpint(sched_getaffinity(0, sizeof(before), &before), ==, 0);
        for (int i = 0; i < TRIES; i++) {
                measure(read_right, &bound);
                g_assert_cmpuint(bound.certain, ==, 0);
                g_assert_true(n_cpus() == 1 ? bound.ticks == 0 : bound.ticks > 0);
        }
        g_assert_cmpint(sched_getaffinity(0, sizeof(after), &after), ==, 0);
        g_assert_true(CPU_EQUAL(&before, &after));
}

static void test_machine(void) {
        enum trace_clock clock = trace_clock_choose();
        struct clock_bound bound;
        int r = -ETIME;

        for (int i = 0; i < TRIES && r == -ETIME; i++)
                r = clock_bound_measure(clock, &bound);
        g_assert_cmpint(r, ==, 0);
        g_assert_cmpuint(bound.certain, <=, bound.ticks);
        /* Two nanoseconds were seen, on a virtual machine; it would be a counter that is useless. */
        g_assert_cmpuint(bound.certain, <, 1000);
        g_test_message("%" G_GUINT64_FORMAT " ticks", bound.ticks);
}

static void check_difference(clock_bound_read_t read) {
        struct clock_bound bound = {};

        if (n_cpus() == 1) {
                g_test_skip("there is one processor");
                return;
        }
        for (int i = 0; i < TRIES && bound.certain == 0; i++) {
                measure(read, &bound);
                /* The bound has to hold in any case. */
                g_assert_cmpuint(bound.ticks, >=, AHEAD);
        }
        g_assert_cmpuint(bound.certain, >, 0);
        g_assert_cmpuint(bound.certain, <=, bound.ticks);
}

static void test_ahead(void) {
        check_difference(read_ahead);
}

static void test_behind(void) {
        check_difference(read_behind);
}

/* There is nothing to compare with, and nothing to say. */
static void test_alone(void) {
        struct clock_bound bound = { .ticks = 1 };
        cpu_set_t before, one;
        int cpu = sched_getcpu();

        g_assert_cmpint(sched_getaffinity(0, sizeof(before), &before), ==, 0);
        CPU_ZERO(&one);
        CPU_SET((unsigned) cpu, &one);
        g_assert_cmpint(sched_setaffinity(0, sizeof(one), &one), ==, 0);
        g_assert_cmpint(clock_bound_measure_with(read_ahead, &bound), ==, 0);
        g_assert_cmpuint(bound.ticks, ==, 0);
        g_assert_cmpuint(bound.certain, ==, 0);
        g_assert_cmpint(sched_setaffinity(0, sizeof(before), &before), ==, 0);
}

int main(int argc, char *argv[]) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/clock-bound/one-counter", test_one_counter);
        g_test_add_func("/clock-bound/machine", test_machine);
        g_test_add_func("/clock-bound/ahead", test_ahead);
        g_test_add_func("/clock-bound/behind", test_behind);
        g_test_add_func("/clock-bound/alone", test_alone);
        return g_test_run();
}
