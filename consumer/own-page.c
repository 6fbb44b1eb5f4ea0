/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <string.h>

#include "consumer/kernel-record.h"
#include "consumer/own-page.h"

#define SHORT_MAX (28 * 4)

void own_page_begin(struct own_page *page, const struct kernel_layout *layout, uint64_t time) {
        memset(page->data, 0, layout->data_at);
        memcpy(page->data, &time, sizeof(time));
        page->size = layout->data_at;
        page->last = time;
}

static char *put(char *to, uint32_t word) {
        memcpy(to, &word, sizeof(word));
        return to + sizeof(word);
}

/* The header of a record says how much later than the one before it is, in a part of a word. */
static char *put_header(char *to, uint32_t size, uint64_t delta) {
        const uint64_t mask = (UINT64_C(1) << KERNEL_RECORD_DELTA_BITS) - 1;

        if (delta > mask) {
                to = put(to, KERNEL_RECORD_EXTEND | (uint32_t) ((delta & mask) << KERNEL_RECORD_TYPE_BITS));
                to = put(to, (uint32_t) (delta >> KERNEL_RECORD_DELTA_BITS));
                delta = 0;
        }
        if (size <= SHORT_MAX)
                return put(to, size / 4 | (uint32_t) delta << KERNEL_RECORD_TYPE_BITS);
        to = put(to, KERNEL_RECORD_LONG | (uint32_t) delta << KERNEL_RECORD_TYPE_BITS);
        return put(to, size + 4);
}

bool own_page_add(struct own_page *page, const struct kernel_layout *layout, const char *record, uint32_t size,
                  uint64_t time) {
        const size_t room = layout->subbuf_size < sizeof(page->data) ? layout->subbuf_size : sizeof(page->data);
        char *to = page->data + page->size;
        uint32_t used;

        if (page->size + 16 + (size_t) size > room)
                return false;
        to = put_header(to, size, time - page->last);
        memcpy(to, record, size);
        page->size = (size_t) (to + size - page->data);
        page->last = time;
        used = (uint32_t) (page->size - layout->data_at);
        memcpy(page->data + sizeof(uint64_t), &used, sizeof(used));
        return true;
}
