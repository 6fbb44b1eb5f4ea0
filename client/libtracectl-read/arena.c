/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

#include "client/libtracectl-read/arena.h"

/* Where inputs are looked for that break us, each thing is a block of its own: a sanitizer sees what goes beyond it. */
#ifdef TRACECTL_FUZZ
#define BLOCK_SIZE ((size_t) 0)
#else
#define BLOCK_SIZE ((size_t) 64 << 10)
#endif

struct arena_block {
        struct arena_block *next;
        size_t size;
        alignas(max_align_t) char data[];
};

void *arena_alloc(struct arena *arena, size_t size) {
        struct arena_block *block = arena->blocks;
        void *p;

        if (size > ARENA_MAX)
                return NULL;
        size = (size + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
        if (!block || block->size - arena->used < size) {
                size_t n = size > BLOCK_SIZE ? size : BLOCK_SIZE;

                if (n > ARENA_MAX - arena->total)
                        return NULL;
                block = calloc(1, sizeof(*block) + n);
                if (!block)
                        return NULL;
                block->size = n;
                block->next = arena->blocks;
                arena->blocks = block;
                arena->used = 0;
                arena->total += n;
        }
        p = block->data + arena->used;
        arena->used += size;
        return p;
}

char *arena_strndup(struct arena *arena, const char *s, size_t size) {
        char *copy = arena_alloc(arena, size + 1);

        if (copy)
                memcpy(copy, s, size);
        return copy;
}

void arena_done(struct arena *arena) {
        while (arena->blocks) {
                struct arena_block *next = arena->blocks->next;

                free(arena->blocks);
                arena->blocks = next;
        }
        *arena = (struct arena) {};
}
