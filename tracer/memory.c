/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#include "tracer/at-start.h"
#include "tracer/memory.h"

/* One for what is registered, one for what is to be recorded of it; a change needs the new beside the old. */
#define PIECES 2
#define PIECE_SIZE 896

AT_START static char pieces[PIECES][PIECE_SIZE] __attribute__((aligned(16)));
AT_START static uint32_t taken[PIECES];

static void *take_piece(void) {
        for (unsigned i = 0; i < PIECES; i++)
                /* Acquire: after it was cleared. Partner: memory_free(). */
                if (__atomic_exchange_n(&taken[i], 1, __ATOMIC_ACQUIRE) == 0)
                        return pieces[i];
        return NULL;
}

void *memory_new(size_t size) {
        void *p = size <= PIECE_SIZE ? take_piece() : NULL;

        if (p)
                return p;
        p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        return p == MAP_FAILED ? NULL : p;
}

void memory_free(void *p, size_t size) {
        for (unsigned i = 0; i < PIECES; i++)
                if (p == pieces[i]) {
                        memset(p, 0, size);
                        /* Release, with take_piece(). */
                        __atomic_store_n(&taken[i], 0, __ATOMIC_RELEASE);
                        return;
                }
        munmap(p, size);
}
