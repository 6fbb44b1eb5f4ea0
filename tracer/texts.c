/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * As calls.c, and for the same reason: functions that the C library has, which
 * every program with the library would look up before main(); most of these are
 * chosen by the processor at that time as well. None is called where events are
 * recorded: what that needs (memcpy(), strnlen(), ...) is the C library's.
 */

#include <stdint.h>
#include <string.h>

/* A compiler that knows what a loop does may put the call in its place that this is. */
#define KEEP_LOOP(p) __asm__("" : "+r"(p))

/* By a name of its own: of a call by the other one the compiler may make what calls it. */
static char *copy(char *to, const char *from) {
        while ((*to = *from)) {
                KEEP_LOOP(from);
                from++;
                to++;
        }
        return to;
}

char *stpcpy(char *restrict to, const char *restrict from) {
        return copy(to, from);
}

char *strcpy(char *restrict to, const char *restrict from) {
        (void) copy(to, from);
        return to;
}

char *strchr(const char *s, int c) {
        for (; *s != (char) c; s++) {
                KEEP_LOOP(s);
                if (!*s)
                        return NULL;
        }
        return (char *) s;
}

char *strrchr(const char *s, int c) {
        const char *found = NULL;

        for (;; s++) {
                KEEP_LOOP(s);
                if (*s == (char) c)
                        found = s;
                if (!*s)
                        return (char *) found;
        }
}

static int compare(const char *a, const char *b, size_t n) {
        for (; n > 0; a++, b++, n--) {
                KEEP_LOOP(a);
                if (*a != *b || !*a)
                        return (unsigned char) *a - (unsigned char) *b;
        }
        return 0;
}

int strcmp(const char *a, const char *b) {
        return compare(a, b, SIZE_MAX);
}

int strncmp(const char *a, const char *b, size_t n) {
        return compare(a, b, n);
}

size_t strcspn(const char *s, const char *rejected) {
        size_t n = 0;

        while (s[n] && !strchr(rejected, s[n])) {
                KEEP_LOOP(s);
                n++;
        }
        return n;
}

void *memchr(const void *p, int c, size_t n) {
        for (const char *s = p; n > 0; s++, n--) {
                KEEP_LOOP(s);
                if (*s == (char) c)
                        return (char *) s;
        }
        return NULL;
}
