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

static char *copy_at(struct checkpoint *c, uint64_t i, size_t size) {
        return c->copies + i * size;
}

void checkpoint_settle(struct checkpoint *c, uint64_t generation) {
        uint64_t holds = c->word & 1, proposed = c->word >> 1;

        store_word(c, proposed > 0 && proposed <= generation ? !holds : holds);
}

void checkpoint_load(struct checkpoint *c, uint64_t generation, void *ret, size_t size) {
        checkpoint_settle(c, generation);
        memcpy(ret, copy_at(c, c->word & 1, size), size);
}

void checkpoint_save(struct checkpoint *c, const void *record, size_t size) {
        uint64_t other = !(c->word & 1);

        /* A proposal's copy is written to: it must be none before. */
        if (c->word >> 1)
                store_word(c, !other);
        memcpy(copy_at(c, other, size), record, size);
        store_word(c, other);
}

void checkpoint_propose(struct checkpoint *c, uint64_t generation, const void *record, size_t size) {
        uint64_t holds = c->word & 1;

        if (c->word >> 1)
                store_word(c, holds);
        memcpy(copy_at(c, !holds, size), record, size);
        store_word(c, generation << 1 | holds);
}
