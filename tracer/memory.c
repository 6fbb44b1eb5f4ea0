/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#include "tracer/at-start.h"
#include "tracer/memory.h"

/* One for what is registered, one for what is to be recorded of it. */
#define PIECES 2
#define PIECE_SIZE 896

/*
 * What is to be recorded next lies beside what is recorded now. To map and unmap some at each change is a quarter of
 * what the change takes of the process. So these are its own; who has none of the pieces left touches the first.
 */
#define ROOMS 2
#define ROOM_SIZE 4096

AT_START static char pieces[PIECES][PIECE_SIZE] __attribute__((aligned(16)));
AT_START static uint32_t taken[PIECES + ROOMS];
static char rooms[ROOMS][ROOM_SIZE] __attribute__((aligned(ROOM_SIZE)));

static void *memory_of(unsigned i) {
        return i < PIECES ? pieces[i] : rooms[i - PIECES];
}

static void *take(size_t size) {
        for (unsigned i = size <= PIECE_SIZE ? 0 : PIECES; i < PIECES + ROOMS; i++)
                /* Acquire: after it was cleared. Partner: memory_free(). */
                if (__atomic_exchange_n(&taken[i], 1, __ATOMIC_ACQUIRE) == 0)
                        return memory_of(i);
        return NULL;
}

void *memory_new(size_t size) {
        void *p = size <= ROOM_SIZE ? take(size) : NULL;

        if (p)
                return p;
        p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        return p == MAP_FAILED ? NULL : p;
}

void memory_free(void *p, size_t size) {
        for (unsigned i = 0; i < PIECES + ROOMS; i++)
                if (p == memory_of(i)) {
                        memset(p, 0, size);
                        /* Release, with take(). */
                        __atomic_store_n(&taken[i], 0, __ATOMIC_RELEASE);
                        return;
                }
        munmap(p, size);
}
