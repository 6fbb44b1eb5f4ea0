/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <glib.h>
#include <time.h>

#include "client/tracectl/time-argument.h"

#define SECOND INT64_C(1000000000)

/* 2026-11-21 09:30:15.25 UTC. */
static const int64_t now = INT64_C(1795253415) * SECOND + SECOND / 4;

static void assert_time(const char *text, int64_t expected) {
        int64_t found = -1;

        g_assert_cmpint(time_argument_parse(text, now, &found), ==, 0);
        g_assert_cmpint(found, ==, expected);
}

static void assert_error(const char *text, int error) {
        int64_t found = 42;

        g_assert_cmpint(time_argument_parse(text, now, &found), ==, error);
        g_assert_cmpint(found, ==, 42);
}

static void test_relative(void) {
        assert_time("now", now);
        assert_time(" now ", now);
        assert_time("-5min", now - 300 * SECOND);
        assert_time("-5", now - 5 * SECOND);
        assert_time("+1h 30min", now + 5400 * SECOND);
        assert_time("+1h30min", now + 5400 * SECOND);
        assert_time("2 hours ago", now - 7200 * SECOND);
        assert_time("1d 2h ago", now - 26 * 3600 * SECOND);
        assert_time("-0.5s", now - SECOND / 2);
        assert_time("-1.5h", now - 5400 * SECOND);
        assert_time("-250ms", now - SECOND / 4);
        assert_time("-3us", now - 3000);
        assert_time("-1w", now - 7 * 86400 * SECOND);
}

static void test_calendar(void) {
        int64_t today = INT64_C(1795253415) / 86400 * 86400 * SECOND;

        assert_time("today", today);
        assert_time("yesterday", today - 86400 * SECOND);
        assert_time("tomorrow", today + 86400 * SECOND);
        assert_time("yesterday 12:00", today - 43200 * SECOND);
        assert_time("09:30", today + 34200 * SECOND);
        assert_time("09:30:15.25", now);
        assert_time("2026-11-21", today);
        assert_time("Sat 2026-11-21", today);
        assert_time("saturday 2026-11-21 09:30", today + 34200 * SECOND);
        assert_time("2026-11-21 09:30", today + 34200 * SECOND);
        assert_time("2026-11-21T09:30:15.250000000", now);
        assert_time("2026-11-21 09:30:15.000000001", now - SECOND / 4 + 1);
        assert_time("2000-02-29 00:00:00 UTC", INT64_C(951782400) * SECOND);
        assert_time("1970-01-01 00:00:00 UTC", 0);
        assert_time("@1795253415.25", now);
        assert_time("@0", 0);
}

/* In local time, with its changes between summer and winter. */
static void test_zone(void) {
        g_setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", TRUE);
        tzset();
        assert_time("2026-11-21 10:30:15.25", now);
        assert_time("2026-11-21 09:30:15.25 UTC", now);
        assert_time("10:30:15.25", now);
        assert_time("2026-07-01 00:00", INT64_C(1782856800) * SECOND);
        g_setenv("TZ", "UTC", TRUE);
        tzset();
}

static void test_errors(void) {
        static const char *const wrong[] = { "", " ", "noon", "5min", "-", "-x", "-5parsec", "+5min ago", "09", "09:",
                                             "24:00", "09:60", "2026-13-01", "2026-11-00", "2026-11-21 x", "Sun 2026-11-21", "Sat", "Sat 09:30", "Sat today",
                                             "2026-11-21x", "@", "@x", "@1.", "ago", "5 ago x",
                                             "today 25:00", "todays", "-5min x", "1.s ago" };

        for (unsigned i = 0; i < G_N_ELEMENTS(wrong); i++)
                assert_error(wrong[i], -EINVAL);
        assert_error("-999999999999y", -ERANGE);
        assert_error("@99999999999999", -ERANGE);
}

int main(int argc, char *argv[]) {
        g_test_init(&argc, &argv, NULL);
        g_setenv("TZ", "UTC", TRUE);
        tzset();
        g_test_add_func("/time-argument/relative", test_relative);
        g_test_add_func("/time-argument/calendar", test_calendar);
        g_test_add_func("/time-argument/zone", test_zone);
        g_test_add_func("/time-argument/errors", test_errors);
        return g_test_run();
}
