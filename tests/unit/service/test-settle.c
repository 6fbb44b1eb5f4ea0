/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Applications that have just got their first view are left alone for a moment, unless somebody waits. */

#include "bare-registry.h"

#include <unistd.h>

#define HOUR_USEC (UINT64_C(3600) * 1000000)

/* Longer than anybody waits here, and shorter. Nor does the sweep come by. */
static const struct registry_config never = { .settle_usec = HOUR_USEC, .sweep_usec = HOUR_USEC };
static const struct registry_config soon = { .settle_usec = 1000, .sweep_usec = HOUR_USEC };

static const char *const shop[] = { "shop:order_paid", NULL };

static void start_and_end(struct bare_registry *w) {
        fake_application_free(fake_application_register(&w->f, shop, 0));
}

/* What it has said, and that it has ended, is not heard of before a call waits; then at once. */
static void test_left_alone(void) {
        struct fake_application *stays;
        struct bare_registry w;

        bare_registry_init(&w, &never);
        start_and_end(&w);
        stays = fake_application_register(&w.f, shop, 0);
        bare_registry_wait(&w, &w.added, 2);
        g_assert_cmpuint(registry_count(w.registry, getuid()), ==, 2);
        g_assert_cmpuint(registry_count_pending(w.registry, getuid(), 1), ==, 2);
        registry_await(w.registry, REGISTRY_AWAITED_BY_CALLS, true);
        bare_registry_wait(&w, &w.removed, 1);
        while (registry_count_pending(w.registry, getuid(), 1) > 0)
                bare_registry_next(&w);
        g_assert_cmpuint(registry_count(w.registry, getuid()), ==, 1);
        /* It has settled: its end is heard of, whoever waits. */
        registry_await(w.registry, REGISTRY_AWAITED_BY_CALLS, false);
        fake_application_free(stays);
        bare_registry_wait(&w, &w.removed, 2);
        bare_registry_done(&w);
}

/* Nobody settles while a call waits, or others are to be woken. */
static void test_awaited(void) {
        struct bare_registry w;

        bare_registry_init(&w, &never);
        registry_await(w.registry, REGISTRY_AWAITED_BY_CALLS, true);
        start_and_end(&w);
        bare_registry_wait(&w, &w.removed, 1);
        registry_await(w.registry, REGISTRY_AWAITED_BY_WAKE, true);
        registry_await(w.registry, REGISTRY_AWAITED_BY_CALLS, false);
        start_and_end(&w);
        bare_registry_wait(&w, &w.removed, 2);
        bare_registry_done(&w);
}

/* Nobody waits: the moment ends by itself, for many together, and again for those that come after it. */
static void test_moment(void) {
        enum { N = 100 };
        struct fake_application *a[N];
        struct bare_registry w;

        bare_registry_init(&w, &soon);
        for (unsigned round = 1; round <= 2; round++) {
                for (unsigned i = 0; i < N; i++)
                        a[i] = fake_application_register(&w.f, shop, 0);
                for (unsigned i = 0; i < N; i += 2)
                        fake_application_free(a[i]);
                bare_registry_wait(&w, &w.removed, (2 * round - 1) * N / 2);
                for (unsigned i = 1; i < N; i += 2)
                        fake_application_free(a[i]);
                bare_registry_wait(&w, &w.removed, round * N);
        }
        bare_registry_done(&w);
}

/* The registry goes while some settle. */
static void test_end(void) {
        struct fake_application *a;
        struct bare_registry w;

        bare_registry_init(&w, &never);
        a = fake_application_register(&w.f, shop, 0);
        start_and_end(&w);
        bare_registry_done(&w);
        fake_application_assert_closed(a);
        fake_application_free(a);
}

int main(int argc, char *argv[]) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/settle/left-alone", test_left_alone);
        g_test_add_func("/settle/awaited", test_awaited);
        g_test_add_func("/settle/moment", test_moment);
        g_test_add_func("/settle/end", test_end);
        return g_test_run();
}
