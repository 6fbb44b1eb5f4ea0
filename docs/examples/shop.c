/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A small shop: a few threads take orders and are paid, or not. It is an
 * example of <tracectl/tracepoint.h>: an event is one statement at the place
 * where it happens. Usage: shop [ORDERS [THREADS]]
 */

#include <inttypes.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include <tracectl/tracepoint.h>

#define THREADS_MAX 64

struct order {
        uint64_t id;
        const char *customer;
        uint32_t cents;
};

struct clerk {
        pthread_t thread;
        uint64_t first, last; /* orders: first <= id < last */
        uint64_t paid, refused;
};

static bool pay(const struct order *order) {
        if (order->cents % 10 == 3) {
                tracectl_trace_at(TRACECTL_WARNING, shop, order_refused, tp_u64(id, order->id),
                                  tp_str(customer, order->customer), tp_str(reason, "card declined"));
                return false;
        }
        tracectl_trace(shop, order_paid, tp_u64(id, order->id), tp_str(customer, order->customer),
                       tp_u32(cents, order->cents));
        return true;
}

static void *serve(void *userdata) {
        static const char *const customers[] = { "ada", "blaise", "grace", "konrad" };
        struct clerk *clerk = userdata;

        for (uint64_t id = clerk->first; id < clerk->last; id++) {
                struct order order = {
                        .id = id,
                        .customer = customers[id % 4],
                        .cents = (uint32_t) (id * 7919 % 10000),
                };

                tracectl_trace(shop, order_received, tp_u64(id, order.id), tp_u32(cents, order.cents));
                if (pay(&order))
                        clerk->paid++;
                else
                        clerk->refused++;
        }
        return NULL;
}

static bool parse(const char *text, uint64_t max, uint64_t *ret) {
        unsigned long long value;
        char *end;

        value = strtoull(text, &end, 10);
        if (*text < '0' || *text > '9' || *end != '\0' || value < 1 || value > max)
                return false;
        *ret = value;
        return true;
}

int main(int argc, char *argv[]) {
        uint64_t orders = 12, threads = 2, paid = 0, refused = 0;
        struct clerk clerks[THREADS_MAX] = {};

        if (argc > 3 || (argc > 1 && !parse(argv[1], UINT32_MAX, &orders)) ||
            (argc > 2 && !parse(argv[2], THREADS_MAX, &threads))) {
                fprintf(stderr, "Usage: %s [ORDERS [THREADS]]; there are at most %d threads.\n", argv[0], THREADS_MAX);
                return 2;
        }
        for (uint64_t i = 0; i < threads; i++) {
                clerks[i].first = 1 + orders * i / threads;
                clerks[i].last = 1 + orders * (i + 1) / threads;
                if (pthread_create(&clerks[i].thread, NULL, serve, &clerks[i]) != 0) {
                        fputs("shop: no thread could be started.\n", stderr);
                        return 1;
                }
        }
        for (uint64_t i = 0; i < threads; i++) {
                pthread_join(clerks[i].thread, NULL);
                paid += clerks[i].paid;
                refused += clerks[i].refused;
        }
        tracectl_tracef("closing after %" PRIu64 " orders", orders);
        printf("%" PRIu64 " orders: %" PRIu64 " paid, %" PRIu64 " refused\n", orders, paid, refused);
        return 0;
}
