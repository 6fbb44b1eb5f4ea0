/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A shared memory file that a thread makes before anybody asks for it, since the
 * kernel takes a millisecond to clear two or three megabytes. Whoever has it may
 * take it, once, or free it.
 */

#include <stdint.h>

struct spare;

int spare_new(uint64_t size, struct spare **ret);

/* Waits until it is made. Frees it. -ENOENT: it has another size. */
int spare_take(struct spare *s, uint64_t size, int *ret_fd);

struct spare *spare_free(struct spare *s);
