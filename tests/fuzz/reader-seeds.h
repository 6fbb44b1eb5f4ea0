/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Traces with everything that the reader knows, each of one stream: the size of
 * the metadata, 4 bytes little endian, the metadata, and a stream file.
 */

#include "tests/fuzz/fuzz.h"

/* Of ours, with several packets; of the kernel, with whose threads there are; and another tracer's. */
GByteArray *reader_seed_compact(void);
GByteArray *reader_seed_kernel(void);
GByteArray *reader_seed_plain(void);
