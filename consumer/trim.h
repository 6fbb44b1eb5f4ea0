/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Chunks of the output that give their place to newer ones, for the opener. What
 * the disk has is what counts: nobody keeps a list of them. Whatever in such a
 * directory is no trace of ours stays, and the directory with it. No state.
 */

#include <stdint.h>

/*
 * Removes the chunks with the lowest numbers until the others have together no
 * more than `keep` bytes on the disk. *ret_removed is the number of the last that
 * went, or 0; also on failure, -errno.
 */
int trim_chunks(int directory, uint64_t keep, uint32_t *ret_removed);
