/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The tables of this folder: as large as what is in them asks for. Without its
 * count (ACCOUNTING) liburcu sees the longest chain alone, and makes a table four
 * times as large wherever chance has made a chain of three: ten thousand
 * applications came to have millions of buckets, which never go again, cost 16
 * bytes each, and are walked with every change.
 */

#include <urcu.h>
#include <urcu/rculfhash.h>

#define TABLE_BUCKETS_MIN 256 /* a page */

/* Where there is such a limit liburcu maps buckets: what was a thousand's goes back whole, and splits no arena of malloc(). */
#define TABLE_BUCKETS_MAX (1 << 17)

/* NULL where memory ran out. */
static inline struct cds_lfht *table_new(void) {
        return cds_lfht_new(TABLE_BUCKETS_MIN, TABLE_BUCKETS_MIN, TABLE_BUCKETS_MAX,
                            CDS_LFHT_AUTO_RESIZE | CDS_LFHT_ACCOUNTING, NULL);
}

/*
 * One that has become empty: the count itself makes none smaller that has fewer than a thousand in it for each CPU. Not
 * from an RCU read-side critical section; waits for those of others.
 */
static inline void table_shrink(struct cds_lfht *table) {
        cds_lfht_resize(table, TABLE_BUCKETS_MIN);
}
