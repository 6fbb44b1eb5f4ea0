/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* How large the registry's tables become. */

#include <glib.h>
#include <stdio.h>
#include <string.h>

#include "service/registry/internal.h"
#include "service/registry/table.h"

#define N 10000
#define STORMS 100
#define BUCKET_SIZE sizeof(struct cds_lfht_node)

/* Buckets are as many as a power of two that is less than twice what is in the table. */
#define BYTES_MAX (4 * N * BUCKET_SIZE)

/* Of whatever kind. */
static size_t bytes_allocated(void) {
        g_autofree char *status = NULL;
        unsigned long kib;

        g_assert_true(g_file_get_contents("/proc/self/status", &status, NULL, NULL));
        g_assert_cmpint(sscanf(strstr(status, "\nVmData:"), "\nVmData: %lu", &kib), ==, 1);
        return kib * 1024;
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
        struct cds_lfht *table = table_new();
        size_t before;

        /* With it, liburcu's own thread. */
        add_all(table, nodes, STORMS * N);
        delete_all(table, nodes);
        table_shrink(table);
        before = bytes_allocated();
        for (uint64_t i = 0; i < STORMS; i++) {
                add_all(table, nodes, i * N);
                g_assert_cmpuint(bytes_allocated() - before, <, BYTES_MAX);
                delete_all(table, nodes);
        }
        g_assert_cmpint(cds_lfht_destroy(table, NULL), ==, 0);
        g_free(nodes);
}

static void test_shrink(void) {
        struct cds_lfht_node *nodes = g_new0(struct cds_lfht_node, N);
        struct cds_lfht *table = table_new();
        size_t before = bytes_allocated();

        add_all(table, nodes, 0);
        delete_all(table, nodes);
        table_shrink(table);
        g_assert_cmpuint(bytes_allocated(), ==, before);
        add_all(table, nodes, 0);
        delete_all(table, nodes);
        g_assert_cmpint(cds_lfht_destroy(table, NULL), ==, 0);
        g_free(nodes);
}

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define OWN_MEMORY false /* but a sanitizer's, too */
#else
#define OWN_MEMORY true
#endif

int main(int argc, char *argv[]) {
        int r;

        g_test_init(&argc, &argv, NULL);
        rcu_register_thread();
        if (OWN_MEMORY) {
                g_test_add_func("/table/size", test_size);
                g_test_add_func("/table/shrink", test_shrink);
        }
        r = g_test_run();
        rcu_unregister_thread();
        return r;
}
