/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * How formats grow. A minor version appends to a struct, which says its size or
 * is all that a message has, or brings messages, keys, frames and records of new
 * types. Readers take what they know by size, skip the rest, and do without what
 * an earlier version has not sent.
 *
 * With -Dlater=true everything is built as if it were of the next version: each
 * minor number is one more, and each struct that can grow has grown by a member
 * of which this version knows nothing. tests/system/test_service_upgrade.py has
 * both versions record together.
 */

#include <stdint.h>

#ifdef TRACECTL_LATER
#define LATER_MINOR 1
#define LATER_SIZE 8
#define LATER_MEMBER uint64_t later;
#else
#define LATER_MINOR 0
#define LATER_SIZE 0
#define LATER_MEMBER
#endif

/* What a struct that ends with LATER_MEMBER had before. */
#define SIZE_BEFORE_LATER(type) (sizeof(type) - LATER_SIZE)
