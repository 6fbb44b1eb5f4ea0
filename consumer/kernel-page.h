/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * From a sub-buffer of the kernel's ring to the events of a packet. Every
 * length is checked before it is used, so that any bytes give a valid packet or
 * an early end, which is counted. No memory of its own; the drainer's thread.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "consumer/kernel-class.h"

/* How a kernel's sub-buffers begin: from its file events/header_page. */
struct kernel_layout {
        uint32_t commit_size; /* bytes of the word behind the time: 4 or 8 */
        uint32_t data_at;
        uint32_t subbuf_size;
};

/* -EBADMSG where the files describe what is not known here. */
int kernel_layout_parse(const char *page, size_t page_size, const char *event, size_t event_size,
                        uint32_t subbuf_size, struct kernel_layout *ret);

/* Bytes that the header has counted, 0 where there are none, or none that can be. */
uint32_t kernel_page_size(const struct kernel_layout *layout, const void *page);
uint64_t kernel_page_time(const void *page);

/* Event classes by the number of the kernel's event. */
struct kernel_classes {
        struct kernel_class **by_id;
        uint32_t n;
};

struct kernel_walk {
        uint64_t begin;  /* no event is before, */
        uint64_t latest; /* and none after */
        bool skip;       /* records of unknown events are skipped; else they end the walk */
        char *to;        /* where events go: room for room bytes */
        size_t room;
};

struct kernel_walked {
        size_t size; /* of the events */
        uint64_t events;
        uint64_t first, end; /* times of the first and the last one; without events begin */
        uint64_t unknown; /* events of no known class */
        uint64_t garbage; /* bytes that were no records */
};

/* The room that the events of a sub-buffer can need. */
static inline size_t kernel_walk_room(uint32_t subbuf_size) {
        return 2 * (size_t) subbuf_size + 4096;
}

void kernel_walk(const struct kernel_layout *layout, const struct kernel_classes *classes, const void *page,
                 const struct kernel_walk *walk, struct kernel_walked *ret);

/* The header of an event; returns what is behind. last: the time of what is before it in its packet. */
static inline char *kernel_put_header(char *to, uint32_t id, uint64_t time, uint64_t last) {
        if (__builtin_expect(id <= KERNEL_ID_COMPACT_MAX && time - last < UINT32_C(1) << 27, 1)) {
                uint32_t word = id | (uint32_t) (time << 5);

                memcpy(to, &word, sizeof(word));
                return to + sizeof(word);
        }
        if (id <= UINT16_MAX && time - last <= UINT32_MAX) {
                uint16_t short_id = (uint16_t) id;
                uint32_t low = (uint32_t) time;

                *to = KERNEL_ID_MEDIUM;
                memcpy(to + 1, &short_id, sizeof(short_id));
                memcpy(to + 3, &low, sizeof(low));
                return to + 7;
        }
        *to = KERNEL_ID_EXTENDED;
        memcpy(to + 1, &id, sizeof(id));
        memcpy(to + 5, &time, sizeof(time));
        return to + KERNEL_HEADER_MAX;
}
