/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* How large the registry's tables become. */

#include <glib.h>
#include <malloc.h>

#include "service/registry/internal.h"
#include "service/registry/table.h"

#define N 10000
#define STORMS 100
#define BUCKET_SIZE sizeof(struct cds_lfht_node)

/* Buckets are as many as a power of two that is less than twice what is in the table. */
#define BYTES_MAX (4 * N * BUCKET_SIZE)

static size_t bytes_allocated(void) {
        struct mallinfo2 info = mallinfo2();

        return info.hblkhd + info.uordblks;
}

static void add_all(struct cds_lfht *table, struct cds_lfht_node *nodes, uint64_t first) {
        for (unsigned i = 0; i < N; i++) {
                rcu_read_lock();
                cds_lfht_node_init(&nodes[i]);
                cds_lfht_add(table, registry_hash((first + i) * (first + i)), &nodes[i]);
                rcu_read_unlock();
        }
}

static void delete_all(struct cds_lfht *table, struct cds_lfht_node *nodes) {
        for (unsigned i = 0; i < N; i++) {
                rcu_read_lock();
                g_assert_cmpint(cds_lfht_del(table, &nodes[i]), ==, 0);
                rcu_read_unlock();
        }
        synchronize_rcu();
}

/* Thousands come and go again and again: the table's own thread has all the time to make it larger than it need be. */
static void test_size(void) {
        struct cds_lfht_node *nodes = g_new0(struct cds_lfht_node, N);
        size_t before = bytes_allocated();
        struct cds_lfht *table = table_new();

        for (uint64_t i = 0; i < STORMS; i++) {
                add_all(table, nodes, i * N);
                g_assert_cmpuint(bytes_allocated() - before, <, BYTES_MAX);
                delete_all(table, nodes);
        }
        g_assert_cmpint(cds_lfht_destroy(table, NULL), ==, 0);
        g_free(nodes);
}

int main(int argc, char *argv[]) {
        int r;

        g_test_init(&argc, &argv, NULL);
        rcu_register_thread();
        g_test_add_func("/table/size", test_size);
        r = g_test_run();
        rcu_unregister_thread();
        return r;
}
