/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What tracefs counts of one processor's ring: its file per_cpu/cpuN/stats. No state. */

#include <stddef.h>
#include <stdint.h>

/*
 * Events that were lost since the ring is there: overwritten ones, those that
 * found no room, and those that interrupted too many others. -EBADMSG where the
 * text does not tell.
 */
int kernel_stats_parse(const char *text, uint64_t *ret_lost);

/* Reads the file. -errno, or as above. */
int kernel_stats_read(int fd, uint64_t *ret_lost);
