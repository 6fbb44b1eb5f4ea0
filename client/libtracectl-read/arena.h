/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Memory that is freed all at once: everything that a trace's metadata becomes.
 * It never holds more than ARENA_MAX bytes, so that hostile metadata cannot
 * take the machine's memory. One thread at a time.
 */

#include <stddef.h>

#define ARENA_MAX ((size_t) 256 << 20)

struct arena {
        struct arena_block *blocks;
        size_t used; /* of the newest block */
        size_t total;
};

/* Zeroed memory, or NULL. */
void *arena_alloc(struct arena *arena, size_t size);

/* A NUL-terminated copy of size bytes, or NULL. */
char *arena_strndup(struct arena *arena, const char *s, size_t size);

void arena_done(struct arena *arena);
