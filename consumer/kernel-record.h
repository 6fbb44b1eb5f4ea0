/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* One record after the other of a sub-buffer. Every length is checked before it is used. No state of its own. */

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define KERNEL_RECORD_TYPE_BITS 5
#define KERNEL_RECORD_DELTA_BITS 27
#define KERNEL_RECORD_STAMP_BITS 59

enum kernel_record_type {
        KERNEL_RECORD_LONG = 0, /* 1 to 28: payload in words of 4 bytes; 0: its size is in the next word */
        KERNEL_RECORD_PADDING = 29,
        KERNEL_RECORD_EXTEND = 30,
        KERNEL_RECORD_STAMP = 31,
};

static inline uint32_t kernel_record_load(const char *p) {
        uint32_t word;

        memcpy(&word, p, sizeof(word));
        return word;
}

/* A record that is no event: the time moves, or nothing happens. NULL where it does not fit. */
static inline const char *kernel_record_pass(const char *p, const char *stop, uint32_t word, uint64_t *time) {
        uint32_t delta = word >> KERNEL_RECORD_TYPE_BITS, next;

        if ((word & 31) == KERNEL_RECORD_PADDING && delta == 0)
                return stop;
        if (stop - p < 8)
                return NULL;
        next = kernel_record_load(p + 4);
        switch (word & 31) {
        case KERNEL_RECORD_PADDING:
                *time += delta;
                return next >= 4 && next <= (size_t) (stop - p) - 4 && next % 4 == 0 ? p + 4 + next : NULL;
        case KERNEL_RECORD_EXTEND:
                *time += delta | (uint64_t) next << KERNEL_RECORD_DELTA_BITS;
                return p + 8;
        default:
                *time = (*time >> KERNEL_RECORD_STAMP_BITS << KERNEL_RECORD_STAMP_BITS) | delta |
                        (uint64_t) next << KERNEL_RECORD_DELTA_BITS;
                return p + 8;
        }
}

/* Where the payload of an event is. NULL where it does not fit. */
static inline const char *kernel_record_measure(const char *p, const char *stop, uint32_t word, uint32_t *ret_size) {
        uint32_t size = (word & 31) * 4;

        p += 4;
        if (__builtin_expect(size == 0, 0)) {
                if (stop - p < 4)
                        return NULL;
                size = kernel_record_load(p);
                if (size < 4 || size % 4)
                        return NULL;
                size -= 4;
                p += 4;
        }
        if (size < 4 || size > (size_t) (stop - p))
                return NULL;
        *ret_size = size;
        return p;
}

struct kernel_cursor {
        const char *p, *stop;
        uint64_t time; /* of the last record */
};

/* The next event's payload, of *ret_size bytes; NULL at the end, or where nothing makes sense any more. */
static inline const char *kernel_cursor_next(struct kernel_cursor *c, uint32_t *ret_size) {
        while (c->stop - c->p >= 4) {
                uint32_t word = kernel_record_load(c->p);
                const char *record;

                if ((word & 31) >= KERNEL_RECORD_PADDING) {
                        c->p = kernel_record_pass(c->p, c->stop, word, &c->time);
                        if (!c->p)
                                break;
                        continue;
                }
                record = kernel_record_measure(c->p, c->stop, word, ret_size);
                if (!record)
                        break;
                c->time += word >> KERNEL_RECORD_TYPE_BITS;
                c->p = record + *ret_size;
                return record;
        }
        c->p = c->stop;
        return NULL;
}
