/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <stdio.h>

#include "common/cleanup.h"
#include "consumer/kernel-page.h"

/* Of the word that counts a sub-buffer's bytes; above are flags, such as that events before it were lost. */
#define COMMIT_MASK UINT32_C(0x7ffffff)

#define TYPE_BITS 5
#define DELTA_BITS 27
#define STAMP_BITS 59

enum record_type {
        TYPE_LONG = 0,      /* 1 to 28: payload in words of 4 bytes; 0: its size is in the next word */
        TYPE_PADDING = 29,
        TYPE_EXTEND = 30,
        TYPE_STAMP = 31,
};

static bool parse_page_field(const char *text, const char *name, unsigned *ret_offset, unsigned *ret_size) {
        const char *at = strstr(text, name);

        return at && sscanf(at + strlen(name), "; offset:%u; size:%u;", ret_offset, ret_size) == 2;
}

/* "type_len    :    5 bits", "padding     : type == 29" */
static bool parse_bits(const char *text, const char *name, unsigned expected) {
        unsigned n;

        text = strstr(text, name);
        text = text ? strchr(text, ':') : NULL;
        return text && (sscanf(text, ": %u", &n) == 1 || sscanf(text, ": type == %u", &n) == 1) && n == expected;
}

int kernel_layout_parse(const char *page, size_t page_size, const char *event, size_t event_size,
                        uint32_t subbuf_size, struct kernel_layout *ret) {
        unsigned time_at, time_size, commit_at, commit_size, data_at, data_size;
        char text[4096];

        if (page_size >= sizeof(text) || event_size >= sizeof(text))
                return -EBADMSG;
        memcpy(text, page, page_size);
        text[page_size] = '\0';
        if (!parse_page_field(text, " timestamp", &time_at, &time_size) ||
            !parse_page_field(text, " commit", &commit_at, &commit_size) ||
            !parse_page_field(text, " data", &data_at, &data_size))
                return -EBADMSG;
        if (time_at != 0 || time_size != 8 || commit_at != 8 || (commit_size != 4 && commit_size != 8) ||
            data_at < commit_at + commit_size || data_at > 64 || data_at >= subbuf_size)
                return -EBADMSG;
        memcpy(text, event, event_size);
        text[event_size] = '\0';
        if (!parse_bits(text, "type_len", TYPE_BITS) || !parse_bits(text, "time_delta", DELTA_BITS) ||
            !parse_bits(text, "padding", TYPE_PADDING) || !parse_bits(text, "time_extend", TYPE_EXTEND) ||
            !parse_bits(text, "time_stamp", TYPE_STAMP))
                return -EBADMSG;
        *ret = (struct kernel_layout) { commit_size, data_at, subbuf_size };
        return 0;
}

uint32_t kernel_page_size(const struct kernel_layout *layout, const void *page) {
        uint32_t commit;

        /* Of a long word the low half, since a kernel this is for is little endian. */
        memcpy(&commit, (const char *) page + sizeof(uint64_t), sizeof(commit));
        commit &= COMMIT_MASK;
        return commit <= layout->subbuf_size - layout->data_at ? commit : 0;
}

uint64_t kernel_page_time(const void *page) {
        uint64_t time;

        memcpy(&time, page, sizeof(time));
        return time;
}

static uint32_t load(const char *p) {
        uint32_t word;

        memcpy(&word, p, sizeof(word));
        return word;
}

/* A record that is no event: the time moves, or nothing happens. NULL where it does not fit. */
static const char *pass(const char *p, const char *stop, uint32_t word, uint64_t *time) {
        uint32_t delta = word >> TYPE_BITS, next;

        if ((word & 31) == TYPE_PADDING && delta == 0)
                return stop;
        if (stop - p < 8)
                return NULL;
        next = load(p + 4);
        switch (word & 31) {
        case TYPE_PADDING:
                *time += delta;
                return next >= 4 && next <= (size_t) (stop - p) - 4 && next % 4 == 0 ? p + 4 + next : NULL;
        case TYPE_EXTEND:
                *time += delta | (uint64_t) next << DELTA_BITS;
                return p + 8;
        default:
                *time = (*time >> STAMP_BITS << STAMP_BITS) | delta | (uint64_t) next << DELTA_BITS;
                return p + 8;
        }
}

/* Where the payload of an event is. NULL where it does not fit. */
static inline const char *measure(const char *p, const char *stop, uint32_t word, uint32_t *ret_size) {
        uint32_t size = (word & 31) * 4;

        p += 4;
        if (__builtin_expect(size == 0, 0)) {
                if (stop - p < 4)
                        return NULL;
                size = load(p);
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

static inline const struct kernel_class *find(const struct kernel_classes *classes, const char *record) {
        uint16_t id;

        memcpy(&id, record, sizeof(id));
        return id < classes->n ? classes->by_id[id] : NULL;
}

void kernel_walk(const struct kernel_layout *layout, const struct kernel_classes *classes, const void *page,
                 const struct kernel_walk *walk, struct kernel_walked *ret) {
        const char *p = (const char *) page + layout->data_at, *stop = p + kernel_page_size(layout, page);
        const char *end = walk->to + walk->room, *next;
        uint64_t time = kernel_page_time(page), last = walk->begin, events = 0;
        char *to = walk->to;

        ret->unknown = 0;
        for (; stop - p >= 4; p = next) {
                const struct kernel_class *class;
                uint32_t word = load(p), size;
                const char *record;
                char *behind;

                if (__builtin_expect((word & 31) >= TYPE_PADDING, 0)) {
                        next = pass(p, stop, word, &time);
                        if (!next)
                                break;
                        continue;
                }
                record = measure(p, stop, word, &size);
                if (!record)
                        break;
                next = record + size;
                time += word >> TYPE_BITS;
                class = find(classes, record);
                if (__builtin_expect(!class, 0)) {
                        ret->unknown++;
                        if (!walk->skip)
                                break;
                        continue;
                }
                if (size < class->min_size || time > walk->latest ||
                    end - to < KERNEL_HEADER_MAX + KERNEL_TID_SIZE + class->fixed_size + KERNEL_SLACK)
                        break;
                /* A clock that goes back makes a trace that nobody can read. */
                if (time < last)
                        time = last;
                behind = kernel_class_put(class, record, size, kernel_put_header(to, class->id, time, last), end);
                if (!behind)
                        break;
                to = behind;
                last = time;
                events++;
        }
        ret->size = (size_t) (to - walk->to);
        ret->events = events;
        ret->end = last;
        ret->garbage = (size_t) (stop - p);
}
