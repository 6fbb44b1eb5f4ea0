/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * An allocator, as programs bring one along. It only ever hands out new memory,
 * each block behind a word that says it is ours; a foreign block ends the
 * program. Built as a library to be preloaded, and into a program, which says
 * what it came to.
 */

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))
#define SIZE ((size_t) 64 << 20)
#define MARK UINT64_C(0x616c6c6f63617465)

struct head {
        uint64_t mark, size;
};

static char memory[SIZE] __attribute__((aligned(16)));
static size_t used;
static int foreign;

EXPORT void *malloc(size_t size) {
        size_t start, room;

        if (size > SIZE) {
                errno = ENOMEM;
                return NULL;
        }
        room = sizeof(struct head) + ((size + 15) & ~(size_t) 15);
        start = __atomic_fetch_add(&used, room, __ATOMIC_RELAXED);
        if (start + room > SIZE) {
                errno = ENOMEM;
                return NULL;
        }
        *(struct head *) (memory + start) = (struct head) { MARK, size };
        return memory + start + sizeof(struct head);
}

static struct head *head_of(void *p) {
        struct head *head = (struct head *) p - 1;

        if ((char *) p < memory || (char *) p >= memory + SIZE || head->mark != MARK) {
                foreign++;
                abort();
        }
        return head;
}

EXPORT void free(void *p) {
        if (p)
                head_of(p)->mark = MARK;
}

EXPORT void *calloc(size_t count, size_t size) {
        return malloc(count * size);
}

EXPORT void *realloc(void *p, size_t size) {
        void *q = malloc(size);

        if (p && q) {
                size_t old = head_of(p)->size;

                memcpy(q, p, old < size ? old : size);
        }
        return q;
}

/* Crashes or not on what another allocator made, as those of others do. */
EXPORT size_t malloc_usable_size(void *p) {
        return p ? head_of(p)->size : 0;
}

#ifdef ALLOCATOR_PROGRAM
int main(void) {
        for (int i = 0; i < 1000; i++) {
                char *p = malloc((size_t) i);

                p = realloc(p, 2 * (size_t) i);
                if (malloc_usable_size(p) != 2 * (size_t) i)
                        return 1;
                free(p);
        }
        /* So that there is something to record. */
        close(open("/dev/null", O_RDONLY));
        printf("foreign %d\n", foreign);
        return 0;
}
#else
static void __attribute__((destructor)) say(void) {
        char *p = strdup("the library's allocator");

        printf("%s, used %d, foreign %d\n", p, used > 0 && malloc_usable_size(p) > 0, foreign);
}
#endif
