/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A record in shared memory that is whole at every instruction: what a consumer
 * leaves to its successor when it is killed. There are two copies, and a word
 * says which of them holds; a new record goes into the other one and then holds
 * by one store to the word. Zeroed memory holds a zeroed record. The copies lie
 * where they lie whatever the size of the record is, with zeros behind it: a
 * consumer of a later version has a longer one, and may be followed by an earlier
 * one, and that by a later one again.
 *
 * Several records change together (a transaction) in three steps: each is
 * proposed under a generation number that none had before; the record that has
 * the current generation (the session's) is saved with that number, which is the
 * commit; then each proposal is settled. One that was never settled holds
 * exactly if the session's generation has reached it.
 *
 * Only the order of our own stores counts: a kill comes between two of them, and
 * memory and page cache survive it. A power cut is another matter: it takes the
 * rings as well. One thread.
 */

#include <stddef.h>
#include <stdint.h>

/* Bytes of the largest record. */
#define CHECKPOINT_ROOM 248

struct checkpoint {
        uint64_t word; /* bit 0: which copy holds; above: the generation under which the other one is proposed, or 0 */
        char copies[2][CHECKPOINT_ROOM];
};

/* The record that holds, for a session of this generation. A proposal is settled. */
void checkpoint_load(struct checkpoint *c, uint64_t generation, void *ret, size_t size);

/* Replaces the record; takes a proposal back. */
void checkpoint_save(struct checkpoint *c, const void *record, size_t size);

void checkpoint_propose(struct checkpoint *c, uint64_t generation, const void *record, size_t size);

/* Makes a proposal hold, or takes it back where its generation was not reached. */
void checkpoint_settle(struct checkpoint *c, uint64_t generation);
