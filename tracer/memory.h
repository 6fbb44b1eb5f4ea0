/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Memory for what the library learns, from the kernel: malloc() may be traced
 * itself. What a small program needs first fits into pieces that the library
 * has, in a page that is touched anyway: a mapping and the first use of it cost
 * its start some microseconds each.
 */

#include <stddef.h>

/* Zeros, aligned for anything; or NULL. */
void *memory_new(size_t size);

/* Async-signal-safe, as the other. */
void memory_free(void *p, size_t size);
