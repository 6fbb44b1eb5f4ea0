/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <stdio.h>

#include "common/cleanup.h"
#include "consumer/kernel-page.h"
#include "consumer/kernel-record.h"

/* Of the word that counts a sub-buffer's bytes; above are flags, such as that events before it were lost. */
#define COMMIT_MASK UINT32_C(0x7ffffff)

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
        if (!parse_bits(text, "type_len", KERNEL_RECORD_TYPE_BITS) || !parse_bits(text, "time_delta", KERNEL_RECORD_DELTA_BITS) ||
            !parse_bits(text, "padding", KERNEL_RECORD_PADDING) || !parse_bits(text, "time_extend", KERNEL_RECORD_EXTEND) ||
            !parse_bits(text, "time_stamp", KERNEL_RECORD_STAMP))
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
        ret->first = last;
        for (; stop - p >= 4; p = next) {
                const struct kernel_class *class;
                uint32_t word = kernel_record_load(p), size;
                const char *record;
                char *behind;

                if (__builtin_expect((word & 31) >= KERNEL_RECORD_PADDING, 0)) {
                        next = kernel_record_pass(p, stop, word, &time);
                        if (!next)
                                break;
                        continue;
                }
                record = kernel_record_measure(p, stop, word, &size);
                if (!record)
                        break;
                next = record + size;
                time += word >> KERNEL_RECORD_TYPE_BITS;
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
                if (events++ == 0)
                        ret->first = time;
        }
        ret->size = (size_t) (to - walk->to);
        ret->events = events;
        ret->end = last;
        ret->garbage = (size_t) (stop - p);
}
