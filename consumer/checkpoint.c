/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <string.h>

#include "consumer/checkpoint.h"

/*
 * Stores on either side stay there in the program. The processor needs no
 * fence: whoever is killed has made all stores before that instruction and none
 * behind it, and the successor is started later.
 */
static void keep_order(void) {
        __atomic_signal_fence(__ATOMIC_SEQ_CST);
}

static void store_word(struct checkpoint *c, uint64_t word) {
        keep_order();
        __atomic_store_n(&c->word, word, __ATOMIC_RELAXED);
        keep_order();
}

static void write_copy(struct checkpoint *c, uint64_t i, const void *record, size_t size) {
        memcpy(c->copies[i], record, size);
        memset(c->copies[i] + size, 0, CHECKPOINT_ROOM - size);
}

void checkpoint_settle(struct checkpoint *c, uint64_t generation) {
        uint64_t holds = c->word & 1, proposed = c->word >> 1;

        store_word(c, proposed > 0 && proposed <= generation ? !holds : holds);
}

void checkpoint_load(struct checkpoint *c, uint64_t generation, void *ret, size_t size) {
        checkpoint_settle(c, generation);
        memcpy(ret, c->copies[c->word & 1], size);
}

void checkpoint_save(struct checkpoint *c, const void *record, size_t size) {
        uint64_t other = !(c->word & 1);

        /* A proposal's copy is written to: it must be none before. */
        if (c->word >> 1)
                store_word(c, !other);
        write_copy(c, other, record, size);
        store_word(c, other);
}

void checkpoint_propose(struct checkpoint *c, uint64_t generation, const void *record, size_t size) {
        uint64_t holds = c->word & 1;

        if (c->word >> 1)
                store_word(c, holds);
        write_copy(c, !holds, record, size);
        store_word(c, generation << 1 | holds);
}
